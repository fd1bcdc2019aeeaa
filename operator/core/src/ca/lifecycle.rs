//! The lifecycle of an issuer's CA: which generation signs, what happens next, and which roots are
//! trusted. Pure.
//!
//! [`plan`] is the one call: from the facts of every generation, the spec, the parent's answer and
//! the time, to one step, the bundle and the time to look again. The states of a generation are
//! never stored; [`view`] derives them from facts and time, and [`table`] has every transition.

mod activation;
mod bundle;
mod commands;
mod renewal;
mod situation;
mod steps;
pub mod table;
#[cfg(test)]
mod tests;
mod view;
mod wish;

pub use activation::Wait;
pub use commands::Ignored;
pub use situation::{Activation, KeyState, Situation, Spec};
pub use steps::{NewGeneration, Step};
pub use table::State;
pub use view::{View, all_expired_at};
pub use wish::Stuck;

use jiff::Timestamp;

use super::Root;

/// The maximum number of CAs (subject and key) that an issuer's bundle has as roots. A rotation
/// that would exceed it waits.
pub const MAX_ROOTS: usize = 8;

/// The maximum length of a bundle in bytes, because every request carries it.
pub const MAX_BUNDLE: usize = 16 * 1024;

/// What follows from a situation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The number of the generation that signs.
    pub signing: Result<u32, NotSigning>,
    /// What to do next; afterwards the facts are observed again.
    pub step: Option<Step>,
    /// The roots that are trusted now: the active generation's first, each once.
    pub bundle: Vec<Root>,
    /// Why the next generation is not active yet; none if there is no next generation.
    pub waits: Option<Wait>,
    /// What the spec asks for and cannot get.
    pub stuck: Option<Stuck>,
    /// A command that names nothing to which it could apply.
    pub ignored: Vec<Ignored>,
    /// When time alone changes the plan.
    pub wake: Option<Timestamp>,
}

/// Why no generation signs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotSigning {
    /// `spec.suspend` is set.
    Suspended,
    /// There is no certificate yet, or none is active yet.
    NotActive,
    /// The CA certificate or one above it has expired.
    Expired(Timestamp),
    /// The CA certificate or one above it is not valid yet.
    NotYetValid(Timestamp),
}

/// Decides on the next step of a CA.
pub fn plan(situation: &Situation<'_>) -> Plan {
    let view = View::new(situation);
    let (wish, stuck) = wish::of(&view, situation);
    let waits = activation::wait(&view, situation);
    let step = steps::next(&view, situation, &wish, waits.as_ref());
    Plan {
        signing: signing(&view, situation),
        bundle: bundle::roots(&view, situation),
        ignored: commands::ignored(&view, situation),
        wake: wake(&view, situation, waits.as_ref()),
        step,
        waits,
        stuck,
    }
}

fn signing(view: &View<'_>, situation: &Situation<'_>) -> Result<u32, NotSigning> {
    if situation.spec.suspend {
        return Err(NotSigning::Suspended);
    }
    let active = view.active().ok_or(NotSigning::NotActive)?;
    let certified = active.certified.as_ref().ok_or(NotSigning::NotActive)?;
    if situation.now >= certified.not_after {
        return Err(NotSigning::Expired(certified.not_after));
    }
    if situation.now < certified.not_before {
        return Err(NotSigning::NotYetValid(certified.not_before));
    }
    Ok(active.number)
}

/// Returns the first time at which something changes without an event.
fn wake(view: &View<'_>, situation: &Situation<'_>, waits: Option<&Wait>) -> Option<Timestamp> {
    let active = view.active();
    let expiry = active.and_then(|active| Some(active.certified.as_ref()?.not_after));
    let renewal = active.and_then(|active| renewal::due(active, situation));
    let retry = renewal::retry_at(view, situation);
    let ends = situation
        .generations
        .iter()
        .filter_map(|one| view.alive_until(one));
    let times = [expiry, renewal, retry, waits.and_then(Wait::until)];
    let times = times.into_iter().flatten().chain(ends);
    times.filter(|at| *at > situation.now).min()
}
