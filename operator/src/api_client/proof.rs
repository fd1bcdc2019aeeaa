//! What shows that a watch works which was accepted: an error in it comes first, and soon. That objects
//! come is known where they are read.

use std::pin::Pin;
use std::task::Context;
use std::time::Duration;

use tokio::time::{Sleep, sleep};

/// A watch that has delivered nothing for this long delivers no error.
const IDLE: Duration = Duration::from_secs(1);
/// How a bookmark begins, which no reader of the watch is given.
const BOOKMARK: &[u8] = br#"{"type":"BOOKMARK""#;

pub(super) struct Proof {
    pub(super) resource: String,
    /// None once something was delivered.
    idle: Option<Pin<Box<Sleep>>>,
}

impl Proof {
    pub(super) fn new(resource: String) -> Self {
        Self {
            resource,
            idle: Some(Box::pin(sleep(IDLE))),
        }
    }

    /// Whether what was delivered shows that the watch works.
    pub(super) fn delivered(&mut self, data: &[u8]) -> bool {
        self.idle = None;
        data.starts_with(BOOKMARK)
    }

    /// Whether it has been idle for long enough. Wakes the task when it has.
    pub(super) fn is_idle(&mut self, context: &mut Context<'_>) -> bool {
        let idle = self.idle.as_mut();
        idle.is_some_and(|idle| idle.as_mut().poll(context).is_ready())
    }
}
