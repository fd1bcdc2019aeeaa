//! The state of a breaker, and the rules by which it opens and closes.

use std::time::Duration;

use tokio::time::Instant;

use super::PROBE;
use crate::error::KeyError;
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
    /// None while it is closed.
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    /// Why it is open.
    error: KeyError,
    /// No probe begins before this.
    next_probe: Instant,
}

impl State {
    /// Why it is open; none while it is closed.
    pub(super) fn error(&self) -> Option<&KeyError> {
        self.open.as_ref().map(|open| &open.error)
    }

    /// The error of a call that is not made.
    pub(super) fn refusal(&self) -> Option<KeyError> {
        let error = self.error()?.clone();
        let message = format!("{}; Signet tries again by itself", error.message);
        Some(KeyError { message, ..error })
    }

    /// Counts a failure, and returns whether the breaker opens with it.
    pub(super) fn fail(&mut self, error: &KeyError, call: Call) -> bool {
        let requested = error.class.requested_pause();
        let rest = Instant::now() + requested.min(MAX_PAUSE);
        if let Some(open) = &mut self.open {
            // What was in flight when it opened may fail for a lesser reason.
            if call == Call::Probe || !error.class.is_transient() {
                open.error = error.clone();
            }
            // Never sooner than before.
            open.next_probe = open.next_probe.max(rest);
            return false;
        }
        match call {
            Call::Signature => self.failed_signatures += 1,
            Call::Check | Call::Probe => self.failed_checks += 1,
        }
        // A pause that is longer than the attempts of a signature take opens it, so that nothing
        // calls the backend meanwhile.
        let opens = self.failures() >= MAX_FAILURES
            || !error.class.is_transient()
            || requested > DEADLINE - ATTEMPT;
        self.open = opens.then(|| Open {
            error: error.clone(),
            next_probe: rest.max(Instant::now() + PROBE),
        });
        opens
    }

    /// Time until the next probe; none if one may be made now, or the breaker is closed.
    pub(super) fn rest(&self) -> Option<Duration> {
        let next = self.open.as_ref()?.next_probe;
        let rest = next.saturating_duration_since(Instant::now());
        (!rest.is_zero()).then_some(rest)
    }

    fn failures(&self) -> u32 {
        self.failed_signatures + self.failed_checks
    }

    /// Counts a success, and returns whether the key has recovered from failures. A check that
    /// succeeds shows that the key can be read, and not that it signs. While the breaker is open,
    /// only a probe closes it: what was in flight before does not show how the key is now.
    pub(super) fn succeed(&mut self, call: Call) -> bool {
        if call == Call::Probe {
            (self.failed_signatures, self.failed_checks) = (0, 0);
            return self.open.take().is_some();
        } else if self.open.is_some() {
            return false;
        }
        let before = self.failures();
        self.failed_checks = 0;
        if call == Call::Signature {
            self.failed_signatures = 0;
        }
        before > 0 && self.failures() == 0
    }

    /// Begins a probe, and returns true, if it is open and a probe is due.
    pub(super) fn begin_probe(&mut self) -> bool {
        let is_due = self.rest().is_none();
        match &mut self.open {
            Some(open) if is_due => {
                open.next_probe = Instant::now() + PROBE;
                true
            }
            _ => false,
        }
    }
}
