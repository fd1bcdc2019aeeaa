//! How long a call may take. Pure.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::access::ModuleProgram;
use crate::pkcs11::signer::wire::{LoginStep, TokenId};

/// How long calls may take in a process. The first ones load the library and connect to the HSM, and
/// a login that is ended may cost a try of the PIN, so these may take longer.
#[derive(Debug)]
pub(super) struct TimeLimits {
    max_call: Duration,
    max_start: Duration,
    /// When the first call was answered, or the last login ended.
    settled: Option<Instant>,
    /// When the logins began that have not ended.
    logins: HashMap<TokenId, Instant>,
}

impl TimeLimits {
    pub(super) fn new(program: &ModuleProgram) -> Self {
        Self {
            max_call: program.max_call,
            max_start: program.max_start,
            settled: None,
            logins: HashMap::new(),
        }
    }

    /// A call was answered.
    pub(super) fn answered(&mut self, now: Instant) {
        self.settled.get_or_insert(now);
    }

    /// A login began or ended.
    pub(super) fn login(&mut self, id: &TokenId, step: LoginStep, now: Instant) {
        if step == LoginStep::Begins {
            self.logins.entry(id.clone()).or_insert(now);
        } else if self.logins.remove(id).is_some() {
            self.settled = Some(now);
        }
    }

    /// For how long a call that began at this time is waited for, until this is asked again; none
    /// if it takes too long.
    pub(super) fn left(&self, began: Instant, now: Instant) -> Option<Duration> {
        let call = match self.settled {
            None => began + self.max_start,
            Some(settled) => began.max(settled) + self.max_call,
        };
        let logins = self.logins.values().map(|login| *login + self.max_start);
        let end = logins.fold(call, Instant::max);
        let left = end.saturating_duration_since(now);
        (!left.is_zero()).then_some(left.min(self.max_call))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn limits() -> TimeLimits {
        TimeLimits::new(&ModuleProgram::default())
    }

    #[test]
    fn the_first_calls_may_take_longer() {
        let mut limits = limits();
        let began = Instant::now();
        assert!(limits.left(began, began + 119 * SECOND).is_some());
        assert_eq!(limits.left(began, began + 120 * SECOND), None);
        limits.answered(began + 60 * SECOND);
        limits.answered(began + 70 * SECOND);
        assert!(limits.left(began, began + 79 * SECOND).is_some());
        assert_eq!(limits.left(began, began + 80 * SECOND), None);
        let began = began + 100 * SECOND;
        assert!(limits.left(began, began + 19 * SECOND).is_some());
        assert_eq!(limits.left(began, began + 20 * SECOND), None);
    }

    #[test]
    fn a_login_is_not_interrupted() {
        let mut limits = limits();
        let id = ["m", "m", "1", "ca"].map(str::to_owned);
        let began = Instant::now();
        limits.answered(began);
        limits.login(&id, LoginStep::Begins, began + 10 * SECOND);
        assert!(limits.left(began, began + 129 * SECOND).is_some());
        assert_eq!(limits.left(began, began + 130 * SECOND), None);
        limits.login(&id, LoginStep::Accepted, began + 60 * SECOND);
        assert!(limits.left(began, began + 79 * SECOND).is_some());
        assert_eq!(limits.left(began, began + 80 * SECOND), None);
    }

    /// Another call may be answered meanwhile.
    #[test]
    fn is_asked_again_after_the_time_of_a_call() {
        let now = Instant::now();
        assert_eq!(limits().left(now, now), Some(20 * SECOND));
    }
}
