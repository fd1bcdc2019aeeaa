//! The backoff of a watch.
//!
//! kube's own starts over with any event. The one that begins a listing comes before the first page is
//! requested, so listings that fail would never be tried less often.

use std::task::{Poll, ready};

use futures::stream::poll_fn;
use futures::{Stream, StreamExt};
use kube::runtime::utils::Backoff;
use kube::runtime::watcher::{self, DefaultBackoff, Event};
use tokio::time::sleep;

/// Waits after each failure, and longer until the objects are listed or one changes.
pub(super) fn backed_off<K: Send>(
    events: impl Stream<Item = watcher::Result<Event<K>>> + Send,
) -> impl Stream<Item = watcher::Result<Event<K>>> + Send {
    let mut events = Box::pin(events);
    let mut backoff = DefaultBackoff::default();
    let mut wait = None;
    poll_fn(move |context| {
        if let Some(wait) = &mut wait {
            ready!(Future::poll(std::pin::Pin::as_mut(wait), context));
        }
        wait = None;
        let event = ready!(events.poll_next_unpin(context));
        match &event {
            Some(Err(_)) => wait = backoff.next().map(|wait| Box::pin(sleep(wait))),
            Some(Ok(Event::Init | Event::InitApply(_))) | None => {}
            Some(Ok(Event::InitDone | Event::Apply(_) | Event::Delete(_))) => backoff.reset(),
        }
        Poll::Ready(event)
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use super::*;

    /// How often a listing that fails is tried in ten minutes, if each attempt delivers these events
    /// before.
    async fn attempts(events: fn() -> Vec<Event<u8>>) -> usize {
        let failing = futures::stream::repeat_with(move || {
            let events = events().into_iter().map(Ok);
            let failed = Err(watcher::Error::NoResourceVersion);
            futures::stream::iter(events.chain([failed]))
        });
        let end = Instant::now() + Duration::from_secs(600);
        let events = backed_off(failing.flatten());
        let events = events.take_while(|_| futures::future::ready(Instant::now() < end));
        let failed = events.filter(|event| futures::future::ready(event.is_err()));
        failed.count().await
    }

    #[tokio::test(start_paused = true)]
    async fn a_listing_that_fails_is_tried_less_and_less_often() {
        // 0.8 s, doubling up to 30 s, each with up to as much of jitter.
        let count = attempts(|| vec![Event::Init]).await;
        assert!(count <= 30, "{count}");
        let pages = || vec![Event::Init, Event::InitApply(1)];
        let count = attempts(pages).await;
        assert!(count <= 30, "its second page fails: {count}");
        let works = || vec![Event::Init, Event::InitDone];
        let count = attempts(works).await;
        assert!(count >= 100, "the listing works: {count}");
    }
}
