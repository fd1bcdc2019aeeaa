//! When the process of a module may be started again, and for which tokens. Pure.
//!
//! A process may end because of one token, whose tenants must not take the module from others. So a
//! token whose calls it ended in waits by itself, and all wait only if there is no such token, or if
//! the module works for none.

use std::collections::{BTreeSet, HashMap};
use std::time::Instant;

use super::wait::Wait;
use crate::pkcs11::signer::stop::ModuleStop;

/// The ends of a module's processes.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    module: Wait,
    tokens: HashMap<String, Suspect>,
}

/// A token whose calls a process ended in.
#[derive(Debug)]
struct Suspect {
    wait: Wait,
    stop: ModuleStop,
    /// Whether it was the only one at least once.
    is_certain: bool,
}

/// The life of a process, when it has ended.
#[derive(Debug)]
pub(super) struct Life {
    pub(super) started: Instant,
    /// When the call began that it ended in, if there was one.
    pub(super) failed: Instant,
    /// Whether a call succeeded.
    pub(super) has_worked: bool,
    /// The tokens in whose calls it ended. Only the one whose call did not return, if one did not.
    pub(super) suspects: BTreeSet<String>,
}

impl Backoff {
    /// A process has ended now.
    pub(super) fn ended(&mut self, life: &Life, stop: ModuleStop, now: Instant) {
        if life.has_worked && !life.suspects.is_empty() {
            self.module.shorten();
        }
        self.module.failed(life.started, life.failed, now);
        let is_certain = life.suspects.len() == 1;
        for token in &life.suspects {
            let suspect = self.tokens.entry(token.clone()).or_insert(Suspect {
                wait: Wait::default(),
                stop,
                is_certain,
            });
            let since = suspect.wait.next().unwrap_or(life.started);
            suspect.wait.failed(since, life.failed, now);
            suspect.stop = stop;
            suspect.is_certain |= is_certain;
        }
    }

    /// A call with this token succeeded. That clears it, unless it was the only suspect: a token may
    /// have good calls between those that end the process.
    pub(super) fn worked(&mut self, token: &str) {
        if self.tokens.get(token).is_some_and(|it| !it.is_certain) {
            self.tokens.remove(token);
        }
    }

    /// Whether a process may be started.
    pub(super) fn may_start(&self, now: Instant) -> bool {
        self.module.is_over(now)
    }

    /// Why no call with this token may be made now; none if it may.
    pub(super) fn holds(&self, token: &str, now: Instant) -> Option<ModuleStop> {
        let suspect = self.tokens.get(token)?;
        (!suspect.wait.is_over(now)).then_some(suspect.stop)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn life<const N: usize>(started: Instant, has_worked: bool, suspects: [&str; N]) -> Life {
        Life {
            started,
            failed: started + SECOND,
            has_worked,
            suspects: suspects.map(str::to_owned).into(),
        }
    }

    /// After this many lives of 25 s. Returns the time.
    fn after<const N: usize>(
        backoff: &mut Backoff,
        lives: u32,
        has_worked: bool,
        suspects: [&str; N],
    ) -> Instant {
        let mut now = Instant::now();
        for _ in 0..lives {
            let life = life(now, has_worked, suspects);
            now += 25 * SECOND;
            backoff.ended(&life, ModuleStop::Hung, now);
        }
        now
    }

    #[test]
    fn a_token_that_hangs_waits_by_itself() {
        let mut backoff = Backoff::default();
        let now = after(&mut backoff, 9, true, ["a"]);
        assert_eq!(
            backoff.holds("a", now + 59 * SECOND),
            Some(ModuleStop::Hung)
        );
        assert_eq!(backoff.holds("a", now + 60 * SECOND), None);
        assert_eq!(backoff.holds("b", now), None);
        assert!(backoff.may_start(now + SECOND));
    }

    /// Good calls of its other keys change nothing.
    #[test]
    fn a_token_that_was_the_only_suspect_is_not_cleared() {
        let mut backoff = Backoff::default();
        let now = after(&mut backoff, 9, true, ["a"]);
        backoff.worked("a");
        assert!(backoff.holds("a", now).is_some());
    }

    #[test]
    fn a_suspect_that_works_is_cleared() {
        let mut backoff = Backoff::default();
        let now = after(&mut backoff, 9, true, ["a", "b"]);
        assert!(backoff.holds("a", now).is_some());
        backoff.worked("b");
        assert!(backoff.holds("a", now).is_some());
        assert_eq!(backoff.holds("b", now), None);
    }

    #[test]
    fn a_module_that_works_for_no_token_waits() {
        let mut backoff = Backoff::default();
        let now = after(&mut backoff, 9, false, ["a", "b"]);
        assert!(!backoff.may_start(now + 59 * SECOND));
        assert!(backoff.may_start(now + 60 * SECOND));
    }

    /// It crashes by itself, so no token's wait would help.
    #[test]
    fn a_module_that_ends_without_calls_waits() {
        let mut backoff = Backoff::default();
        let now = after(&mut backoff, 9, true, []);
        assert!(!backoff.may_start(now + 59 * SECOND));
    }

    #[test]
    fn a_token_that_did_not_fail_for_long_does_not_wait() {
        let mut backoff = Backoff::default();
        let now = after(&mut backoff, 9, true, ["a"]);
        let later = now + 120 * SECOND;
        backoff.ended(&life(later, true, ["a"]), ModuleStop::Hung, later + SECOND);
        assert_eq!(backoff.holds("a", later + SECOND), None);
    }
}
