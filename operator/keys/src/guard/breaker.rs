//! A circuit breaker: keeps calls from an unavailable key until it responds again.

mod state;
#[cfg(test)]
mod tests;

use std::fmt;
use std::time::Duration;

use tokio::sync::{Mutex, MutexGuard, watch};

use state::{Call, State};

use super::DEADLINE;
use super::call::call;
use crate::error::KeyError;

/// The shortest time between two probes of an unavailable key.
pub const PROBE: Duration = Duration::from_secs(5);

/// A circuit breaker. It opens when a key becomes unavailable, and closes when a probe succeeds;
/// while it is open, only the probe reaches the backend.
pub struct Breaker {
    state: watch::Sender<State>,
    /// Held by the probe that is in flight.
    probing: Mutex<()>,
    on_event: Box<dyn Fn(BreakerEvent<'_>) + Send + Sync>,
}

/// What a breaker reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreakerEvent<'a> {
    /// It opened: the key is unavailable, for this reason.
    Opened(&'a KeyError),
    /// It closed: the key is available again.
    Closed,
    /// The key signed again after failures that were too few to open it.
    Recovered,
}

impl Breaker {
    /// A closed breaker. `on_event` receives each event, and may call the breaker.
    pub fn new(on_event: Box<dyn Fn(BreakerEvent<'_>) + Send + Sync>) -> Self {
        Self {
            state: watch::Sender::default(),
            probing: Mutex::default(),
            on_event,
        }
    }

    /// Whether it is open: the key is unavailable.
    pub fn is_open(&self) -> bool {
        self.state.borrow().error().is_some()
    }

    /// The last error, while it is open.
    pub fn last_error(&self) -> Option<KeyError> {
        self.state.borrow().error().cloned()
    }

    /// Whether the key may be called; if not, why.
    pub fn admit(&self) -> Result<(), KeyError> {
        self.state.borrow().refusal().map_or(Ok(()), Err)
    }

    /// Time until the next probe; none if one may be made now, or the breaker is closed.
    pub fn rest(&self) -> Option<Duration> {
        self.state.borrow().rest()
    }

    /// Waits for this. If the breaker is open or opens meanwhile, that is the error, immediately.
    /// A call in flight at the backend is better waited for.
    pub async fn unless_open<T>(&self, wait: impl Future<Output = T>) -> Result<T, KeyError> {
        let mut state = self.state.subscribe();
        let opened = async {
            let opened = state.wait_for(|state| state.error().is_some()).await;
            opened.ok()?.refusal()
        };
        tokio::select! {
            biased;
            Some(error) = opened => Err(error),
            done = wait => Ok(done),
        }
    }

    /// Counts a signature that verifies. While the breaker is open, only a probe closes it.
    ///
    /// After failures it is reported: signatures that failed although the breaker stayed closed
    /// are retried now, and not at the end of a backoff that grew while others succeeded.
    pub fn succeeded(&self) {
        self.succeed(Call::Signature);
    }

    fn succeed(&self, call: Call) {
        if self.state.send_if_modified(|state| state.succeed(call)) {
            (self.on_event)(match call {
                Call::Probe => BreakerEvent::Closed,
                Call::Signature | Call::Check => BreakerEvent::Recovered,
            });
        }
    }

    /// Counts a signature that failed. A transient error opens the breaker when it came too
    /// often; any other, the first time.
    pub fn failed(&self, error: &KeyError) {
        self.fail(error, Call::Signature);
    }

    fn fail(&self, error: &KeyError, call: Call) {
        if self.state.send_if_modified(|state| state.fail(error, call)) {
            (self.on_event)(BreakerEvent::Opened(error));
        }
    }

    /// Calls the backend to see whether it responds, within [`DEADLINE`]. While the breaker is
    /// open the call is made at most every [`PROBE`] and never twice at the same time, otherwise
    /// the error is the last one; a success closes it. So a call that is made while it is open
    /// must include a signature. While it is closed, the call counts as a check: its success
    /// outweighs no signature that failed.
    pub async fn probe<T>(
        &self,
        check: impl Future<Output = Result<T, KeyError>>,
    ) -> Result<T, KeyError> {
        let probing = self.begin_probe()?;
        let result = call(DEADLINE, check).await;
        let made = match probing {
            Some(_) => Call::Probe,
            None => Call::Check,
        };
        match &result {
            Ok(_) => self.succeed(made),
            Err(error) => self.fail(error, made),
        }
        result
    }

    /// Returns none while it is closed.
    fn begin_probe(&self) -> Result<Option<MutexGuard<'_, ()>>, KeyError> {
        let Err(refusal) = self.admit() else {
            return Ok(None);
        };
        match self.probing.try_lock() {
            Ok(probing) if self.state.send_if_modified(State::begin_probe) => Ok(Some(probing)),
            _ => Err(refusal),
        }
    }
}

impl fmt::Debug for Breaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Breaker")
            .field("state", &*self.state.borrow())
            .finish_non_exhaustive()
    }
}
