//! Watches, and reporting when they fail.

mod backoff;
mod selector;

use std::fmt::Debug;

use futures::{Stream, StreamExt};
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Resource};
use serde::de::DeserializeOwned;

use crate::api_client::resource;
use crate::api_health::watch_timeout;
use crate::context::Context;
pub use selector::rejects_field;

/// The number of objects in one response to a listing, unless they are large (`api_client::page`). Each
/// response takes the API server 20 ms besides what each object takes it.
const PAGE: u32 = 500;

/// Watches a resource, and again after a failure, with a backoff. How it does is in the log, in the
/// metrics and in readiness. If the API server does not know the field of the selector, all objects
/// are watched.
pub fn follow<K>(
    api: Api<K>,
    config: watcher::Config,
    context: &Context,
) -> impl Stream<Item = watcher::Result<Event<K>>> + Send + use<K>
where
    K: Resource + Clone + Debug + DeserializeOwned + Send + 'static,
{
    let name = resource(api.resource_url()).unwrap_or_default();
    let guard = context.api.watch(name.clone());
    let timeout = watch_timeout(context.settings.api_server_timeout);
    let config = config.page_size(PAGE).timeout(timeout);
    let events = selector::selected(config, name, move |config| {
        watcher(api.clone(), config).boxed()
    });
    let events = events.inspect(move |event| guard.observe(event));
    backoff::backed_off(events)
}

/// Calls `then` each time the watch has listed its objects. It goes after the cache, which has
/// them all by then.
///
/// The cache's own `wait_until_ready` wakes one waiter only, and the controller is one already.
pub fn when_listed<K, S>(
    events: S,
    then: impl Fn() + Send,
) -> impl Stream<Item = watcher::Result<Event<K>>> + Send
where
    S: Stream<Item = watcher::Result<Event<K>>> + Send,
    K: Send,
{
    events.inspect(move |event| {
        if let Ok(Event::InitDone) = event {
            then();
        }
    })
}
