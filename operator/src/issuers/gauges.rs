//! What metrics report about an issuer's CA, whether or not it can sign. Pure.

use std::time::Duration;

use jiff::Timestamp;
use signet_core::ca::lifecycle::{Plan, Wait};

use super::facts::Facts;
use super::generation::Stored;
use super::parents;
use crate::metrics::{CaGauges, GenerationGauge};

/// Returns the gauges of an issuer.
pub(super) fn gauges(facts: &Facts, plan: Option<&Plan>) -> CaGauges {
    let expiry = |one: &Stored| one.chain.as_ref().map(|chain| chain.not_after());
    let generations = facts.generations.stored.iter().map(|one| GenerationGauge {
        number: one.number(),
        state: facts.state(one).as_str(),
        expiry: expiry(one).map(Timestamp::as_second),
    });
    CaGauges {
        expiry: facts.active().and_then(expiry).map(Timestamp::as_second),
        generations: generations.collect(),
        person_deadline: waits_for_person(facts, plan)
            .then(|| deadline(facts).max(facts.now).as_second()),
    }
}

/// Returns until when the current CA certificate signs, which is now if there is none.
fn deadline(facts: &Facts) -> Timestamp {
    let current = facts.active().and_then(|one| one.chain.as_ref());
    current.map_or(facts.now, |chain| {
        before(chain.not_after(), facts.rotation.min_duration)
    })
}

/// Whether the CA goes on only when a person signs, commands, renews its parent, or puts another
/// certificate where the spec has `existing`.
fn waits_for_person(facts: &Facts, plan: Option<&Plan>) -> bool {
    match plan.and_then(|plan| plan.waits.as_ref()) {
        Some(Wait::Certificate) => parents::pending_csr(facts).is_some(),
        Some(Wait::Command | Wait::Useless { .. }) => true,
        Some(_) => false,
        None => is_due_elsewhere(facts),
    }
}

/// Whether a certificate that others write is in the last sixth of its lifetime.
fn is_due_elsewhere(facts: &Facts) -> bool {
    let current = facts.active().and_then(|one| one.chain.as_ref());
    let current = current.filter(|_| facts.rotation.follows_existing);
    current.is_some_and(|chain| is_ending(chain.not_before(), chain.not_after(), facts.now))
}

/// Whether a certificate is in the last sixth of its lifetime. What renews it by itself has done so by
/// then: Signet and cert-manager do when a third is left.
pub(crate) fn is_ending(not_before: Timestamp, not_after: Timestamp, now: Timestamp) -> bool {
    let lifetime = Duration::try_from(not_after.duration_since(not_before)).unwrap_or_default();
    now >= before(not_after, lifetime / 6)
}

fn before(at: Timestamp, duration: Duration) -> Timestamp {
    at.checked_sub(duration).unwrap_or(Timestamp::MIN)
}
