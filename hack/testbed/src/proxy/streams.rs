//! Responses that are passed on as they come, such as those of watches, and what ends them.

use std::io;

use futures::stream;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Bytes, Frame};
use reqwest::Body;
use tokio::sync::watch;

/// The streams so far, by the order in which they began.
#[derive(Debug)]
pub(super) struct Streams(watch::Sender<State>);

/// Streams below these numbers have ended, or deliver nothing any more.
#[derive(Clone, Copy, Debug, Default)]
struct State {
    begun: u64,
    cut: u64,
    stalled: u64,
}

impl Default for Streams {
    fn default() -> Self {
        Self(watch::Sender::new(State::default()))
    }
}

impl Streams {
    /// Ends those that there are in the middle of a message.
    pub(super) fn cut(&self) {
        self.0.send_modify(|state| state.cut = state.begun);
    }

    /// Lets those that there are deliver nothing any more, without an end.
    pub(super) fn stall(&self) {
        self.0.send_modify(|state| state.stalled = state.begun);
    }

    /// How many there were.
    pub(super) fn begun(&self) -> u64 {
        self.0.borrow().begun
    }

    /// Passes on a body for as long as nothing ends or stalls it.
    pub(super) fn pass(&self, body: Body) -> UnsyncBoxBody<Bytes, io::Error> {
        let mut number = 0;
        self.0.send_modify(|state| {
            number = state.begun;
            state.begun += 1;
        });
        let state = Some((body, self.0.subscribe()));
        let frames = stream::unfold(state, move |state| async move {
            let (body, changes) = state?;
            next(number, body, changes).await
        });
        StreamBody::new(frames).boxed_unsync()
    }
}

type Passed = (Body, watch::Receiver<State>);

async fn next(
    number: u64,
    mut body: Body,
    mut changes: watch::Receiver<State>,
) -> Option<(io::Result<Frame<Bytes>>, Option<Passed>)> {
    loop {
        let state = *changes.borrow_and_update();
        if number < state.cut {
            return Some((Err(io::Error::other("cut by a fault")), None));
        }
        if number < state.stalled {
            changes.changed().await.ok()?;
            continue;
        }
        tokio::select! {
            frame = body.frame() => {
                let frame = frame?.map_err(io::Error::other);
                return Some((frame, Some((body, changes))));
            }
            changed = changes.changed() => changed.ok()?,
        }
    }
}
