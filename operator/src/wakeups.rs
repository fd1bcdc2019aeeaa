//! What is reconciled again because something else changed.

use tokio::sync::broadcast::{self, Receiver, Sender};

use crate::issuer_name::IssuerName;

/// How many wakeups may be queued. A receiver that missed some wakes everything that it serves.
const MAX_QUEUED: usize = 1024;

/// The issuer whose requests are reconciled again; none for any of them.
pub type IssuerChange = Option<IssuerName>;

/// Wakes issuers and requests. Without a receiver, the next reconcile sees what changed.
#[derive(Clone, Debug)]
pub struct Wakeups {
    issuers: Sender<IssuerName>,
    requests: Sender<IssuerChange>,
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
    /// Wakes an issuer.
    pub fn wake_issuer(&self, name: &IssuerName) {
        let _ = self.issuers.send(name.clone());
    }

    /// Wakes the requests that wait for an issuer; for none, every request that waits.
    pub fn wake_requests(&self, of: Option<&IssuerName>) {
        let _ = self.requests.send(of.cloned());
    }

    /// Subscribes to the issuers that are woken.
    pub fn issuers(&self) -> Receiver<IssuerName> {
        self.issuers.subscribe()
    }

    /// Subscribes to the issuers whose requests are woken.
    pub fn requests(&self) -> Receiver<IssuerChange> {
        self.requests.subscribe()
    }
}
