//! A `CertificateSigningRequest` as a request of the core. Pure.

use std::time::Duration;

use k8s_openapi::api::certificates::v1::{
    CertificateSigningRequest, CertificateSigningRequestSpec, CertificateSigningRequestStatus,
};
use kube::ResourceExt;
use signet_api::{IssuerKind, duration};
use signet_core::request::{Api, Approval, Asked, Requester};

use super::signer_name;
use crate::issuer_name::IssuerName;

/// 90 days, as cert-manager has it (rule A5-39).
const DEFAULT_DURATION: Duration = Duration::from_secs(90 * 24 * 3600);
/// The least that the API knows (CSR-2).
const LEAST_DURATION: Duration = Duration::from_secs(600);
/// cert-manager's annotation for a lifetime; it wins over `expirationSeconds` (rule A5-39).
const REQUEST_DURATION: &str = "experimental.cert-manager.io/request-duration";
/// cert-manager's annotation for a CA certificate (rule A5-39).
const REQUEST_IS_CA: &str = "experimental.cert-manager.io/request-is-ca";

/// The issuer that a request names and what it asks; none if it is not ours or is finished.
pub(super) fn read(object: &CertificateSigningRequest) -> Option<(IssuerName, Asked)> {
    let issuer = signer_name::parse(&object.spec.signer_name)?;
    if object.status.as_ref().is_some_and(is_finished) {
        return None;
    }
    let spec = &object.spec;
    let asked = Asked {
        uid: object.uid().unwrap_or_default(),
        api: Api::CertificateSigningRequest,
        namespace: None,
        approval: approval(object.status.as_ref()),
        requester: Requester {
            username: spec.username.clone().unwrap_or_default(),
            groups: spec.groups.clone().unwrap_or_default(),
        },
        may_reference: issuer.kind == IssuerKind::ClusterIssuer,
        certificate: None,
        csr: spec.request.0.clone(),
        usages: spec.usages.clone().unwrap_or_default(),
        duration: lifetime(object, spec),
        ca: annotation(object, REQUEST_IS_CA) == Some("true"),
    };
    Some((issuer, asked))
}

/// Whether a SubjectAccessReview must say that the requester may use the issuer (rule A5-37).
pub(super) fn needs_review(issuer: &IssuerName, asked: &Asked) -> bool {
    issuer.kind == IssuerKind::Issuer && asked.approval == Approval::Approved
}

/// Denied, failed or issued: nothing more is written (rule A5-38).
pub(super) fn is_finished(status: &CertificateSigningRequestStatus) -> bool {
    is_true(status, "Denied")
        || is_true(status, "Failed")
        || status
            .certificate
            .as_ref()
            .is_some_and(|certificate| !certificate.0.is_empty())
}

pub(super) fn approval(status: Option<&CertificateSigningRequestStatus>) -> Approval {
    match status {
        Some(status) if is_true(status, "Approved") => Approval::Approved,
        _ => Approval::Pending,
    }
}

fn is_true(status: &CertificateSigningRequestStatus, type_: &str) -> bool {
    let conditions = status.conditions.as_deref().unwrap_or_default();
    conditions
        .iter()
        .any(|condition| condition.type_ == type_ && condition.status == "True")
}

fn lifetime(
    object: &CertificateSigningRequest,
    spec: &CertificateSigningRequestSpec,
) -> Result<Duration, String> {
    let asked = match (
        annotation(object, REQUEST_DURATION),
        spec.expiration_seconds,
    ) {
        (Some(text), _) => {
            duration::parse(text).map_err(|error| format!("{REQUEST_DURATION}: {error}"))?
        }
        (None, Some(seconds)) => Duration::from_secs(u64::try_from(seconds).unwrap_or_default()),
        (None, None) => DEFAULT_DURATION,
    };
    if asked < LEAST_DURATION {
        return Err(format!(
            "a CertificateSigningRequest asks for at least {} s",
            LEAST_DURATION.as_secs()
        ));
    }
    Ok(asked)
}

fn annotation<'a>(object: &'a CertificateSigningRequest, key: &str) -> Option<&'a str> {
    object.annotations().get(key).map(String::as_str)
}
