//! The next step: one write.

use jiff::Timestamp;

use super::table::{self, Event};
use super::wish::{Wanted, Wish};
use super::{Situation, State, View, Wait, activation};
use crate::ca::{Generation, Purpose};

/// One write. Afterwards the facts are observed again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Create a generation.
    Create(NewGeneration),
    /// Record a transition, as of this time.
    Record {
        /// Of which generation.
        number: u32,
        /// What happened.
        event: Event,
        /// When.
        at: Timestamp,
    },
    /// Delete a generation that has ended.
    Delete(u32),
}

/// A generation that is to be created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewGeneration {
    /// Its number.
    pub number: u32,
    /// The fingerprint of its key.
    pub key: String,
    /// What it is made for.
    pub purpose: Purpose,
    /// The generation whose certificate and key reference it takes over.
    pub copy_of: Option<u32>,
}

/// Returns the next step.
pub(super) fn next(
    view: &View<'_>,
    situation: &Situation<'_>,
    wish: &Wish,
    wait: Option<&Wait>,
) -> Option<Step> {
    supersede(view, situation)
        .or_else(|| abandon(view, situation, wish, wait))
        .or_else(|| advance(view, situation, wait))
        .or_else(|| create(view, situation, wish))
        .or_else(|| delete(view, situation))
}

/// Records a transition, if the generation's state has it.
fn record(view: &View<'_>, one: &Generation, event: Event, at: Timestamp) -> Option<Step> {
    let number = one.number;
    table::after(view.state(one), event).map(|_| Step::Record { number, event, at })
}

fn supersede(view: &View<'_>, situation: &Situation<'_>) -> Option<Step> {
    let mut generations = situation.generations.iter();
    generations.find_map(|one| {
        let at = one.activated.and(view.superseded(one))?;
        one.superseded.is_none().then_some(Step::Record {
            number: one.number,
            event: Event::Superseded,
            at,
        })
    })
}

/// Gives up a generation that is not wanted, or of no use.
fn abandon(
    view: &View<'_>,
    situation: &Situation<'_>,
    wish: &Wish,
    wait: Option<&Wait>,
) -> Option<Step> {
    let next = view.next();
    let is_useless = matches!(wait, Some(Wait::Useless { .. }));
    let keeps = |one: &Generation| {
        next.is_some_and(|next| next.number == one.number) && wish.fits_next && !is_useless
    };
    let mut waiting = situation
        .generations
        .iter()
        .filter(|one| view.is_waiting(one));
    let unwanted = waiting.find(|one| !keeps(one))?;
    record(view, unwanted, Event::Abandoned, situation.now)
}

/// Moves the next generation on.
fn advance(view: &View<'_>, situation: &Situation<'_>, wait: Option<&Wait>) -> Option<Step> {
    let next = view.next()?;
    let (now, offered) = (situation.now, situation.offered);
    match (view.state(next), &next.certified) {
        (State::Requested, None) => offered.and_then(|_| record(view, next, Event::Certified, now)),
        (State::Prepared, Some(own)) if activation::is_published(view, situation, own) => {
            record(view, next, Event::Published, now)
        }
        (State::Published, Some(_)) if wait.is_none() => record(view, next, Event::Activated, now),
        _ => None,
    }
}

fn create(view: &View<'_>, situation: &Situation<'_>, wish: &Wish) -> Option<Step> {
    if view.next().is_some() || situation.spec.suspend {
        return None;
    }
    let Wanted {
        key,
        purpose,
        copy_of,
    } = wish.new.clone()?;
    Some(Step::Create(NewGeneration {
        number: situation.next_number()?,
        key,
        purpose,
        copy_of,
    }))
}

/// Deletes the oldest generation that has ended, if more of them are kept than the spec asks for.
fn delete(view: &View<'_>, situation: &Situation<'_>) -> Option<Step> {
    let has_ended = |one: &&Generation| match view.state(one) {
        _ if one.inherits_until.is_some_and(|end| situation.now < end) => false,
        State::Expired => true,
        // A person may have to tell their parent which certificates to revoke.
        State::Revoked => {
            let end = one.certified.as_ref().map(|own| own.not_after);
            end.is_none_or(|end| situation.now >= end)
        }
        _ => false,
    };
    // The active one may have expired, and its successor takes over from it.
    let active = view.active().map(|active| active.number);
    let ended = situation.generations.iter().filter(has_ended);
    let ended: Vec<_> = ended.filter(|one| Some(one.number) != active).collect();
    let is_over = ended.len() > situation.spec.history_limit;
    let oldest = ended.first().filter(|_| is_over)?;
    Some(Step::Delete(oldest.number))
}
