//! Watches that keep only what is ours.

use futures::{Stream, StreamExt, future, stream};
use kube::runtime::watcher::{self, Event};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

/// Passes on the events of objects that `keep` turns into what is cached, and drops the others
/// before anything is cached.
pub fn filter_map<K, T, S, F>(
    events: S,
    keep: F,
) -> impl Stream<Item = watcher::Result<Event<T>>> + Send
where
    S: Stream<Item = watcher::Result<Event<K>>> + Send,
    F: Fn(K) -> Option<T> + Send,
    K: Send,
    T: Send,
{
    events.filter_map(move |event| {
        let kept = match event {
            Ok(Event::Apply(object)) => keep(object).map(Event::Apply).map(Ok),
            Ok(Event::InitApply(object)) => keep(object).map(Event::InitApply).map(Ok),
            Ok(Event::Delete(object)) => keep(object).map(Event::Delete).map(Ok),
            Ok(Event::Init) => Some(Ok(Event::Init)),
            Ok(Event::InitDone) => Some(Ok(Event::InitDone)),
            Err(error) => Some(Err(error)),
        };
        future::ready(kept)
    })
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

/// The items of a channel; none where some were missed.
pub fn received<T: Clone + Send>(receiver: Receiver<T>) -> impl Stream<Item = Option<T>> + Send {
    stream::unfold(receiver, |mut receiver| async move {
        match receiver.recv().await {
            Ok(item) => Some((Some(item), receiver)),
            Err(RecvError::Lagged(_)) => Some((None, receiver)),
            Err(RecvError::Closed) => None,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn others_are_dropped_and_the_marks_of_a_listing_stay() {
        let events = [
            Event::Init,
            Event::InitApply(1),
            Event::InitApply(2),
            Event::InitDone,
            Event::Apply(3),
            Event::Delete(4),
        ];
        let even = |number: i32| (number % 2 == 0).then(|| number * 10);
        let kept = filter_map(futures::stream::iter(events.map(Ok)), even);
        let kept: Vec<_> = kept
            .map(|event| format!("{:?}", event.unwrap()))
            .collect()
            .await;
        assert_eq!(kept, ["Init", "InitApply(20)", "InitDone", "Delete(40)"]);
    }
}
