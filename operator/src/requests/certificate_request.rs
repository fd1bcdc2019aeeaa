//! cert-manager's `CertificateRequest`.

mod status;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use kube::core::ObjectMeta;
use signet_api::external::certificate_request::{
    CertificateRequest, CertificateRequestSpec, CertificateRequestStatus,
};
use signet_api::{GROUP, IssuerKind, duration};
use signet_core::request::{Annotated, Api, Approval, RawRequest, Reference, Requester};

use super::kind::{Completed, Object, Progress, RequestKind, WaitingReport};
use super::object::Due;
use super::outcome::Outcome;
use crate::context::Context;
use crate::issuer_name::IssuerName;
use crate::keyring::IssuerLookup;
use crate::plan::Plan;
use status::Before;

impl RequestKind for CertificateRequest {
    type Spec = CertificateRequestSpec;
    type Status = CertificateRequestStatus;
    type Before = Before;

    const API: Api = Api::CertificateRequest;
    /// cert-manager's CRD has the field since 1.20.
    const SELECTOR: Option<&'static str> = Some("spec.issuerRef.group=signet.dev");

    /// Group and kind match exactly (rule A1-1). An empty group means cert-manager's own; an empty
    /// kind means `Issuer`, in cert-manager's API as in Signet's.
    fn issuer(object: &Object<Self>) -> Option<IssuerName> {
        let reference = &object.spec.issuer_ref;
        if reference.group != GROUP || reference.name.is_empty() {
            return None;
        }
        let (kind, namespace) = match reference.kind.as_str() {
            "Issuer" | "" => (IssuerKind::Issuer, object.metadata.namespace.clone()?),
            "ClusterIssuer" => (IssuerKind::ClusterIssuer, String::new()),
            _ => return None,
        };
        Some(IssuerName {
            kind,
            namespace,
            name: reference.name.clone(),
        })
    }

    fn unknown_kind(object: &Object<Self>) -> Option<(IssuerName, String)> {
        let reference = &object.spec.issuer_ref;
        let is_ours = reference.group == GROUP && !reference.name.is_empty();
        if !is_ours || Self::issuer(object).is_some() {
            return None;
        }
        let named = IssuerName {
            kind: IssuerKind::Issuer,
            namespace: object.metadata.namespace.clone()?,
            name: reference.name.clone(),
        };
        Some((named, reference.kind.clone()))
    }

    /// Rules A1-3, A1-4 and A1-6: a final answer stays final, and a denial counts before an approval.
    fn progress(status: &CertificateRequestStatus) -> Progress {
        if is_finished(status) {
            Progress::Finished
        } else if status.is_true("Denied") {
            Progress::Denied
        } else if status.is_true("Approved") {
            let since = status.condition("Approved");
            let since = since.and_then(|approved| approved.last_transition_time.as_ref());
            Progress::Approved(since.map(|time| time.0))
        } else {
            Progress::AwaitingApproval
        }
    }

    fn read(object: &Object<Self>, _: &IssuerName, approval: Approval) -> RawRequest {
        let (metadata, spec) = (&object.metadata, &object.spec);
        let lifetime = spec.duration.as_deref();
        RawRequest {
            uid: metadata.uid.clone().unwrap_or_default(),
            api: Self::API,
            namespace: metadata.namespace.clone(),
            approval,
            requester: Arc::new(Requester {
                username: spec.username.clone(),
                uid: spec.uid.clone(),
                groups: spec.groups.clone(),
                extra: spec.extra.clone(),
            }),
            reference: Reference::Allowed,
            certificate: owning_certificate(object),
            pod: None,
            // What is not base64 is not a CSR either; core reports it.
            csr: STANDARD.decode(&spec.request).unwrap_or_default(),
            usages: spec.usages.clone(),
            duration: lifetime.map(duration::parse).transpose(),
            ca: spec.is_ca,
            annotated: Annotated::default(),
        }
    }

    async fn complete(
        _: &ObjectMeta,
        due: &Due<Self>,
        _: &IssuerLookup,
        _: &Context,
    ) -> Result<Completed, kube::Error> {
        Ok(due.request.clone().into())
    }

    fn before(status: CertificateRequestStatus) -> Before {
        Before::from(status)
    }

    fn waiting(before: &Before) -> WaitingReport<'_> {
        WaitingReport::Condition(before.pending_reason())
    }

    /// CM-4.
    fn approvers(issuer: &IssuerName) -> String {
        format!(
            "an approver needs the verb approve on signers {}.{GROUP}/* of group cert-manager.io, \
             which the chart grants to cert-manager's with certManager.approver.enabled; with \
             approver-policy, a CertificateRequestPolicy has to select {issuer}",
            issuer.kind.plural(),
        )
    }

    fn plan(before: &Before, outcome: &Outcome, now: Timestamp) -> Plan {
        status::plan(before, outcome, now)
    }
}

fn is_finished(status: &CertificateRequestStatus) -> bool {
    let ready = status.condition("Ready");
    let reason = ready.and_then(|ready| ready.reason.as_deref());
    let certificate = status.certificate.as_deref().unwrap_or_default();
    matches!(reason, Some("Issued" | "Failed" | "Denied"))
        // A denial counts before it (rule A1-4).
        || (status.is_true("InvalidRequest") && !status.is_true("Denied"))
        || !certificate.is_empty()
}

/// Returns the Certificate that is the controlling owner. Annotations never count.
fn owning_certificate(object: &Object<CertificateRequest>) -> Option<String> {
    let mut owners = object.metadata.owner_references.iter().flatten();
    let owner = owners.find(|owner| owner.controller == Some(true))?;
    let is_certificate =
        owner.kind == "Certificate" && owner.api_version.starts_with("cert-manager.io/");
    is_certificate.then(|| owner.name.clone())
}
