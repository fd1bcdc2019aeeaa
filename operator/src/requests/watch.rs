//! Which requests are watched, cached and reconciled.

use std::future::ready;
use std::sync::Arc;

use futures::{Stream, StreamExt, TryStreamExt, stream};
use kube::Api;
use kube::runtime::reflector::store::Writer;
use kube::runtime::reflector::{ObjectRef, Store};
use kube::runtime::{PredicateConfig, WatchStreamExt, watcher};
use signet_core::request::Approval;
use tokio::sync::broadcast::Receiver;
use tokio_util::sync::CancellationToken;

use super::kind::RequestKind;
use super::object::Observed;
use crate::context::Context;
use crate::wakeups::{self, Wakeup};
use crate::watch::{filter_map, follow, when_listed};

/// The stream of requests that are due or not approved, and the cache behind it.
pub(super) fn due<K: RequestKind>(
    cache: Writer<Observed<K>>,
    listed: CancellationToken,
    context: Arc<Context>,
) -> impl Stream<Item = watcher::Result<Observed<K>>> + Send {
    let api: Api<Observed<K>> = Api::all(context.client.clone());
    let config = config::<K>();
    let ours = |object: Observed<K>| object.is_ours().then_some(object);
    let cached = filter_map(follow(api, config, &context), ours)
        .default_backoff()
        .reflect(cache);
    // Between the pages of a listing, a request may be reconciled in the cache's old form.
    let listed = move || {
        listed.cancel();
        context.wakeups.wake_requests(None);
    };
    when_listed(cached, listed)
        .applied_objects()
        .try_filter(|object| ready(object.due().is_some() || object.unapproved().is_some()))
        // Signet's own writes about a request that waits do not change its approval.
        .predicate_filter(approval, PredicateConfig::default())
}

/// Selects Signet's requests in the watch itself, where the API server can.
fn config<K: RequestKind>() -> watcher::Config {
    let config = watcher::Config::default();
    match K::SELECTOR {
        Some(selector) => config.fields(selector),
        None => config,
    }
}

fn approval<K: RequestKind>(object: &Observed<K>) -> Option<u64> {
    if object.unapproved().is_some() {
        return Some(2);
    }
    let due = object.due()?;
    Some(u64::from(due.request.approval == Approval::Denied))
}

/// The requests that wait for an issuer, each time one changes.
pub(super) fn waiting_for_issuers<K: RequestKind>(
    store: Store<Observed<K>>,
    changes: Receiver<Wakeup>,
) -> impl Stream<Item = ObjectRef<Observed<K>>> + Send {
    wakeups::stream(changes).flat_map(move |changed| {
        let waiting = store.state_filter(|object| {
            let waits = |issuer| changed.as_ref().is_none_or(|name| name == issuer);
            object.due().is_some_and(|due| waits(&due.issuer))
        });
        let waiting = waiting.into_iter();
        stream::iter(waiting.map(|object| ObjectRef::from_obj(&*object)))
    })
}
