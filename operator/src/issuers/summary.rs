//! The generations in an issuer's status. Pure.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use signet_api::{CaSummary, GenerationRole, GenerationState};
use signet_core::ca::lifecycle::{State, View};

use super::facts::Facts;
use super::generation::Stored;
use crate::plan::truncate;

/// Returns the current generation first, then the next, then the others from the newest on.
pub(super) fn summaries(facts: &Facts) -> Vec<CaSummary> {
    let situation = facts.situation();
    let view = View::new(&situation);
    let current = view.active().map(|one| one.number);
    let next = view.next().map(|one| one.number);
    let previous = previous(facts, current);
    let role = |number| match Some(number) {
        number if number == current => Some(GenerationRole::Current),
        number if number == next => Some(GenerationRole::Next),
        number if number == previous => Some(GenerationRole::Previous),
        _ => None,
    };
    let newest_first = facts.generations.stored.iter().rev();
    let mut summaries: Vec<_> = newest_first
        .map(|one| summary(one, view.state(&one.facts), role(one.number())))
        .collect();
    summaries.sort_by_key(|summary| match summary.role {
        Some(GenerationRole::Current) => 0,
        Some(GenerationRole::Next) => 1,
        _ => 2,
    });
    summaries
}

/// Returns the generation that signed before the current one.
fn previous(facts: &Facts, current: Option<u32>) -> Option<u32> {
    let stored = facts.generations.stored.iter();
    let before =
        stored.filter(|one| one.facts.activated.is_some() && Some(one.number()) != current);
    let last = before.max_by_key(|one| (one.facts.activated, one.number()));
    last.map(Stored::number)
}

fn summary(one: &Stored, state: State, role: Option<GenerationRole>) -> CaSummary {
    let ca = one.chain.as_ref().map(|chain| chain.issuing());
    let certified = one.facts.certified.as_ref();
    CaSummary {
        name: one.name().to_owned(),
        generation: one.number(),
        role,
        state: state_of(state),
        key: one.key.config.backend().reference(),
        key_fingerprint: one.key.fingerprint.clone(),
        subject: ca.map(|ca| truncate(ca.subject())),
        fingerprint: certified.map(|own| own.fingerprint.clone()),
        not_before: certified.map(|own| Time(own.not_before)),
        not_after: certified.map(|own| Time(own.not_after)),
    }
}

pub(super) const fn state_of(state: State) -> GenerationState {
    match state {
        State::Requested => GenerationState::Requested,
        State::Prepared => GenerationState::Prepared,
        State::Published => GenerationState::Published,
        State::Active => GenerationState::Active,
        State::Old => GenerationState::Old,
        State::Expired => GenerationState::Expired,
        State::Revoked => GenerationState::Revoked,
    }
}
