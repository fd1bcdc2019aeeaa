//! What is reconciled again because something else changed.

use futures::Stream;
use futures::stream::unfold;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::broadcast::{self, Receiver, Sender};

use crate::issuer_name::IssuerName;

/// The maximum number of wakeups in a queue.
const MAX_QUEUED: usize = 1024;

/// The issuer that is woken, or whose requests are; none for all.
pub type Wakeup = Option<IssuerName>;

/// Wakes issuers and requests. Without a receiver, the next reconcile sees what changed.
#[derive(Clone, Debug)]
pub struct Wakeups {
    issuers: Sender<Wakeup>,
    requests: Sender<Wakeup>,
}

impl Default for Wakeups {
    fn default() -> Self {
        Self {
            issuers: broadcast::channel(MAX_QUEUED).0,
            requests: broadcast::channel(MAX_QUEUED).0,
        }
    }
}

impl Wakeups {
    pub fn wake_issuer(&self, name: &IssuerName) {
        let _ = self.issuers.send(Some(name.clone()));
    }

    /// Wakes the requests that wait for an issuer; for none, all that wait.
    pub fn wake_requests(&self, of: Option<&IssuerName>) {
        let _ = self.requests.send(of.cloned());
    }

    pub fn issuers(&self) -> Receiver<Wakeup> {
        self.issuers.subscribe()
    }

    pub fn requests(&self) -> Receiver<Wakeup> {
        self.requests.subscribe()
    }
}

/// Returns the wakeups as a stream. In place of those that were missed, it wakes all.
pub fn stream(receiver: Receiver<Wakeup>) -> impl Stream<Item = Wakeup> + Send {
    unfold(receiver, |mut receiver| async move {
        match receiver.recv().await {
            Ok(wakeup) => Some((wakeup, receiver)),
            Err(RecvError::Lagged(_)) => Some((None, receiver)),
            Err(RecvError::Closed) => None,
        }
    })
}
