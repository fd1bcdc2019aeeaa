//! Kubernetes' `PodCertificateRequest`, in v1 and v1beta1.

mod bare_key;
mod pod;
mod status;
#[cfg(test)]
mod tests;
mod version;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::certificates::v1::PodCertificateRequest as V1;
use k8s_openapi::api::certificates::v1beta1::{
    PodCertificateRequest as V1Beta1, PodCertificateRequestSpec,
};
use kube::Resource;
use kube::core::ObjectMeta;
use signet_api::IssuerKind;
use signet_core::policy::Denial;
use signet_core::reason::Reason;
use signet_core::request::{Annotated, Api, Approval, Pod, RawRequest, Reference};

use super::kind::{Completed, Object, Progress, RequestKind, WaitingReport};
use super::object::Due;
use super::outcome::{Outcome, rejected_by_api_server};
use crate::context::Context;
use crate::issuer_name::IssuerName;
use crate::keyring::IssuerLookup;
use crate::plan::Plan;
use crate::signer_name;
use status::Status;
pub(super) use version::controller;

/// What the API server sets if a request has no `maxExpirationSeconds` (PCR-5).
const DEFAULT_DURATION: Duration = Duration::from_secs(24 * 3600);
/// The usages of both ends of TLS: the API has no field for them.
const USAGES: [&str; 3] = ["digital signature", "server auth", "client auth"];

/// A version of the API. Both are read with the fields of v1beta1, which has all of them.
pub(super) trait Version:
    Resource<DynamicType = (), Scope = NamespaceResourceScope>
    + Clone
    + std::fmt::Debug
    + Send
    + Sync
    + 'static
{
}

impl Version for V1 {}
impl Version for V1Beta1 {}

impl<V: Version> RequestKind for V {
    type Spec = PodCertificateRequestSpec;
    type Status = Status;
    type Before = ();

    const API: Api = Api::PodCertificateRequest;
    /// The API selects only by a whole signer name.
    const SELECTOR: Option<&'static str> = None;

    fn issuer(object: &Object<Self>) -> Option<IssuerName> {
        signer_name::parse(&object.spec.signer_name)
    }

    /// There is no approval (PCR-7), and the first condition is final (PCR-9).
    fn progress(status: &Status) -> Progress {
        match status.is_final() {
            true => Progress::Finished,
            false => Progress::Approved(None),
        }
    }

    fn read(object: &Object<Self>, issuer: &IssuerName, approval: Approval) -> RawRequest {
        let spec = &object.spec;
        let pod = named_pod(object);
        RawRequest {
            uid: object.metadata.uid.clone().unwrap_or_default(),
            api: Self::API,
            namespace: object.metadata.namespace.clone(),
            approval,
            requester: Arc::default(),
            reference: reference(issuer, &pod),
            certificate: None,
            pod: Some(pod),
            csr: spec.stub_pkc_s10_request.0.clone(),
            usages: USAGES.map(str::to_owned).to_vec(),
            duration: lifetime(spec),
            ca: false,
            annotated: Annotated::default(),
        }
    }

    async fn complete(
        metadata: &ObjectMeta,
        due: &Due<Self>,
        lookup: &IssuerLookup,
        context: &Context,
    ) -> Result<Completed, kube::Error> {
        let client = &context.client;
        let mut request = due.request.clone();
        let key = bare_key::read_if_missing(client, &request, metadata).await?;
        let mut denial = key.as_ref().err().cloned();
        if let (Some(pod), Ok(key)) = (&mut request.pod, key) {
            pod.bare_key = key.or(pod.bare_key.take());
            if let IssuerLookup::Ready(_) = lookup {
                match pod::read(client, pod, &due.issuer).await? {
                    Ok(key_types) => pod.mounted_key_types = key_types,
                    Err(refused) => denial = Some(refused),
                }
            }
        }
        Ok(Completed { request, denial })
    }

    fn before(_: Status) {}

    /// The API has no condition for it (PCR-8).
    fn waiting((): &()) -> WaitingReport<'_> {
        WaitingReport::Event
    }

    fn plan((): &(), outcome: &Outcome, now: Timestamp) -> Plan {
        status::plan(outcome, now)
    }

    /// A notBefore that the API server does not accept is that of a clock (PCR-12), which may be set.
    fn rejected(status: &kube::core::Status) -> Option<Denial> {
        let details = status.details.as_ref();
        let mut causes = details.into_iter().flat_map(|details| &details.causes);
        let is_clock = causes.any(|cause| cause.field == "status.notBefore");
        (!is_clock).then(|| rejected_by_api_server(Reason::UnsupportedByApi, &status.message))
    }
}

/// Returns the pod as the request names it.
fn named_pod<V: Version>(object: &Object<V>) -> Pod {
    let spec = &object.spec;
    let annotations = spec.unverified_user_annotations.iter().flatten();
    Pod {
        namespace: object.metadata.namespace.clone().unwrap_or_default(),
        name: spec.pod_name.clone(),
        uid: spec.pod_uid.clone(),
        service_account: spec.service_account_name.clone(),
        service_account_uid: spec.service_account_uid.clone(),
        node: spec.node_name.clone(),
        node_uid: spec.node_uid.clone(),
        user_annotations: annotations.map(|(key, _)| key.clone()).collect(),
        bare_key: bare_key::of(spec),
        mounted_key_types: Vec::new(),
    }
}

/// A pod may use a ClusterIssuer, and the Issuers of its own namespace. No signer name is that of a
/// MeshCA.
fn reference(issuer: &IssuerName, pod: &Pod) -> Reference {
    match issuer.kind {
        IssuerKind::ClusterIssuer => Reference::Allowed,
        IssuerKind::Issuer if issuer.namespace == pod.namespace => Reference::Allowed,
        IssuerKind::Issuer | IssuerKind::MeshCA => Reference::Denied {
            namespace: issuer.namespace.clone(),
            name: issuer.name.clone(),
        },
    }
}

fn lifetime(spec: &PodCertificateRequestSpec) -> Result<Option<Duration>, String> {
    let Some(seconds) = spec.max_expiration_seconds else {
        return Ok(Some(DEFAULT_DURATION));
    };
    let seconds = u64::try_from(seconds);
    let seconds = seconds.map_err(|_| "spec.maxExpirationSeconds is negative".to_owned());
    seconds.map(|seconds| Some(Duration::from_secs(seconds)))
}
