//! What is known of the logins to a module's tokens, whichever of its processes tried them. Pure.
//!
//! A token locks itself after a few wrong PINs, so a process that ends must not cost tries.

use std::collections::HashMap;

use crate::pkcs11::signer::wire::{LoginRecord, LoginStep, TokenId, Verdict};

/// How often a PIN that no token has accepted is tried in processes that end meanwhile. Tokens that
/// lock themselves do so after three wrong PINs or more.
const MAX_UNFINISHED: u8 = 2;

/// The tokens that a module may report: those in the list, and others that are inserted in their
/// places.
const MAX_TOKENS: usize = 256;

/// The logins to a module's tokens.
#[derive(Default)]
pub(super) struct Logins(HashMap<TokenId, Known>);

struct Known {
    record: LoginRecord,
    is_accepted: bool,
    /// How many tries in a row began and did not end.
    unfinished: u8,
}

impl Logins {
    /// Records a step. Returns false if there cannot be so many tokens.
    pub(super) fn record(&mut self, record: LoginRecord, step: LoginStep) -> bool {
        let before = self.0.remove(&record.id);
        if before.is_none() && self.0.len() >= MAX_TOKENS {
            return false;
        }
        let before = before.filter(|known| known.record.pin.has_value_of(&record.pin));
        let is_same = |known: &&Known| known.record.pin == record.pin;
        let mut known = Known {
            unfinished: before
                .as_ref()
                .filter(is_same)
                .map_or(0, |known| known.unfinished),
            is_accepted: before.is_some_and(|known| known.is_accepted),
            record,
        };
        match step {
            LoginStep::Begins => known.unfinished = known.unfinished.saturating_add(1),
            LoginStep::Accepted => (known.is_accepted, known.unfinished) = (true, 0),
            LoginStep::Refused | LoginStep::Failed => known.unfinished = 0,
        }
        known.record.verdict = match step {
            LoginStep::Refused => Verdict::Refused,
            LoginStep::Begins if !known.is_accepted && known.unfinished >= MAX_UNFINISHED => {
                Verdict::Unfinished
            }
            _ => Verdict::Usable,
        };
        self.0.insert(known.record.id.clone(), known);
        true
    }

    /// What the next process should know.
    pub(super) fn records(&self) -> Vec<LoginRecord> {
        self.0.values().map(|known| known.record.clone()).collect()
    }

    /// The text without the PINs that were tried last.
    pub(super) fn redact(&self, text: &str) -> String {
        let pins = self.0.values().map(|known| &known.record.pin);
        pins.fold(text.to_owned(), |text, pin| pin.redact(&text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pkcs11::signer::pin::Pin;

    fn of(pin: &str) -> LoginRecord {
        LoginRecord {
            id: ["m", "m", "1", "ca"].map(str::to_owned),
            entry: "ca".to_owned(),
            pin: Pin::new(pin, "1".to_owned()),
            verdict: Verdict::Usable,
        }
    }

    /// What the next process is given after these steps with these PINs.
    fn after(steps: &[(&str, LoginStep)]) -> Verdict {
        let mut logins = Logins::default();
        for (pin, step) in steps {
            assert!(logins.record(of(pin), *step));
        }
        let records = logins.records();
        assert_eq!(records.len(), 1);
        assert!(records[0].pin == of(steps[steps.len() - 1].0).pin);
        records[0].verdict
    }

    #[test]
    fn a_refused_pin_stays_refused() {
        let [begins, refused] = [LoginStep::Begins, LoginStep::Refused];
        assert_eq!(after(&[("a", begins), ("a", refused)]), Verdict::Refused);
        let replaced = [("a", begins), ("a", refused), ("b", begins)];
        assert_eq!(after(&replaced), Verdict::Usable);
    }

    #[test]
    fn an_unknown_pin_is_tried_in_two_processes_that_end() {
        let begins = LoginStep::Begins;
        assert_eq!(after(&[("a", begins)]), Verdict::Usable);
        assert_eq!(after(&[("a", begins); 2]), Verdict::Unfinished);
        let other = [("a", begins), ("a", begins), ("b", begins)];
        assert_eq!(after(&other), Verdict::Usable);
        let failed = [("a", begins), ("a", LoginStep::Failed), ("a", begins)];
        assert_eq!(after(&failed), Verdict::Usable);
    }

    #[test]
    fn a_pin_that_was_accepted_is_tried_in_every_process() {
        let mut steps = vec![("a", LoginStep::Begins), ("a", LoginStep::Accepted)];
        steps.extend([("a", LoginStep::Begins); 9]);
        assert_eq!(after(&steps), Verdict::Usable);
    }

    #[test]
    fn a_process_cannot_report_tokens_without_end() {
        let mut logins = Logins::default();
        let recorded = (0..1000).filter(|number| {
            let id = ["m", "m", &number.to_string(), "ca"].map(str::to_owned);
            logins.record(LoginRecord { id, ..of("a") }, LoginStep::Accepted)
        });
        assert_eq!(recorded.count(), MAX_TOKENS);
    }

    #[test]
    fn text_is_shown_without_pins() {
        let mut logins = Logins::default();
        logins.record(of("7319-0042"), LoginStep::Begins);
        assert_eq!(logins.redact("C_Login(7319-0042)"), "C_Login((PIN))");
    }
}
