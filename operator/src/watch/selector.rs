//! Watching with a field selector, where the API server can.

use std::task::{Poll, ready};

use futures::stream::{BoxStream, poll_fn};
use futures::{Stream, StreamExt};
use kube::runtime::watcher::{self, Event};

use crate::api_error::BAD_REQUEST;

/// How the API server rejects a field that it does not know.
const UNKNOWN_FIELD: &str = "field label not supported";

/// Watches with a field selector, and without it once the API server has rejected it: its CRD may be
/// of a version that cannot select by that field, now or after a change. The selector is tried again
/// when the objects are listed again.
pub(super) fn selected<K: Send + 'static>(
    config: watcher::Config,
    resource: String,
    watch: impl Fn(watcher::Config) -> BoxStream<'static, watcher::Result<Event<K>>> + Send + 'static,
) -> impl Stream<Item = watcher::Result<Event<K>>> + Send {
    let mut events = watch(config.clone());
    let (mut is_selected, mut is_listed) = (config.field_selector.is_some(), false);
    let mut is_reported = false;
    poll_fn(move |context| {
        loop {
            let event = ready!(events.poll_next_unpin(context));
            match &event {
                Some(Err(error)) if is_selected && watch_rejects_field(error) => {
                    if !std::mem::replace(&mut is_reported, true) {
                        report(&resource, &config);
                    }
                    (is_selected, is_listed) = (false, false);
                    let mut all = config.clone();
                    all.field_selector = None;
                    events = watch(all);
                    continue;
                }
                Some(Ok(Event::Init))
                    if is_listed && !is_selected && config.field_selector.is_some() =>
                {
                    is_selected = true;
                    events = watch(config.clone());
                    continue;
                }
                Some(Ok(Event::InitDone)) => {
                    is_listed = true;
                    is_reported &= !is_selected;
                }
                _ => {}
            }
            return Poll::Ready(event);
        }
    })
}

fn report(resource: &str, config: &watcher::Config) {
    tracing::warn!(
        resource,
        selector = config.field_selector,
        "the API server cannot select by this field; all objects are watched, and those for other \
         signers are dropped before they are cached"
    );
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
    let kube::Error::Api(status) = error else {
        return false;
    };
    status.code == BAD_REQUEST && status.message.contains(UNKNOWN_FIELD)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use parking_lot::Mutex;

    use super::*;

    type Events = Vec<watcher::Result<Event<u8>>>;

    fn failed(code: u16, message: &str) -> watcher::Result<Event<u8>> {
        let status = serde_json::json!({ "code": code, "reason": "", "message": message });
        let status = serde_json::from_value(status).unwrap();
        Err(watcher::Error::InitialListFailed(kube::Error::Api(status)))
    }

    /// As the API server of Kubernetes 1.36 answers.
    fn unknown() -> watcher::Result<Event<u8>> {
        failed(
            400,
            "Unable to find \"cert-manager.io/v1, Resource=certificaterequests\" that match label \
             selector \"\", field selector \"spec.a=b\": field label not supported: spec.a",
        )
    }

    /// Watches with what each watch delivers in turn, and returns all events, and whether each watch
    /// had the selector.
    async fn watched(watches: Vec<Events>) -> (Vec<String>, Vec<bool>) {
        let selectors = Arc::new(Mutex::new(Vec::new()));
        let (seen, watches) = (selectors.clone(), Mutex::new(watches));
        let watch = move |config: watcher::Config| {
            seen.lock().push(config.field_selector.is_some());
            futures::stream::iter(watches.lock().remove(0)).boxed()
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
        let selectors = selectors.lock().clone();
        (shown.collect(), selectors)
    }

    /// The CRD may become older while the operator runs, and its group may not have been served when
    /// it started.
    #[tokio::test]
    async fn a_selector_that_is_rejected_is_left_out() {
        let (events, selectors) = watched(vec![
            vec![Ok(Event::Init), failed(404, ""), unknown(), failed(400, "")],
            vec![Ok(Event::Init), Ok(Event::InitApply(1)), unknown()],
        ])
        .await;
        assert_eq!(events, ["Init", "404", "Init", "InitApply(1)", "400"]);
        assert_eq!(selectors, [true, false]);
    }

    #[tokio::test]
    async fn another_bad_request_is_an_error_and_the_selector_stays() {
        let other = "the resourceVersion is invalid";
        let (events, selectors) = watched(vec![vec![failed(400, other), Ok(Event::Init)]]).await;
        assert_eq!(events, ["400", "Init"]);
        assert_eq!(selectors, [true]);
    }

    /// The CRD is a newer one again.
    #[tokio::test]
    async fn the_selector_is_tried_again_when_the_objects_are_listed_again() {
        let (events, selectors) = watched(vec![
            vec![unknown()],
            vec![
                Ok(Event::Init),
                failed(503, ""),
                Ok(Event::Init),
                Ok(Event::InitDone),
                Ok(Event::Init),
            ],
            vec![Ok(Event::Init), Ok(Event::InitDone)],
        ])
        .await;
        assert_eq!(
            events,
            ["Init", "503", "Init", "InitDone", "Init", "InitDone"]
        );
        assert_eq!(selectors, [true, false, true]);
    }
}
