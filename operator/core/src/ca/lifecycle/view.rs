//! The states of an issuer's generations, derived from facts and time.

use std::time::Duration;

use jiff::Timestamp;

use super::{Situation, State};
use crate::ca::{Generation, Lifetimes, allowance};

/// An issuer's generations at one time.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    situation: &'a Situation<'a>,
}

impl<'a> View<'a> {
    /// Returns the view of a situation.
    pub fn new(situation: &'a Situation<'a>) -> Self {
        Self { situation }
    }

    pub(super) fn situation(&self) -> &'a Situation<'a> {
        self.situation
    }

    /// Returns the generation that was activated last.
    pub fn active(&self) -> Option<&'a Generation> {
        let living = self.situation.generations.iter().filter(|one| {
            one.activated.is_some() && self.superseded(one).is_none() && !self.is_revoked(one)
        });
        living.max_by_key(|one| (one.activated, one.number))
    }

    /// Returns the newest generation that is to follow the active one.
    pub fn next(&self) -> Option<&'a Generation> {
        let active = self.active().map(|active| active.number);
        let waiting = self
            .situation
            .generations
            .iter()
            .filter(|one| self.is_waiting(one));
        let newest = waiting.max_by_key(|one| one.number);
        newest.filter(|newest| Some(newest.number) > active)
    }

    /// Whether it was neither activated nor replaced.
    pub(super) fn is_waiting(&self, one: &Generation) -> bool {
        one.activated.is_none() && one.superseded.is_none() && !self.is_revoked(one)
    }

    /// Whether the spec revokes its key.
    pub fn is_revoked(&self, one: &Generation) -> bool {
        self.situation.spec.revoked.contains(&one.key)
    }

    /// Whether it may have signed something.
    pub(super) fn has_granted(one: &Generation) -> bool {
        one.activated.is_some() && one.lifetimes.longest().is_some()
    }

    /// Returns the state of one of the generations.
    pub fn state(&self, one: &Generation) -> State {
        let now = self.situation.now;
        if self.is_revoked(one) {
            State::Revoked
        } else if let Some(superseded) = self.superseded(one) {
            let alive_until = self.alive_until(one).unwrap_or(superseded);
            match now < alive_until {
                true => State::Old,
                false => State::Expired,
            }
        } else if one.activated.is_some() {
            match one
                .certified
                .as_ref()
                .is_some_and(|own| now >= own.not_after)
            {
                true => State::Expired,
                false => State::Active,
            }
        } else if one.published.is_some() {
            State::Published
        } else if one.certified.is_some() {
            State::Prepared
        } else {
            State::Requested
        }
    }

    /// Returns when another took its place: as recorded, or else when a later one was activated. A
    /// crash may come between the two writes.
    pub(super) fn superseded(&self, one: &Generation) -> Option<Timestamp> {
        let own = one.activated.map(|at| (at, one.number));
        let later = self.situation.generations.iter().filter_map(|other| {
            let other = (other.activated?, other.number);
            own.filter(|own| other > *own).map(|_| other.0)
        });
        one.superseded.or(later.min())
    }

    /// Returns the end of the last certificate under a generation that was replaced, by its records.
    /// None for one that was not, and for one under which there never was a certificate.
    pub(super) fn alive_until(&self, one: &Generation) -> Option<Timestamp> {
        let superseded = self.superseded(one)?;
        let longest = one.activated.and(one.lifetimes.longest())?;
        Some(end_of(one, superseded, longest))
    }

    /// Returns the end of the last leaf that was granted before `at` under a generation.
    pub(super) fn leaves_until(&self, one: &Generation, at: Timestamp) -> Option<Timestamp> {
        let Lifetimes { leaf, .. } = one.lifetimes;
        let longest = one.activated.and(leaf)?;
        let last = self
            .superseded(one)
            .map_or(at, |superseded| superseded.min(at));
        Some(end_of(one, last, longest))
    }
}

/// Returns when the last certificate under the generations of an issuer that was deleted has expired,
/// if nothing was signed since `gone`. None if nothing was ever signed.
pub fn all_expired_at(generations: &[Generation], gone: Timestamp) -> Option<Timestamp> {
    let end = |one: &Generation| {
        one.activated?;
        let last = one.superseded.unwrap_or(gone);
        match one.lifetimes.longest() {
            Some(longest) => Some(end_of(one, last, longest)),
            None => one.certified.as_ref().map(|own| own.not_after),
        }
    };
    generations.iter().filter_map(end).max()
}

/// Returns the end of a certificate of this lifetime that was granted at `last`, for a verifier whose
/// clock runs behind. Nothing outlives the CA certificate.
fn end_of(one: &Generation, last: Timestamp, lifetime: Duration) -> Timestamp {
    let end = add(last, lifetime + allowance(lifetime));
    one.certified
        .as_ref()
        .map_or(end, |own| end.min(own.not_after))
}

/// Adds, up to the end of the calendar.
pub(super) fn add(at: Timestamp, duration: Duration) -> Timestamp {
    at.checked_add(duration).unwrap_or(Timestamp::MAX)
}

/// Subtracts, down to the start of the calendar.
pub(super) fn before(at: Timestamp, duration: Duration) -> Timestamp {
    at.checked_sub(duration).unwrap_or(Timestamp::MIN)
}
