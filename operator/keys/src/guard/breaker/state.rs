//! The state of a breaker, and the rules by which it opens and closes.

use std::time::Duration;

use tokio::time::Instant;

use super::PROBE;
use crate::error::{ErrorClass, KeyError};
use crate::guard::{ATTEMPT, DEADLINE};

/// This many failures in a row open the breaker.
const MAX_FAILURES: u32 = 5;

/// The longest pause between probes, whatever the backend requests.
const MAX_PAUSE: Duration = Duration::from_secs(300);

/// What was called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Call {
    /// The key signed, or failed to.
    Signature,
    /// The key was checked while the breaker was closed, which need not include a signature.
    Check,
    /// The key signed to show whether an open breaker may close.
    Probe,
}

/// Closed until it counts failures.
#[derive(Debug, Default)]
pub(super) struct State {
    /// Signatures that failed since the last one that succeeded.
    failed_signatures: u32,
    /// Checks that failed since the last check or signature that succeeded.
    failed_checks: u32,
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

    /// The error of a call that is not made.
    pub(super) fn refusal(&self) -> Option<KeyError> {
        let error = self.open.clone()?;
        let message = format!("{}; Signet tries again by itself", error.message);
        Some(KeyError { message, ..error })
    }

    /// Counts a failure, and returns whether the breaker opens with it.
    pub(super) fn fail(&mut self, error: &KeyError, call: Call) -> bool {
        let rest = Instant::now() + requested_pause(error);
        if let Some(last) = &mut self.open {
            // What was in flight when it opened may fail for a lesser reason.
            if call == Call::Probe || !error.class.is_transient() {
                *last = error.clone();
            }
            // Never sooner than before.
            self.next_probe = self.next_probe.max(Some(rest));
            return false;
        }
        match call {
            Call::Signature => self.failed_signatures += 1,
            Call::Check | Call::Probe => self.failed_checks += 1,
        }
        let opens = self.failures() >= MAX_FAILURES
            || !error.class.is_transient()
            || requested_pause(error) > DEADLINE - ATTEMPT;
        if opens {
            self.open = Some(error.clone());
            self.next_probe = Some(rest.max(Instant::now() + PROBE));
        }
        opens
    }

    /// Time until the next probe; none if one may be made now, or the breaker is closed.
    pub(super) fn rest(&self) -> Option<Duration> {
        let next = self.open.as_ref().and(self.next_probe)?;
        let rest = next.saturating_duration_since(Instant::now());
        (!rest.is_zero()).then_some(rest)
    }

    fn failures(&self) -> u32 {
        self.failed_signatures + self.failed_checks
    }

    /// Counts a success, and returns whether the key has recovered from failures. A check that
    /// succeeds shows that the key can be read, and not that it signs. While the breaker is open,
    /// what was in flight before does not show how the key is now.
    pub(super) fn succeed(&mut self, call: Call) -> bool {
        if self.open.is_some() {
            return false;
        }
        let before = self.failures();
        self.failed_checks = 0;
        if call == Call::Signature {
            self.failed_signatures = 0;
        }
        before > 0 && self.failures() == 0
    }

    /// Returns whether a probe begins that may close it. While it is closed, none does and any call
    /// may be made; while it is open and no probe is due, the error is the last one.
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

    /// No probe is in flight any more.
    pub(super) fn end_probe(&mut self) {
        self.probing = false;
    }

    /// Closes it, and returns whether it was open.
    pub(super) fn close(&mut self) -> bool {
        (self.failed_signatures, self.failed_checks) = (0, 0);
        self.open.take().is_some()
    }
}

/// The pause that the backend requests. One that is longer than the attempts of a signature take
/// opens the breaker, so that nothing calls the backend meanwhile.
fn requested_pause(error: &KeyError) -> Duration {
    match error.class {
        ErrorClass::Throttled(Some(delay)) => delay.min(MAX_PAUSE),
        _ => Duration::ZERO,
    }
}
