//! Kubernetes' `CertificateSigningRequest`.

pub(super) mod review;
mod status;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::certificates::v1::{
    CertificateSigningRequest, CertificateSigningRequestSpec,
};
use kube::core::ObjectMeta;
use serde::Deserialize;
use signet_api::{GROUP, IssuerKind, duration};
use signet_core::policy::Denial;
use signet_core::reason::Reason;
use signet_core::request::{Annotated, Api, Approval, RawRequest, Reference, Requester};

use super::kind::{Completed, Object, Progress, RequestKind, WaitingReport};
use super::object::Due;
use super::outcome::{Outcome, rejected_by_api_server};
use crate::context::Context;
use crate::issuer_name::IssuerName;
use crate::keyring::IssuerLookup;
use crate::plan::Plan;
use crate::signer_name;

/// The shortest lifetime that the API has (CSR-2).
const MIN_DURATION: Duration = Duration::from_secs(600);
/// cert-manager's annotation for a lifetime (rule A5-39).
const REQUEST_DURATION: &str = "experimental.cert-manager.io/request-duration";
/// cert-manager's annotation for a CA certificate (rule A5-39).
const REQUEST_IS_CA: &str = "experimental.cert-manager.io/request-is-ca";

/// The status as far as it is read. Approvers and other signers write it, and one odd object must
/// not stop the watch of all others.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Status {
    conditions: Vec<Condition>,
    certificate: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Condition {
    #[serde(rename = "type")]
    type_: String,
    status: String,
    /// A text, because the API server accepts times beyond those of [`Timestamp`].
    last_update_time: Option<String>,
}

impl RequestKind for CertificateSigningRequest {
    type Spec = CertificateSigningRequestSpec;
    type Status = Status;
    type Before = ();

    const API: Api = Api::CertificateSigningRequest;
    /// The API selects only by a whole signer name.
    const SELECTOR: Option<&'static str> = None;

    fn issuer(object: &Object<Self>) -> Option<IssuerName> {
        signer_name::parse(&object.spec.signer_name)
    }

    /// Nothing more is written to a request that is denied, failed or issued (rule A5-38).
    fn progress(status: &Status) -> Progress {
        let find = |type_| {
            let mut all = status.conditions.iter();
            all.find(|condition| condition.type_ == type_ && condition.status == "True")
        };
        let issued = !status.certificate.is_empty();
        if issued || find("Denied").is_some() || find("Failed").is_some() {
            return Progress::Finished;
        }
        match find("Approved") {
            Some(approved) => {
                let since = approved.last_update_time.as_deref();
                Progress::Approved(since.and_then(|time| time.parse().ok()))
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
            requester: Arc::new(Requester {
                username: spec.username.clone().unwrap_or_default(),
                uid: spec.uid.clone().unwrap_or_default(),
                groups: spec.groups.clone().unwrap_or_default(),
                extra: spec.extra.clone().unwrap_or_default(),
            }),
            reference: unreviewed(issuer),
            certificate: None,
            pod: None,
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

    async fn complete(
        _: &ObjectMeta,
        due: &Due<Self>,
        lookup: &IssuerLookup,
        context: &Context,
    ) -> Result<Completed, kube::Error> {
        let mut request = due.request.clone();
        let exists = !matches!(lookup, IssuerLookup::Missing);
        if exists
            && needs_review(&request)
            && review::is_allowed(&request.requester, &due.issuer, context).await?
        {
            request.reference = Reference::Allowed;
        }
        Ok(request.into())
    }

    fn before(_: Status) {}

    /// The API has no condition for it (rule A5-40).
    fn waiting((): &()) -> WaitingReport<'_> {
        WaitingReport::Event
    }

    fn approvers(issuer: &IssuerName) -> String {
        format!(
            "approve it with kubectl certificate approve, which needs the verb approve on signers \
             {}.{GROUP}/* of group certificates.k8s.io",
            issuer.kind.plural(),
        )
    }

    fn plan((): &(), outcome: &Outcome, now: Timestamp) -> Plan {
        status::plan(outcome, now)
    }

    /// The API server parses the certificate (CSR-5).
    fn rejected(status: &kube::core::Status) -> Option<Denial> {
        Some(rejected_by_api_server(Reason::InvalidCsr, &status.message))
    }
}

/// Whether a SubjectAccessReview decides if the requester may use the issuer (rule A5-37).
fn needs_review(request: &RawRequest) -> bool {
    request.reference != Reference::Allowed && request.approval == Approval::Approved
}

/// Every requester may use a ClusterIssuer, and an Issuer only if a review allows it. No signer name
/// is that of a MeshCA.
fn unreviewed(issuer: &IssuerName) -> Reference {
    match issuer.kind {
        IssuerKind::ClusterIssuer => Reference::Allowed,
        IssuerKind::Issuer | IssuerKind::MeshCA => Reference::Denied {
            namespace: issuer.namespace.clone(),
            name: issuer.name.clone(),
        },
    }
}

/// Returns the smaller of annotation and spec. The annotation may have changed since the approval,
/// and so must not exceed what was approved.
fn lifetime(object: &Object<CertificateSigningRequest>) -> Result<Option<Duration>, String> {
    let seconds = |seconds: i32| Duration::from_secs(u64::try_from(seconds).unwrap_or_default());
    let in_spec = object.spec.expiration_seconds.map(seconds);
    let annotated = annotation(object, REQUEST_DURATION)
        .map(duration::parse)
        .transpose()
        .map_err(|error| format!("{REQUEST_DURATION}: {error}"))?;
    let shortest = in_spec.into_iter().chain(annotated).min();
    if shortest.is_some_and(|requested| requested < MIN_DURATION) {
        return Err(format!(
            "a CertificateSigningRequest requests at least {} s",
            MIN_DURATION.as_secs()
        ));
    }
    Ok(shortest)
}

fn annotation<'a>(object: &'a Object<CertificateSigningRequest>, key: &str) -> Option<&'a str> {
    let annotations = object.metadata.annotations.as_ref()?;
    annotations.get(key).map(String::as_str)
}
