//! Whether a CA may be created. One that existed is never recreated by accident. Pure.

#[cfg(test)]
mod tests;

use std::time::Duration;

use jiff::Timestamp;

use super::Root;

/// What a new key or a new generation would mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Creation {
    /// Nothing: an existing CA goes on, or its key cannot be reached now.
    Nothing,
    /// A first CA, as far as the generations show.
    First,
    /// Another key in the place of one that Signet created, under which a CA was issued.
    LostKey,
    /// A self-signed root for a key without one, next to a CA that signs.
    NewRoot,
}

/// What shows that the issuer had a CA.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trace {
    /// `status.ca`.
    Status,
    /// A CA generation, whose key is gone.
    Generation,
    /// `status.bundle`.
    Bundle,
    /// The object with the trust bundle.
    BundleObject,
    /// The key that Signet created.
    Key,
}

/// An earlier CA, as one trace names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Earlier {
    /// Where it is named.
    pub trace: Trace,
    /// The SHA-256 of its certificate, in hex, or of its root's or its key where the trace has no
    /// more.
    pub fingerprint: String,
}

/// Everything that a verdict depends on.
#[derive(Clone, Debug)]
pub struct Prospect<'a> {
    /// What would be created.
    pub creation: Creation,
    /// Whether the CA would sign itself.
    pub is_self_signed: bool,
    /// The CA that the traces name.
    pub earlier: &'a [Earlier],
    /// Whether the source has a certificate for the key already.
    pub is_offered: bool,
    /// Whether a trace has a certificate for the key that passes the checks.
    pub is_adoptable: bool,
    /// `expectedRoot`.
    pub expected_root: Option<&'a str>,
    /// Whether `creation` is `Forbidden`.
    pub is_forbidden: bool,
    /// `acknowledgedLoss`.
    pub acknowledged: Option<&'a str>,
    /// How long the traces must disagree before the CA counts as lost, because a restore may be
    /// under way.
    pub delay: Duration,
}

/// Whether something may be created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It may.
    Proceed,
    /// The CA in a trace is taken over.
    Adopt,
    /// Nothing is created before this time.
    Wait(Timestamp),
    /// The CA is lost, and nothing is created in its place.
    Lost,
    /// The spec forbids it.
    Forbidden,
    /// A new root would not be the expected one.
    NoExpectedRoot,
}

impl Prospect<'_> {
    /// Whether there was a CA, and it is not to be found.
    fn is_lost(&self) -> bool {
        let is_missing = match self.creation {
            Creation::First => !self.is_offered && !self.is_adoptable,
            Creation::LostKey => true,
            Creation::Nothing | Creation::NewRoot => false,
        };
        is_missing && !self.earlier.is_empty()
    }

    /// Returns since when the CA is lost, if it is; `before` is since when it was.
    pub fn lost_since(&self, before: Option<Timestamp>, now: Timestamp) -> Option<Timestamp> {
        self.is_lost().then(|| before.unwrap_or(now))
    }

    /// Decides. `lost_since` is when the loss was first observed.
    pub fn verdict(&self, lost_since: Option<Timestamp>, now: Timestamp) -> Verdict {
        match self.creation {
            Creation::Nothing => return Verdict::Proceed,
            Creation::First if self.is_offered => return Verdict::Proceed,
            Creation::First if self.is_adoptable => return Verdict::Adopt,
            _ => {}
        }
        if self.is_lost() {
            let until = lost_since.unwrap_or(now).checked_add(self.delay);
            let until = until.unwrap_or(Timestamp::MAX);
            // An acknowledgement in Git may be older than the restore that is under way.
            if now < until {
                return Verdict::Wait(until);
            }
            if !self.is_acknowledged() {
                return Verdict::Lost;
            }
        }
        self.of_spec()
    }

    fn is_acknowledged(&self) -> bool {
        let mut earlier = self.earlier.iter();
        earlier.any(|one| self.acknowledged == Some(one.fingerprint.as_str()))
    }

    fn of_spec(&self) -> Verdict {
        if self.is_forbidden {
            Verdict::Forbidden
        } else if self.is_self_signed && self.expected_root.is_some() {
            Verdict::NoExpectedRoot
        } else {
            Verdict::Proceed
        }
    }
}

/// Whether a root is the one that the spec expects, or a renewal of it: a certificate with the
/// subject and key of the expected one, which is among those that are known.
pub fn is_expected(root: &Root, expected: Option<&str>, known: &[&Root]) -> bool {
    let Some(expected) = expected else {
        return true;
    };
    let is_it = |one: &Root| one.fingerprint == expected;
    is_it(root) || known.iter().any(|one| is_it(one) && one.ca == root.ca)
}
