//! The CertificateRequest for an issuer's CA certificate: what is written, and what is adopted. Pure.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::Resource;
use kube::core::ObjectMeta;
use signet_api::external::certificate_request::{
    CertificateRequest, CertificateRequestSpec, ObjectReference,
};
use signet_api::{ClusterIssuer, Issuer, IssuerKind, IssuerRef, MeshCA};
use signet_core::issue::Csr;

use super::name::{RequestName, prefix};
use crate::issuer_name::IssuerName;
use crate::plan::managed_by;

/// The label of an issuer's requests.
const LABEL: &str = "signet.dev/issuer";

/// What the key usage of the CSR says: cert-manager's webhook compares them (rule A3-23).
const USAGES: [&str; 2] = ["cert sign", "crl sign"];

/// Returns the label selector of an issuer's requests.
pub(super) fn label(issuer: &IssuerName) -> String {
    format!("{LABEL}={}", prefix(issuer))
}

/// Returns the request for a CSR.
pub(super) fn new(
    issuer: &IssuerName,
    uid: &str,
    name: &RequestName,
    (parent, csr): (&IssuerRef, &Csr),
) -> CertificateRequest {
    let mut object = CertificateRequest::new(&name.for_issuer(issuer), spec(parent, csr));
    object.metadata = ObjectMeta {
        labels: Some([managed_by(), (LABEL.to_owned(), prefix(issuer))].into()),
        owner_references: Some(vec![owner(issuer, uid)]),
        ..object.metadata
    };
    object
}

fn spec(parent: &IssuerRef, csr: &Csr) -> CertificateRequestSpec {
    let duration = serde_json::to_value(parent.duration());
    CertificateRequestSpec {
        request: STANDARD.encode(csr.pem()),
        // Approvers refuse one without a lifetime where they limit it.
        duration: duration.ok().and_then(|it| it.as_str().map(str::to_owned)),
        is_ca: true,
        usages: USAGES.map(str::to_owned).into(),
        issuer_ref: ObjectReference {
            group: parent.group.clone(),
            kind: parent.kind.clone(),
            name: parent.name.clone(),
        },
        ..CertificateRequestSpec::default()
    }
}

/// The request is deleted with its issuer. It does not delay the issuer's deletion, which may need
/// a permission that a tenant's account does not have.
fn owner(issuer: &IssuerName, uid: &str) -> OwnerReference {
    let (api_version, kind) = match issuer.kind {
        IssuerKind::Issuer => (Issuer::api_version(&()), Issuer::kind(&())),
        IssuerKind::ClusterIssuer => (ClusterIssuer::api_version(&()), ClusterIssuer::kind(&())),
        IssuerKind::MeshCA => (MeshCA::api_version(&()), MeshCA::kind(&())),
    };
    OwnerReference {
        api_version: api_version.into_owned(),
        kind: kind.into_owned(),
        name: issuer.name.clone(),
        uid: uid.to_owned(),
        controller: Some(true),
        block_owner_deletion: None,
    }
}

/// Whether a request is the one that Signet makes for this CSR. One of that name with another CSR,
/// or for another issuer, is not adopted.
pub(super) fn is_own(object: &CertificateRequest, parent: &IssuerRef, csr: &Csr) -> bool {
    let (found, own) = (&object.spec, spec(parent, csr));
    let pem = STANDARD.decode(&found.request);
    pem.is_ok_and(|pem| pem == csr.pem().as_bytes())
        && found.issuer_ref == own.issuer_ref
        && found.is_ca
        && found.usages == own.usages
}
