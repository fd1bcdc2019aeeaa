//! What this process remembers of issuers. A restart forgets it, and each part says what that costs.
//!
//! A round reads it once, with the facts; what is remembered next follows from the facts, and is stored
//! after the round's step.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use jiff::Timestamp;
use parking_lot::Mutex;

use super::creation;
use super::facts::Facts;
use super::submission::Submission;
use crate::issuer_name::IssuerName;

/// The memory of every issuer that has one.
#[derive(Debug, Default)]
pub struct Memory(Mutex<HashMap<IssuerName, Entry>>);

#[derive(Clone, Debug, PartialEq)]
enum Entry {
    /// It exists.
    Issuer(Remembered),
    /// It left something behind, and is known to be gone since then. After a restart this begins
    /// again, which at worst keeps its bundle for longer.
    Gone(Timestamp),
}

/// What is remembered of an issuer from one round to the next.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Remembered {
    /// Since when its CA is missing. Nothing is created meanwhile, so a restart only delays the
    /// report of the loss.
    pub(super) lost_since: Option<Timestamp>,
    /// The last submission of a CSR. After a restart, a parent that keeps requests itself is asked
    /// again, and another one signs once more.
    pub(super) submission: Option<Arc<Submission>>,
}

impl Remembered {
    /// Returns what to remember of these facts.
    pub(super) fn of(facts: &Facts) -> Self {
        let before = facts.remembered.lost_since;
        Self {
            lost_since: creation::prospect(facts).lost_since(before, facts.now),
            submission: facts.submission().cloned(),
        }
    }

    /// Returns what to remember after a step that may have sent a CSR.
    pub(super) fn after(&self, sent: Option<&Arc<Submission>>) -> Self {
        Self {
            submission: sent.or(self.submission.as_ref()).cloned(),
            ..*self
        }
    }
}

impl Memory {
    /// Returns what is remembered of an issuer that exists.
    pub(super) fn read(&self, issuer: &IssuerName) -> Remembered {
        match self.0.lock().get(issuer) {
            Some(Entry::Issuer(remembered)) => remembered.clone(),
            Some(Entry::Gone(_)) | None => Remembered::default(),
        }
    }

    /// Stores what is remembered of an issuer that exists, in the place of all that was.
    pub(super) fn store(&self, issuer: &IssuerName, remembered: Remembered) {
        let mut entries = self.0.lock();
        match remembered == Remembered::default() {
            true => entries.remove(issuer),
            false => entries.insert(issuer.clone(), Entry::Issuer(remembered)),
        };
    }

    /// Returns since when an issuer is known to be gone.
    pub(super) fn gone_since(&self, issuer: &IssuerName) -> Option<Timestamp> {
        match self.0.lock().get(issuer) {
            Some(Entry::Gone(since)) => Some(*since),
            Some(Entry::Issuer(_)) | None => None,
        }
    }

    /// Stores which issuers are gone, in the place of those that were. One that exists again is left
    /// alone.
    pub(super) fn store_gone(&self, gone: BTreeMap<IssuerName, Timestamp>) {
        let mut entries = self.0.lock();
        entries.retain(|_, entry| matches!(entry, Entry::Issuer(_)));
        for (issuer, since) in gone {
            entries.entry(issuer).or_insert(Entry::Gone(since));
        }
    }

    /// Forgets an issuer that is gone.
    pub fn forget(&self, issuer: &IssuerName) {
        let mut entries = self.0.lock();
        if matches!(entries.get(issuer), Some(Entry::Issuer(_))) {
            entries.remove(issuer);
        }
    }

    /// Returns the issuers of which something is remembered and that existed then.
    pub fn issuers(&self) -> Vec<IssuerName> {
        let entries = self.0.lock();
        let existing = entries
            .iter()
            .filter(|(_, entry)| matches!(entry, Entry::Issuer(_)));
        existing.map(|(issuer, _)| issuer.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{NOW, at, corp, shop_ca};

    fn lost() -> Remembered {
        Remembered {
            lost_since: Some(NOW),
            submission: None,
        }
    }

    #[test]
    fn keeps_what_a_round_stored_last_and_no_entry_for_nothing() {
        let memory = Memory::default();
        memory.store(&corp(), lost());
        assert_eq!(memory.read(&corp()), lost());
        assert_eq!(memory.read(&shop_ca()), Remembered::default());
        assert_eq!(memory.issuers(), [corp()]);
        memory.store(&corp(), Remembered::default());
        assert_eq!(memory.read(&corp()), Remembered::default());
        assert_eq!(memory.issuers(), []);
    }

    #[test]
    fn forgets_an_issuer_that_is_gone_and_not_since_when() {
        let memory = Memory::default();
        memory.store(&corp(), lost());
        memory.forget(&corp());
        assert_eq!(memory.read(&corp()), Remembered::default());
        memory.store_gone([(corp(), at(1))].into());
        assert_eq!(
            memory.issuers(),
            [],
            "a watch that lists again forgets these"
        );
        memory.forget(&corp());
        assert_eq!(memory.gone_since(&corp()), Some(at(1)));
        memory.store_gone(BTreeMap::new());
        assert_eq!(memory.gone_since(&corp()), None, "nothing of it is left");
    }

    /// A sweep may have begun before the issuer was created again.
    #[test]
    fn a_sweep_does_not_take_the_memory_of_an_issuer_that_exists_again() {
        let memory = Memory::default();
        memory.store_gone([(corp(), at(1))].into());
        memory.store(&corp(), lost());
        assert_eq!(memory.gone_since(&corp()), None);
        memory.store_gone([(corp(), at(1))].into());
        assert_eq!(memory.read(&corp()), lost());
    }
}
