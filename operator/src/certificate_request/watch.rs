//! Which requests are watched, cached and worked on.

use std::future::ready;
use std::sync::Arc;

use futures::{Stream, StreamExt};
use kube::api::ListParams;
use kube::core::ObjectMeta;
use kube::runtime::reflector::store::Writer;
use kube::runtime::reflector::{ObjectRef, Store};
use kube::runtime::{PredicateConfig, WatchStreamExt, watcher};
use kube::{Api, Client, Resource};
use serde::Deserialize;
use signet_api::GROUP;
use signet_api::external::certificate_request::{
    CertificateRequest, CertificateRequestSpec, CertificateRequestStatus,
};
use signet_core::request::Approval;
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;

use super::intake;
use crate::context::Context;
use crate::keyring::IssuerChange;
use crate::watch::{changes, filter_map, lean, when_listed};

/// A request as its watch reads it.
#[derive(Clone, Debug, Deserialize, Resource)]
#[resource(inherit = CertificateRequest)]
struct Watched {
    #[serde(deserialize_with = "lean::metadata")]
    metadata: ObjectMeta,
    #[serde(default)]
    spec: CertificateRequestSpec,
    #[serde(default)]
    status: Option<CertificateRequestStatus>,
}

impl From<Watched> for CertificateRequest {
    fn from(watched: Watched) -> Self {
        Self {
            metadata: watched.metadata,
            spec: watched.spec,
            status: watched.status,
        }
    }
}

/// The stream of requests that are due, and the cache behind it.
pub async fn due(
    client: Client,
    writer: Writer<CertificateRequest>,
    listed: CancellationToken,
    context: Arc<Context>,
) -> impl Stream<Item = watcher::Result<CertificateRequest>> + Send {
    let api: Api<Watched> = Api::all(client);
    let config = config(&api).await;
    let cached = filter_map(watcher(api, config), |read: Watched| ours(read.into()))
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

/// Selects by group in the watch itself where cert-manager's CRD allows it (1.20 and later).
async fn config(api: &Api<Watched>) -> watcher::Config {
    let selector = format!("spec.issuerRef.group={GROUP}");
    let probe = ListParams::default().fields(&selector).limit(1);
    match api.list(&probe).await {
        Err(kube::Error::Api(answer)) if answer.code == 400 => {
            tracing::warn!(
                "this cert-manager cannot select CertificateRequests by issuer group; \
                 all are watched, and those of others are dropped before they are cached"
            );
            watcher::Config::default()
        }
        _ => watcher::Config::default().fields(&selector),
    }
}

/// What is cached of a request: of a finished one hardly anything.
pub(super) fn ours(mut object: CertificateRequest) -> Option<CertificateRequest> {
    intake::issuer(&object)?;
    object.metadata.annotations = None;
    if let Some(status) = object.status.as_mut()
        && intake::is_finished(status)
    {
        object.spec.request.clear();
        object.spec.groups.clear();
        object.spec.extra.clear();
        status.ca = None;
        // What makes it finished stays: the conditions, and that there is a certificate.
        status.certificate = status.certificate.take().map(|_| "pruned".to_owned());
    }
    Some(object)
}

/// Whether there is something to do: approved or denied, and not finished (CM-3).
pub fn is_due(object: &CertificateRequest) -> bool {
    let status = object.status.as_ref();
    !status.is_some_and(intake::is_finished) && intake::approval(status) != Approval::Pending
}

/// Where a request stands, as far as that wakes us.
fn standing(object: &CertificateRequest) -> Option<u64> {
    let approval = intake::approval(object.status.as_ref());
    Some(u64::from(approval == Approval::Denied))
}

/// The requests that an issuer's change may set free.
pub fn set_free(
    store: Store<CertificateRequest>,
    issuers: broadcast::Receiver<IssuerChange>,
) -> impl Stream<Item = ObjectRef<CertificateRequest>> + Send {
    changes(issuers).flat_map(move |changed| {
        let concerned = store.state_filter(|object| {
            is_due(object)
                && changed
                    .as_ref()
                    .is_none_or(|name| intake::issuer(object).as_ref() == Some(name))
        });
        futures::stream::iter(
            concerned
                .into_iter()
                .map(|object| ObjectRef::from_obj(&*object)),
        )
    })
}
