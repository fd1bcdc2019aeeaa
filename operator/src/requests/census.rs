//! How many requests of an issuer have no answer, for a person who asks. The operator does not use it.

use k8s_openapi::api::certificates::v1::{CertificateSigningRequest, PodCertificateRequest};
use k8s_openapi::api::certificates::v1beta1::PodCertificateRequest as PodCertificateRequestV1Beta1;
use kube::core::NamespaceResourceScope;
use kube::{Api, Client, Resource};
use signet_api::external::certificate_request::CertificateRequest;

use super::kind::RequestKind;
use super::listing::{self, is_not_served};
use super::object::Observed;
use crate::api_error::describe;
use crate::issuer_name::IssuerName;

/// The requests of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Requests {
    pub(crate) kind: &'static str,
    /// Fails if the user may not list them, for example.
    pub(crate) count: Result<Count, String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Count {
    /// Approved or denied, and without a final answer.
    pub(crate) due: usize,
    /// No approver has decided on them.
    pub(crate) unapproved: usize,
    /// Whether there are more requests than were read.
    pub(crate) is_partial: bool,
}

/// Counts the requests of an issuer in every API that the cluster serves.
pub(crate) async fn waiting(client: &Client, issuer: &IssuerName) -> Vec<Requests> {
    let certificate_requests = count(of::<CertificateRequest>(client, issuer), issuer);
    let signing_requests = Api::<Observed<CertificateSigningRequest>>::all(client.clone());
    let pod_requests = count(of::<PodCertificateRequest>(client, issuer), issuer);
    let pod_requests = match pod_requests.await {
        Err(error) if is_not_served(&error) => {
            count(of::<PodCertificateRequestV1Beta1>(client, issuer), issuer).await
        }
        counted => counted,
    };
    let mut found = vec![
        ("CertificateRequests", certificate_requests.await),
        (
            "CertificateSigningRequests",
            count(signing_requests, issuer).await,
        ),
        ("PodCertificateRequests", pod_requests),
    ];
    // Without the API there are no requests in it.
    found.retain(|(_, count)| !count.as_ref().is_err_and(is_not_served));
    let found = found.into_iter().map(|(kind, count)| Requests {
        kind,
        count: count.map_err(|error| describe(&error)),
    });
    found.collect()
}

/// Those that can be for the issuer.
fn of<K>(client: &Client, issuer: &IssuerName) -> Api<Observed<K>>
where
    K: RequestKind + Resource<Scope = NamespaceResourceScope>,
{
    match issuer.kind.is_namespaced() {
        true => Api::namespaced(client.clone(), &issuer.namespace),
        false => Api::all(client.clone()),
    }
}

async fn count<K: RequestKind>(
    api: Api<Observed<K>>,
    issuer: &IssuerName,
) -> Result<Count, kube::Error> {
    let mut count = Count::default();
    let is_partial = listing::read(&api, |object| {
        let is_due = object.due().is_some_and(|due| due.issuer == *issuer);
        let waits = object.unapproved();
        let is_unapproved =
            waits.is_some_and(|it| it.issuer == *issuer && it.unknown_kind.is_none());
        count.due += usize::from(is_due);
        count.unapproved += usize::from(is_unapproved);
    })
    .await?;
    count.is_partial = is_partial;
    Ok(count)
}
