//! Kubernetes' `CertificateSigningRequest`.

mod status;
#[cfg(test)]
mod tests;

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::certificates::v1::{
    CertificateSigningRequest, CertificateSigningRequestSpec, CertificateSigningRequestStatus,
};
use signet_api::{IssuerKind, duration};
use signet_core::request::{
    Annotated, Api, Approval, DEFAULT_DURATION, RawRequest, Reference, Requester,
};

use super::kind::{Object, Progress, RequestKind, WaitingReport};
use super::outcome::Outcome;
use super::signer_name;
use crate::issuer_name::IssuerName;
use crate::plan::Plan;

/// The shortest lifetime that the API has (CSR-2).
const MIN_DURATION: Duration = Duration::from_secs(600);
/// cert-manager's annotation for a lifetime (rule A5-39).
const REQUEST_DURATION: &str = "experimental.cert-manager.io/request-duration";
/// cert-manager's annotation for a CA certificate (rule A5-39).
const REQUEST_IS_CA: &str = "experimental.cert-manager.io/request-is-ca";

impl RequestKind for CertificateSigningRequest {
    type Spec = CertificateSigningRequestSpec;
    type Status = CertificateSigningRequestStatus;

    const API: Api = Api::CertificateSigningRequest;
    /// The API selects only by a whole signer name.
    const SELECTOR: Option<&'static str> = None;
    const VALIDATES_CERTIFICATES: bool = true;

    fn issuer(object: &Object<Self>) -> Option<IssuerName> {
        signer_name::parse(&object.spec.signer_name)
    }

    /// Nothing more is written to a request that is denied, failed or issued (rule A5-38).
    fn progress(status: &CertificateSigningRequestStatus) -> Progress {
        let conditions = status.conditions.iter().flatten();
        let find = |type_| {
            let mut all = conditions.clone();
            all.find(|condition| condition.type_ == type_ && condition.status == "True")
        };
        let certificate = status.certificate.as_ref();
        let issued = certificate.is_some_and(|certificate| !certificate.0.is_empty());
        if issued || find("Denied").is_some() || find("Failed").is_some() {
            return Progress::Finished;
        }
        match find("Approved") {
            Some(approved) => {
                Progress::Approved(approved.last_update_time.as_ref().map(|time| time.0))
            }
            None => Progress::AwaitingApproval,
        }
    }

    fn read(object: &Object<Self>, issuer: &IssuerName, approval: Approval) -> RawRequest {
        let spec = &object.spec;
        let ca = annotation(object, REQUEST_IS_CA) == Some("true");
        RawRequest {
            uid: object.metadata.uid.clone().unwrap_or_default(),
            api: Self::API,
            namespace: None,
            approval,
            requester: Requester {
                username: spec.username.clone().unwrap_or_default(),
                uid: spec.uid.clone().unwrap_or_default(),
                groups: spec.groups.clone().unwrap_or_default(),
                extra: spec.extra.clone().unwrap_or_default(),
            },
            reference: unreviewed(issuer),
            certificate: None,
            csr: spec.request.0.clone(),
            usages: spec.usages.clone().unwrap_or_default(),
            duration: lifetime(object),
            ca,
            annotated: Annotated {
                duration: spec.expiration_seconds.is_none()
                    && annotation(object, REQUEST_DURATION).is_some(),
                ca,
            },
        }
    }

    /// The API has no condition for it (rule A5-40).
    fn waiting(_: &CertificateSigningRequestStatus) -> WaitingReport<'_> {
        WaitingReport::Event
    }

    fn plan(_: &CertificateSigningRequestStatus, outcome: &Outcome, now: Timestamp) -> Plan {
        status::plan(outcome, now)
    }
}

/// Every requester may use a ClusterIssuer, and an Issuer only if a review allows it.
fn unreviewed(issuer: &IssuerName) -> Reference {
    match issuer.kind {
        IssuerKind::ClusterIssuer => Reference::Allowed,
        IssuerKind::Issuer => Reference::Denied {
            namespace: issuer.namespace.clone(),
            name: issuer.name.clone(),
        },
    }
}

/// Returns the smaller of annotation and spec. The annotation may have changed since the approval,
/// and so must not exceed what was approved.
fn lifetime(object: &Object<CertificateSigningRequest>) -> Result<Duration, String> {
    let seconds = |seconds: i32| Duration::from_secs(u64::try_from(seconds).unwrap_or_default());
    let in_spec = object.spec.expiration_seconds.map(seconds);
    let annotated = annotation(object, REQUEST_DURATION)
        .map(duration::parse)
        .transpose()
        .map_err(|error| format!("{REQUEST_DURATION}: {error}"))?;
    let shortest = in_spec.into_iter().chain(annotated).min();
    let requested = shortest.unwrap_or(DEFAULT_DURATION);
    if requested < MIN_DURATION {
        return Err(format!(
            "a CertificateSigningRequest requests at least {} s",
            MIN_DURATION.as_secs()
        ));
    }
    Ok(requested)
}

fn annotation<'a>(object: &'a Object<CertificateSigningRequest>, key: &str) -> Option<&'a str> {
    let annotations = object.metadata.annotations.as_ref()?;
    annotations.get(key).map(String::as_str)
}
