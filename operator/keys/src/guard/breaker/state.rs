//! What a breaker knows, and the rules by which it opens and closes.

use tokio::time::Instant;

use super::PROBE;
use crate::error::KeyError;

/// After so many failures one after the other, a key is dead.
const TOO_MANY: u32 = 5;

/// A breaker that opens again and again waits this many times longer at most.
const MOST_PATIENCE: u32 = 64;

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
    /// A probe closed it, and nothing was signed since.
    untried: bool,
    /// How often it opened again before anything was signed: the key is there and does not sign.
    relapses: u32,
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
        if let Some(last) = &mut self.open {
            // What was under way when it opened may fail for a lesser reason.
            if by_probe || !error.class.is_transient() {
                *last = error.clone();
            }
            return false;
        }
        self.failures += 1;
        let opens = self.failures >= TOO_MANY || !error.class.is_transient();
        if opens {
            self.open = Some(error.clone());
            self.relapses = if self.untried { self.relapses + 1 } else { 0 };
            let patience = 2_u32.saturating_pow(self.relapses).min(MOST_PATIENCE);
            self.next_probe = Some(Instant::now() + PROBE * patience);
        }
        opens
    }

    /// Counts a signature.
    pub(super) fn succeed(&mut self) {
        if self.open.is_none() {
            self.failures = 0;
            self.untried = false;
        }
    }

    /// Counts a look at the key that went well.
    pub(super) fn seen(&mut self) {
        if self.open.is_none() {
            self.failures = 0;
        }
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
        self.untried = true;
        self.open.take().is_some()
    }
}
