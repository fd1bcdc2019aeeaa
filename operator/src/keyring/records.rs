//! The longest lifetimes granted under a CA generation, as they are recorded in its object.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures::future::BoxFuture;
use parking_lot::Mutex;
use signet_core::ca::{Lifetimes, step_for};
use signet_core::policy::{Kind, LifetimeLimits};

/// Raises the records of one generation.
pub trait RecordStore: fmt::Debug + Send + Sync {
    /// Writes the records down. The error is a message for requesters.
    fn raise(&self, lifetimes: Lifetimes) -> BoxFuture<'_, Result<(), String>>;
}

/// The records of the generation that signs. They are raised before a longer certificate is signed.
#[derive(Debug)]
pub struct Records {
    recorded: Mutex<Lifetimes>,
    /// One at a time; only those that need a longer record wait.
    raising: tokio::sync::Mutex<()>,
    /// The lifetime of the CA certificate.
    ca: Duration,
    limits: LifetimeLimits,
    store: OnceLock<Arc<dyn RecordStore>>,
}

impl Records {
    pub fn new(recorded: Lifetimes, ca: Duration, limits: LifetimeLimits) -> Self {
        Self {
            recorded: Mutex::new(recorded),
            raising: tokio::sync::Mutex::default(),
            ca,
            limits,
            store: OnceLock::new(),
        }
    }

    /// Sets where the records are raised. Without it, they cannot be.
    pub fn connect(&self, store: Arc<dyn RecordStore>) {
        let _ = self.store.set(store);
    }

    /// Raises the record, if it does not cover a certificate of this lifetime.
    ///
    /// # Errors
    /// The record could not be written. The certificate must not be signed.
    pub async fn cover(&self, kind: Kind, lifetime: Duration) -> Result<(), String> {
        if self.raised(kind, lifetime).is_none() {
            return Ok(());
        }
        let _one = self.raising.lock().await;
        let Some(raised) = self.raised(kind, lifetime) else {
            return Ok(());
        };
        let store = self.store.get();
        let store = store.ok_or("the lifetime of the certificate cannot be recorded yet")?;
        store.raise(raised).await?;
        *self.recorded.lock() = raised;
        Ok(())
    }

    /// Returns the records that cover a certificate; none if they do so already.
    fn raised(&self, kind: Kind, lifetime: Duration) -> Option<Lifetimes> {
        let recorded = *self.recorded.lock();
        let own = match kind {
            Kind::Leaf => recorded.leaf,
            Kind::Ca { .. } => recorded.ca,
        };
        if own.is_some_and(|own| own >= lifetime) {
            return None;
        }
        let max = self.limits.max(kind);
        let step = Some(step_for(lifetime, max, self.ca.max(lifetime)));
        Some(match kind {
            Kind::Leaf => Lifetimes {
                leaf: step,
                ..recorded
            },
            Kind::Ca { .. } => Lifetimes {
                ca: step,
                ..recorded
            },
        })
    }
}

#[cfg(test)]
mod tests;
