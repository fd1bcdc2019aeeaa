//! What the files request, and from which issuers.

use signet_api::external::certificate::CertificateSpec;
use signet_api::{GROUP, IssuerKind};
use signet_core::request::{CsrDraft, RawRequest, ServiceAccount};

use super::certificate;
use super::documents::Document;
use crate::issuer_name::IssuerName;
use crate::requests::unwatched;

/// A request to decide on.
pub(super) struct Request {
    pub(super) label: String,
    pub(super) issuer: IssuerName,
    pub(super) raw: RawRequest,
    /// The CSR, if the one in `raw` does not exist yet.
    pub(super) draft: Option<CsrDraft>,
    pub(super) assumptions: Vec<String>,
}

/// The accounts that files do not name.
pub(super) struct Accounts<'a> {
    pub(super) cert_manager: &'a ServiceAccount,
    /// Who makes requests that do not say who made them.
    pub(super) requester: Option<&'a ServiceAccount>,
}

/// Whether a document is a request of a kind that can be decided.
pub(super) fn is_request(document: &Document) -> bool {
    matches!(
        document.kind(),
        ("cert-manager.io", "Certificate" | "CertificateRequest")
            | (
                "certificates.k8s.io",
                "CertificateSigningRequest" | "PodCertificateRequest"
            )
    )
}

/// Reads a request; none if it is for another signer.
pub(super) fn read(
    document: &Document,
    accounts: &Accounts<'_>,
) -> Result<Option<Request>, String> {
    match document.kind().1 {
        "Certificate" => of_certificate(document, accounts.cert_manager),
        kind => of_object(document, kind, accounts.requester),
    }
}

fn of_certificate(
    document: &Document,
    cert_manager: &ServiceAccount,
) -> Result<Option<Request>, String> {
    #[derive(serde::Deserialize)]
    struct Certificate {
        #[serde(default)]
        spec: CertificateSpec,
    }
    let Certificate { spec } = document.read()?;
    let Some(issuer) = issuer_of(&spec, document.namespace()) else {
        return Ok(None);
    };
    let (namespace, name) = (document.namespace(), document.name());
    let draft = certificate::draft(&spec);
    let draft =
        draft.map_err(|error| format!("{}: {}: {error}", document.file, document.label()))?;
    let mut assumptions = vec!["an approver approves the request".to_owned()];
    assumptions.extend(document.default_namespace());
    Ok(Some(Request {
        label: document.label(),
        issuer,
        raw: certificate::request(namespace, name, &spec, cert_manager),
        draft: Some(draft),
        assumptions,
    }))
}

/// As a CertificateRequest names it (rule A1-1).
fn issuer_of(spec: &CertificateSpec, namespace: &str) -> Option<IssuerName> {
    let reference = &spec.issuer_ref;
    let (kind, namespace) = match reference.kind.as_str() {
        _ if reference.group != GROUP => return None,
        "Issuer" | "" => (IssuerKind::Issuer, namespace.to_owned()),
        "ClusterIssuer" => (IssuerKind::ClusterIssuer, String::new()),
        _ => return None,
    };
    Some(IssuerName {
        kind,
        namespace,
        name: reference.name.clone(),
    })
}

fn of_object(
    document: &Document,
    kind: &str,
    requester: Option<&ServiceAccount>,
) -> Result<Option<Request>, String> {
    let fault = |error: String| format!("{}: {}: {error}", document.file, document.label());
    let Some(mut read) = unwatched::read(kind, document.stored(kind)).map_err(fault)? else {
        return Ok(None);
    };
    let mut assumptions: Vec<_> = read.assumptions.iter().map(ToString::to_string).collect();
    if kind != "CertificateSigningRequest" {
        assumptions.extend(document.default_namespace());
    }
    if read.raw.pod.is_none() && read.raw.requester.username.is_empty() {
        let requester = requester.ok_or_else(|| {
            fault(
                "spec.username is missing, which the API server sets; name the ServiceAccount \
                 that makes the request by --requester"
                    .to_owned(),
            )
        })?;
        read.raw.requester = certificate::token_of(requester).into();
    }
    Ok(Some(Request {
        label: document.label(),
        issuer: read.issuer,
        raw: read.raw,
        draft: None,
        assumptions,
    }))
}
