//! Which requests are watched, cached and reconciled.

use std::future::ready;
use std::sync::Arc;

use futures::{Stream, StreamExt, stream};
use kube::Api;
use kube::runtime::watcher;
use tokio::sync::broadcast::Receiver;
use tokio_util::sync::CancellationToken;

use super::cache::{Cache, Key};
use super::kind::RequestKind;
use super::object::Observed;
use crate::context::Context;
use crate::wakeups::{self, Wakeup};
use crate::watch::{follow, when_listed};

/// The stream of requests that are new or on which an approver has decided, after the cache has them.
pub(super) fn due<K: RequestKind>(
    cache: Arc<Cache<K>>,
    listed: CancellationToken,
    context: Arc<Context>,
) -> impl Stream<Item = watcher::Result<Key>> + Send {
    let api: Api<Observed<K>> = Api::all(context.client.clone());
    let events = follow(api, config::<K>(), &context);
    // Some were woken before all were listed, and decided without what the others declare.
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
fn config<K: RequestKind>() -> watcher::Config {
    let config = watcher::Config::default();
    match K::SELECTOR {
        Some(selector) => config.fields(selector),
        None => config,
    }
}

/// The requests that wait for an issuer, each time one changes.
pub(super) fn waiting_for_issuers<K: RequestKind>(
    cache: Arc<Cache<K>>,
    changes: Receiver<Wakeup>,
) -> impl Stream<Item = Key> + Send {
    wakeups::stream(changes).flat_map(move |issuer| stream::iter(cache.due(issuer.as_ref())))
}
