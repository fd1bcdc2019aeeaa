//! Which requests are watched, cached and reconciled.

use std::future::ready;
use std::sync::Arc;

use futures::{Stream, StreamExt, stream};
use kube::Api;
use kube::api::ListParams;
use kube::runtime::{WatchStreamExt, watcher};
use tokio::sync::broadcast::Receiver;
use tokio_util::sync::CancellationToken;

use super::cache::{Cache, Key};
use super::kind::RequestKind;
use super::object::Observed;
use crate::context::Context;
use crate::wakeups::{self, Wakeup};
use crate::watch::when_listed;

/// The stream of requests that are new or on which an approver has decided, after the cache has them.
pub(super) async fn due<K: RequestKind>(
    cache: Arc<Cache<K>>,
    listed: CancellationToken,
    context: Arc<Context>,
) -> impl Stream<Item = watcher::Result<Key>> + Send {
    let api: Api<Observed<K>> = Api::all(context.client.clone());
    let config = config(&api).await;
    let events = watcher(api, config).default_backoff();
    // Some were woken before all were listed, and decided without what others told.
    let listed = move || {
        listed.cancel();
        context.wakeups.wake_requests(None);
    };
    when_listed(events, listed).filter_map(move |event| {
        let changed = event.map(|event| cache.take(event)).transpose();
        ready(changed)
    })
}

/// Selects Signet's requests in the watch itself, where the API server can.
async fn config<K: RequestKind>(api: &Api<Observed<K>>) -> watcher::Config {
    let Some(selector) = K::SELECTOR else {
        return watcher::Config::default();
    };
    let probe = ListParams::default().fields(selector).limit(1);
    match api.list(&probe).await {
        Err(kube::Error::Api(answer)) if answer.code == 400 => {
            tracing::warn!(
                selector,
                "the API server cannot select {} by issuer; all are watched, and those for other \
                 issuers are dropped before they are cached",
                K::plural(&())
            );
            watcher::Config::default()
        }
        _ => watcher::Config::default().fields(selector),
    }
}

/// The requests that wait for an issuer, each time one changes.
pub(super) fn waiting_for_issuers<K: RequestKind>(
    cache: Arc<Cache<K>>,
    changes: Receiver<Wakeup>,
) -> impl Stream<Item = Key> + Send {
    wakeups::stream(changes).flat_map(move |issuer| stream::iter(cache.due(issuer.as_ref())))
}
