//! What a breaker knows, and the rules by which it opens and closes.

use std::time::Duration;

use tokio::time::Instant;

use super::PROBE;
use crate::error::{ErrorClass, KeyError};
use crate::guard::{ATTEMPT, DEADLINE};

/// After so many failures one after the other, a key is dead.
const TOO_MANY: u32 = 5;

/// The longest that a key is left alone, whatever it asks.
const MAX_PATIENCE: Duration = Duration::from_secs(300);

/// Closed until it is told of failures.
#[derive(Debug, Default)]
pub(super) struct State {
    /// Failures since the last success.
    failures: u32,
    /// Why it is open; none while it is closed.
    open: Option<KeyError>,
    probing: bool,
    /// No probe before this while it is open.
    next_probe: Option<Instant>,
}

impl State {
    /// Why it is open; none while it is closed.
    pub(super) fn error(&self) -> Option<&KeyError> {
        self.open.as_ref()
    }

    /// What is said instead of asking the key.
    pub(super) fn refusal(&self) -> Option<KeyError> {
        let error = self.open.clone()?;
        let message = format!("{}; Signet tries again by itself", error.message);
        Some(KeyError { message, ..error })
    }

    /// Counts a failure, and says whether the breaker opens with it.
    pub(super) fn fail(&mut self, error: &KeyError, by_probe: bool) -> bool {
        let rest = Instant::now() + asked_for(error);
        if let Some(last) = &mut self.open {
            // What was under way when it opened may fail for a lesser reason.
            if by_probe || !error.class.is_transient() {
                *last = error.clone();
            }
            // Never sooner than was said before.
            self.next_probe = self.next_probe.max(Some(rest));
            return false;
        }
        self.failures += 1;
        let opens = self.failures >= TOO_MANY
            || !error.class.is_transient()
            || asked_for(error) > DEADLINE - ATTEMPT;
        if opens {
            self.open = Some(error.clone());
            self.next_probe = Some(rest.max(Instant::now() + PROBE));
        }
        opens
    }

    /// How long no probe is made; none if one may be now, or it is closed.
    pub(super) fn rest(&self) -> Option<Duration> {
        let next = self.open.as_ref().and(self.next_probe)?;
        let rest = next.saturating_duration_since(Instant::now());
        (!rest.is_zero()).then_some(rest)
    }

    /// Counts a signature or a check that succeeded, and returns whether there were failures
    /// before it. While the breaker is open, what was in flight before says nothing of the key as
    /// it is now.
    pub(super) fn succeed(&mut self) -> bool {
        self.open.is_none() && std::mem::take(&mut self.failures) > 0
    }

    /// Whether a probe begins that may close it. While it is closed, none does and any call may
    /// be made; while it is open and no probe is due, the error is what is said instead.
    pub(super) fn begin_probe(&mut self) -> Result<bool, KeyError> {
        let Some(refusal) = self.refusal() else {
            return Ok(false);
        };
        let now = Instant::now();
        if self.probing || self.next_probe.is_some_and(|next| now < next) {
            return Err(refusal);
        }
        self.probing = true;
        self.next_probe = Some(now + PROBE);
        Ok(true)
    }

    /// No probe is under way any more.
    pub(super) fn end_probe(&mut self) {
        self.probing = false;
    }

    /// Closes it, and says whether it was open.
    pub(super) fn close(&mut self) -> bool {
        self.failures = 0;
        self.open.take().is_some()
    }
}

/// How long the backend asks to be left alone. What is longer than the attempts of a signature
/// take opens the breaker, so that nothing asks meanwhile.
fn asked_for(error: &KeyError) -> Duration {
    match error.class {
        ErrorClass::Throttled(Some(delay)) => delay.min(MAX_PATIENCE),
        _ => Duration::ZERO,
    }
}
