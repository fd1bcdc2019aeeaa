//! Which requests are deleted before their issuer is. Pure.

use signet_core::ca::lifecycle::State;

use super::OwnRequest;
use crate::issuers::facts::Facts;

/// Returns a request that no one needs: an earlier attempt, or one of a generation that has ended.
/// The last one of a living generation stays, also when it failed.
pub(in crate::issuers) fn superseded(facts: &Facts) -> Option<&OwnRequest> {
    let requests = &facts.requests;
    requests.iter().find(|one| !is_needed(one, facts))
}

fn is_needed(one: &OwnRequest, facts: &Facts) -> bool {
    let number = one.name.generation;
    let mut unreadable = facts.generations.unreadable.iter();
    // Its number still counts if the generation was lost.
    let is_lost = number > facts.generations.highest_number;
    if is_lost || unreadable.any(|generation| generation.number == number) {
        return true;
    }
    let Some(generation) = facts.generations.get(number) else {
        return false;
    };
    let is_of_csr = |one: &OwnRequest| {
        let csr = generation.csr.as_ref();
        one.name.generation == number && csr.is_some_and(|csr| one.name.is_for(csr))
    };
    let of_csr = facts.requests.iter().filter(|other| is_of_csr(other));
    let last = of_csr.map(|other| other.name.attempt).max();
    facts.state(generation) != State::Expired && is_of_csr(one) && last == Some(one.name.attempt)
}
