//! What watches have in common.

use futures::{Stream, StreamExt};
use kube::runtime::watcher::{self, Event};

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
