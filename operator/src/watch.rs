//! Watches, and reporting when they fail.

use std::fmt::Debug;
use std::task::{Poll, ready};

use futures::stream::{BoxStream, poll_fn};
use futures::{Stream, StreamExt};
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Resource};
use serde::de::DeserializeOwned;

use crate::api_client::resource;
use crate::api_error::BAD_REQUEST;
use crate::api_health::watch_timeout;
use crate::context::Context;

/// Watches a resource. How it does is in the log, in the metrics and in readiness. If the API server
/// does not know the field of the selector, all objects are watched.
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
    let config = config.timeout(watch_timeout(context.settings.api_server_timeout));
    let events = selected(config, name, move |config| {
        watcher(api.clone(), config).boxed()
    });
    events.inspect(move |event| guard.observe(event))
}

/// Watches with a field selector, and without it once the API server has rejected it: its CRD may be
/// of a version that cannot select by that field, now or after a change.
fn selected<K: Send + 'static>(
    config: watcher::Config,
    resource: String,
    watch: impl Fn(watcher::Config) -> BoxStream<'static, watcher::Result<Event<K>>> + Send + 'static,
) -> impl Stream<Item = watcher::Result<Event<K>>> + Send {
    let mut events = watch(config.clone());
    let mut config = config;
    poll_fn(move |context| {
        loop {
            match ready!(events.poll_next_unpin(context)) {
                Some(Err(error))
                    if watch_rejects_field(&error) && config.field_selector.is_some() =>
                {
                    let selector = config.field_selector.take();
                    tracing::warn!(
                        resource,
                        selector,
                        "the API server cannot select by this field; all objects are watched, and \
                         those for other signers are dropped before they are cached"
                    );
                    events = watch(config.clone());
                }
                event => return Poll::Ready(event),
            }
        }
    })
}

fn watch_rejects_field(error: &watcher::Error) -> bool {
    match error {
        watcher::Error::InitialListFailed(error) | watcher::Error::WatchStartFailed(error) => {
            rejects_field(error)
        }
        _ => false,
    }
}

/// Whether the API server does not know the field of a selector.
pub fn rejects_field(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == BAD_REQUEST)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(code: u16) -> watcher::Result<Event<u8>> {
        let status = serde_json::json!({ "code": code, "reason": "", "message": "" });
        let status = serde_json::from_value(status).unwrap();
        Err(watcher::Error::InitialListFailed(kube::Error::Api(status)))
    }

    /// The CRD may become older while the operator runs, and its group may not have been served when
    /// it started.
    #[tokio::test]
    async fn a_selector_that_is_rejected_is_left_out() {
        let watch = |config: watcher::Config| {
            let events = match config.field_selector.as_deref() {
                Some("spec.a=b") => vec![Ok(Event::Init), failed(404), failed(400), failed(400)],
                None => vec![Ok(Event::Init), Ok(Event::InitApply(1)), failed(400)],
                other => panic!("{other:?}"),
            };
            futures::stream::iter(events).boxed()
        };
        let config = watcher::Config::default().fields("spec.a=b");
        let events: Vec<_> = selected(config, "as".to_owned(), watch).collect().await;
        let shown = events.iter().map(|event| match event {
            Ok(event) => format!("{event:?}"),
            Err(watcher::Error::InitialListFailed(kube::Error::Api(status))) => {
                status.code.to_string()
            }
            Err(error) => error.to_string(),
        });
        let shown: Vec<_> = shown.collect();
        assert_eq!(shown, ["Init", "404", "Init", "InitApply(1)", "400"]);
    }
}
