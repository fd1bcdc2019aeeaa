//! A `CertificateRequest` as a request of the core. Pure.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kube::ResourceExt;
use signet_api::external::certificate_request::{CertificateRequest, CertificateRequestStatus};
use signet_api::{GROUP, IssuerKind, duration};
use signet_core::request::{
    Annotated, Api, Approval, DEFAULT_DURATION, RawRequest, Reference, Requester,
};

use crate::issuer_name::IssuerName;

/// The issuer that a request names and what it asks; none if it is not ours or is finished.
pub(super) fn read(object: &CertificateRequest) -> Option<(IssuerName, RawRequest)> {
    let issuer = issuer(object)?;
    if object.status.as_ref().is_some_and(is_finished) {
        return None;
    }
    let spec = &object.spec;
    let asked = RawRequest {
        uid: object.uid().unwrap_or_default(),
        api: Api::CertificateRequest,
        namespace: object.namespace(),
        approval: approval(object.status.as_ref()),
        requester: Requester {
            username: spec.username.clone(),
            uid: spec.uid.clone(),
            groups: spec.groups.clone(),
            extra: spec.extra.clone(),
        },
        reference: Reference::Allowed,
        certificate: owning_certificate(object),
        // What is no base64 is no CSR either; the core says so.
        csr: STANDARD.decode(&spec.request).unwrap_or_default(),
        usages: spec.usages.clone(),
        duration: spec
            .duration
            .as_deref()
            .map_or(Ok(DEFAULT_DURATION), duration::parse),
        ca: spec.is_ca,
        annotated: Annotated::default(),
    };
    Some((issuer, asked))
}

/// Group and kind match exactly (rule A1-1). An empty group means cert-manager's own; an empty
/// kind means `Issuer`, in cert-manager's API as in ours.
pub(super) fn issuer(object: &CertificateRequest) -> Option<IssuerName> {
    let reference = &object.spec.issuer_ref;
    if reference.group != GROUP || reference.name.is_empty() {
        return None;
    }
    let (kind, namespace) = match reference.kind.as_str() {
        "Issuer" | "" => (IssuerKind::Issuer, object.namespace()?),
        "ClusterIssuer" => (IssuerKind::ClusterIssuer, String::new()),
        _ => return None,
    };
    Some(IssuerName {
        kind,
        namespace,
        name: reference.name.clone(),
    })
}

/// Rule A1-6: finished for ever, whatever else happens to the object.
pub(super) fn is_finished(status: &CertificateRequestStatus) -> bool {
    let reason = status
        .condition("Ready")
        .and_then(|ready| ready.reason.as_deref());
    matches!(reason, Some("Issued" | "Failed" | "Denied"))
        // A denial is looked at before it (rule A1-4).
        || (status.is_true("InvalidRequest") && !status.is_true("Denied"))
        || status
            .certificate
            .as_ref()
            .is_some_and(|certificate| !certificate.is_empty())
}

pub(super) fn approval(status: Option<&CertificateRequestStatus>) -> Approval {
    match status {
        Some(status) if status.is_true("Denied") => Approval::Denied,
        Some(status) if status.is_true("Approved") => Approval::Approved,
        _ => Approval::Pending,
    }
}

/// The Certificate that is the controlling owner. Annotations say the same and never count.
fn owning_certificate(object: &CertificateRequest) -> Option<String> {
    let owner = object
        .owner_references()
        .iter()
        .find(|owner| owner.controller == Some(true))?;
    let is_certificate =
        owner.kind == "Certificate" && owner.api_version.starts_with("cert-manager.io/");
    is_certificate.then(|| owner.name.clone())
}
