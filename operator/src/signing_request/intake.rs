//! A `CertificateSigningRequest` as a request of the core. Pure.

use std::time::Duration;

use k8s_openapi::api::certificates::v1::{
    CertificateSigningRequest, CertificateSigningRequestSpec, CertificateSigningRequestStatus,
};
use kube::ResourceExt;
use signet_api::{IssuerKind, duration};
use signet_core::request::{
    Annotated, Api, Approval, DEFAULT_DURATION, RawRequest, Reference, Requester,
};

use super::signer_name;
use crate::issuer_name::IssuerName;

/// The least that the API knows (CSR-2).
const LEAST_DURATION: Duration = Duration::from_secs(600);
/// cert-manager's annotation for a lifetime (rule A5-39).
const REQUEST_DURATION: &str = "experimental.cert-manager.io/request-duration";
/// cert-manager's annotation for a CA certificate (rule A5-39).
const REQUEST_IS_CA: &str = "experimental.cert-manager.io/request-is-ca";

/// The issuer that a request names and what it asks; none if it is not ours or is finished.
pub(super) fn read(object: &CertificateSigningRequest) -> Option<(IssuerName, RawRequest)> {
    let issuer = signer_name::parse(&object.spec.signer_name)?;
    if object.status.as_ref().is_some_and(is_finished) {
        return None;
    }
    let spec = &object.spec;
    let ca = annotation(object, REQUEST_IS_CA) == Some("true");
    let asked = RawRequest {
        uid: object.uid().unwrap_or_default(),
        api: Api::CertificateSigningRequest,
        namespace: None,
        approval: approval(object.status.as_ref()),
        requester: requester(spec),
        reference: unreviewed(&issuer),
        certificate: None,
        csr: spec.request.0.clone(),
        usages: spec.usages.clone().unwrap_or_default(),
        duration: lifetime(object, spec),
        ca,
        annotated: Annotated {
            duration: spec.expiration_seconds.is_none()
                && annotation(object, REQUEST_DURATION).is_some(),
            ca,
        },
    };
    Some((issuer, asked))
}

/// Who made the request, as the API server stamped it.
pub(super) fn requester(spec: &CertificateSigningRequestSpec) -> Requester {
    Requester {
        username: spec.username.clone().unwrap_or_default(),
        uid: spec.uid.clone().unwrap_or_default(),
        groups: spec.groups.clone().unwrap_or_default(),
        extra: spec.extra.clone().unwrap_or_default(),
    }
}

/// Every requester may use a ClusterIssuer, and an Issuer only once a review allows it.
fn unreviewed(issuer: &IssuerName) -> Reference {
    match issuer.kind {
        IssuerKind::ClusterIssuer => Reference::Allowed,
        IssuerKind::Issuer => Reference::Denied {
            namespace: issuer.namespace.clone(),
            name: issuer.name.clone(),
        },
    }
}

/// Whether a SubjectAccessReview must say that the requester may use the issuer (rule A5-37).
pub(super) fn needs_review(issuer: &IssuerName, asked: &RawRequest) -> bool {
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

/// The smaller of annotation and spec. The annotation may have changed since the approval, and so
/// must not exceed what was approved.
fn lifetime(
    object: &CertificateSigningRequest,
    spec: &CertificateSigningRequestSpec,
) -> Result<Duration, String> {
    let seconds = |seconds: i32| Duration::from_secs(u64::try_from(seconds).unwrap_or_default());
    let in_spec = spec.expiration_seconds.map(seconds);
    let annotated = annotation(object, REQUEST_DURATION)
        .map(duration::parse)
        .transpose()
        .map_err(|error| format!("{REQUEST_DURATION}: {error}"))?;
    let shortest = in_spec.into_iter().chain(annotated).min();
    let requested = shortest.unwrap_or(DEFAULT_DURATION);
    if requested < LEAST_DURATION {
        return Err(format!(
            "a CertificateSigningRequest requests at least {} s",
            LEAST_DURATION.as_secs()
        ));
    }
    Ok(requested)
}

fn annotation<'a>(object: &'a CertificateSigningRequest, key: &str) -> Option<&'a str> {
    object.annotations().get(key).map(String::as_str)
}
