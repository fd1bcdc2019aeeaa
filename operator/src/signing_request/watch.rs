//! Which requests are watched, cached and worked on.

use std::future::ready;
use std::sync::Arc;

use futures::{Stream, StreamExt};
use k8s_openapi::api::certificates::v1::{
    CertificateSigningRequest, CertificateSigningRequestSpec, CertificateSigningRequestStatus,
};
use kube::core::ObjectMeta;
use kube::runtime::reflector::store::Writer;
use kube::runtime::reflector::{ObjectRef, Store};
use kube::runtime::{PredicateConfig, WatchStreamExt, watcher};
use kube::{Api, Client, Resource};
use serde::Deserialize;
use signet_core::request::Approval;
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;

use super::{intake, signer_name};
use crate::context::Context;
use crate::keyring::IssuerChange;
use crate::watch::{changes, filter_map, lean, when_listed};

/// A request as its watch reads it.
#[derive(Clone, Debug, Deserialize, Resource)]
#[resource(inherit = CertificateSigningRequest)]
struct Watched {
    #[serde(deserialize_with = "lean::metadata")]
    metadata: ObjectMeta,
    spec: CertificateSigningRequestSpec,
    #[serde(default)]
    status: Option<CertificateSigningRequestStatus>,
}

impl From<Watched> for CertificateSigningRequest {
    fn from(watched: Watched) -> Self {
        Self {
            metadata: watched.metadata,
            spec: watched.spec,
            status: watched.status,
        }
    }
}

/// The stream of requests that are due, and the cache behind it.
///
/// The API selects by a whole signer name only, so others' requests come in and are dropped
/// before they are cached.
pub fn due(
    client: Client,
    writer: Writer<CertificateSigningRequest>,
    listed: CancellationToken,
    context: Arc<Context>,
) -> impl Stream<Item = watcher::Result<CertificateSigningRequest>> + Send {
    let cached = filter_map(
        watcher(Api::<Watched>::all(client), watcher::Config::default()),
        |read| ours(read.into()),
    )
    .default_backoff()
    .reflect(writer);
    // Between the pages of a listing a request may be looked at in the cache's old form.
    let listed = move || {
        listed.cancel();
        context.keyring.wake_all();
    };
    when_listed(cached, listed)
        .applied_objects()
        .filter(|object| ready(object.as_ref().map_or(true, is_due)))
        // What we write ourselves while a request waits changes nothing about it.
        .predicate_filter(standing, PredicateConfig::default())
}

pub(super) fn ours(mut object: CertificateSigningRequest) -> Option<CertificateSigningRequest> {
    signer_name::parse(&object.spec.signer_name)?;
    if object.status.as_ref().is_some_and(intake::is_finished) {
        object.spec.request.0.clear();
        object.spec.groups = None;
        object.spec.extra = None;
        if let Some(certificate) = object
            .status
            .as_mut()
            .and_then(|status| status.certificate.as_mut())
        {
            // That there is one is all that counts from now on.
            certificate.0.truncate(1);
        }
    }
    Some(object)
}

/// Whether there is something to do: approved, and not finished (CSR-7).
pub fn is_due(object: &CertificateSigningRequest) -> bool {
    let status = object.status.as_ref();
    !status.is_some_and(intake::is_finished) && intake::approval(status) == Approval::Approved
}

/// Where a request stands, as far as that wakes us.
fn standing(object: &CertificateSigningRequest) -> Option<u64> {
    let approval = intake::approval(object.status.as_ref());
    Some(u64::from(approval == Approval::Denied))
}

/// The requests that an issuer's change may set free.
pub fn set_free(
    store: Store<CertificateSigningRequest>,
    issuers: broadcast::Receiver<IssuerChange>,
) -> impl Stream<Item = ObjectRef<CertificateSigningRequest>> + Send {
    changes(issuers).flat_map(move |changed| {
        let concerned = store.state_filter(|object| {
            let named = || signer_name::parse(&object.spec.signer_name);
            is_due(object)
                && changed
                    .as_ref()
                    .is_none_or(|name| named().as_ref() == Some(name))
        });
        futures::stream::iter(
            concerned
                .into_iter()
                .map(|object| ObjectRef::from_obj(&*object)),
        )
    })
}
