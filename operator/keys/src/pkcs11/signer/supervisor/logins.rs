//! What is known of the logins to a module's tokens, whichever of its processes tried them. Pure.
//!
//! A token locks itself after a few wrong PINs, so a process that ends must not cost tries.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::pkcs11::signer::pin::Pin;
use crate::pkcs11::signer::wire::{LoginRecord, LoginStep, TokenId, Verdict};

/// How often a PIN is tried in processes that end meanwhile. Tokens that lock themselves do so after
/// three wrong PINs or more. One that was accepted may be wrong now: a PIN is changed in the token
/// before it is changed where the operator reads it.
const MAX_UNFINISHED: u32 = 2;

/// How long it is not tried then. A module that stopped for another reason needs no new PIN.
const WAIT: Duration = Duration::from_secs(60 * 60);

/// The tokens that a module may report: those in the list, and others that are inserted in their
/// places.
const MAX_TOKENS: usize = 256;

/// The longest part of a token's id, in bytes. In the standard it has 32, each of which may be read as
/// a letter of three bytes.
const MAX_ID: usize = 96;

/// The logins to a module's tokens.
#[derive(Default)]
pub(super) struct Logins(HashMap<TokenId, Known>);

struct Known {
    /// The token of the operator's list that logs in.
    entry: String,
    /// The PIN that was tried last.
    pin: Pin,
    is_refused: bool,
    /// How many tries in a row began and did not end.
    unfinished: u32,
    /// When the last one began.
    since: Instant,
}

impl Logins {
    /// Records a step. Returns false if it is of no token, or if there cannot be so many.
    pub(super) fn record(
        &mut self,
        id: TokenId,
        entry: &str,
        pin: &Pin,
        step: LoginStep,
        now: Instant,
    ) -> bool {
        let is_new = !self.0.contains_key(&id);
        let is_long = id.iter().any(|part| part.len() > MAX_ID);
        if is_long || is_new && self.0.len() >= MAX_TOKENS {
            return false;
        }
        let before = self.0.remove(&id).filter(|known| known.pin == *pin);
        let unfinished = before.map_or(0, |known| known.unfinished);
        let known = Known {
            entry: entry.to_owned(),
            pin: pin.clone(),
            is_refused: step == LoginStep::Refused,
            unfinished: match step {
                LoginStep::Begins => unfinished.saturating_add(1),
                LoginStep::Accepted | LoginStep::Refused | LoginStep::Failed => 0,
            },
            since: now,
        };
        self.0.insert(id, known);
        true
    }

    /// What the next process should know.
    pub(super) fn records(&self, now: Instant) -> Vec<LoginRecord> {
        let records = self.0.iter().map(|(id, known)| LoginRecord {
            id: id.clone(),
            entry: known.entry.clone(),
            pin: known.pin.clone(),
            verdict: known.verdict(now),
        });
        records.collect()
    }
}

impl Known {
    fn verdict(&self, now: Instant) -> Verdict {
        match self.unfinished {
            _ if self.is_refused => Verdict::Refused,
            0 => Verdict::Usable,
            tries if tries < MAX_UNFINISHED => Verdict::Unfinished(Duration::ZERO),
            _ => Verdict::Unfinished(WAIT.saturating_sub(now.duration_since(self.since))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: [&str; 4] = ["m", "m", "1", "ca"];

    fn pin(text: &str) -> Pin {
        let (value, version) = text.split_once('/').unwrap_or((text, "1"));
        Pin::new(value, version.to_owned())
    }

    /// What a process is given this long after these steps with these PINs.
    fn after_wait(steps: &[(&str, LoginStep)], wait: Duration) -> Verdict {
        let (mut logins, now) = (Logins::default(), Instant::now());
        for (text, step) in steps {
            let id = ID.map(str::to_owned);
            assert!(logins.record(id, "ca", &pin(text), *step, now));
        }
        let records = logins.records(now + wait);
        assert_eq!(records.len(), 1);
        assert!(records[0].pin == pin(steps[steps.len() - 1].0));
        assert_eq!(
            (records[0].entry.as_str(), &records[0].id[2][..]),
            ("ca", "1")
        );
        records[0].verdict
    }

    fn after(steps: &[(&str, LoginStep)]) -> Verdict {
        after_wait(steps, Duration::ZERO)
    }

    #[test]
    fn a_refused_pin_stays_refused() {
        let [begins, refused] = [LoginStep::Begins, LoginStep::Refused];
        let steps = [("a", begins), ("a", refused)];
        assert_eq!(after(&steps), Verdict::Refused);
        assert_eq!(after_wait(&steps, 99 * WAIT), Verdict::Refused);
        let replaced = [("a", begins), ("a", refused), ("b", begins)];
        assert_eq!(after(&replaced), AFTER_ONE);
    }

    const AFTER_ONE: Verdict = Verdict::Unfinished(Duration::ZERO);
    const AFTER_TWO: Verdict = Verdict::Unfinished(WAIT);

    #[test]
    fn a_pin_is_tried_in_two_processes_that_end() {
        let [begins, accepted, failed] =
            [LoginStep::Begins, LoginStep::Accepted, LoginStep::Failed];
        let accepts = [("a", begins), ("a", accepted)];
        let fails = [("a", begins), ("a", begins), ("a", failed)];
        let two = [("a", begins); 2];
        for (steps, expected) in [
            (&accepts[..], Verdict::Usable),
            (&fails, Verdict::Usable),
            (&two[..1], AFTER_ONE),
            (&two, AFTER_TWO),
            (&[fails.as_slice(), &two[..1]].concat(), AFTER_ONE),
            // Also if the token accepted it before.
            (&[accepts.as_slice(), &two[..1]].concat(), AFTER_ONE),
            (&[accepts.as_slice(), &two].concat(), AFTER_TWO),
            // Until its source changes, with or without it.
            (&[two.as_slice(), &[("b", begins)]].concat(), AFTER_ONE),
            (&[two.as_slice(), &[("a/2", begins)]].concat(), AFTER_ONE),
        ] {
            assert_eq!(after(steps), expected, "{steps:?}");
        }
    }

    #[test]
    fn a_pin_whose_tries_did_not_end_is_tried_once_an_hour() {
        for tries in [2, 3, 9] {
            let steps = vec![("a", LoginStep::Begins); tries];
            let [early, late] = [WAIT / 4, WAIT].map(|wait| after_wait(&steps, wait));
            assert_eq!(early, Verdict::Unfinished(WAIT / 4 * 3));
            assert_eq!(late, Verdict::Unfinished(Duration::ZERO));
        }
    }

    #[test]
    fn a_process_cannot_report_tokens_without_end() {
        let (mut logins, now) = (Logins::default(), Instant::now());
        let mut record = |id| logins.record(id, "ca", &pin("a"), LoginStep::Accepted, now);
        let id = |serial: &str| ["m", "m", serial, "ca"].map(str::to_owned);
        assert!(!record(id(&"x".repeat(MAX_ID + 1))));
        assert!(record(id(&"x".repeat(MAX_ID))));
        let recorded = (1..1000).filter(|number| record(id(&number.to_string())));
        assert_eq!(recorded.count(), MAX_TOKENS - 1);
        // What is known of the others can change.
        assert!(record(id("1")));
    }
}
