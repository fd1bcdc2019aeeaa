//! Which key of a MeshCA is that of its spec, and which are of no more use.
//!
//! A renewal keeps the key. Another `rotation.requestID`, another `keyType` or a revocation makes
//! Signet create one.

use signet_api::MeshCASpec;
use signet_core::ca::lifecycle::{State, View};
use signet_core::x509::public_key::PublicKey;

use super::facts::Facts;
use super::generation::Stored;
use super::store::Generations;
use crate::context::Context;
use crate::issuer_name::IssuerName;
use crate::mesh::{Adoptable, Observed};

/// What the CA that a mesh had before is for: a digest that no spec has, so that the issuer above
/// replaces it. Its key is replaced, too.
pub(super) const TAKEN_OVER: &str =
    "0000000000000000000000000000000000000000000000000000000000000000";

/// Returns the entry with the key of the spec; none if there is no such key yet.
pub(super) async fn chosen(
    spec: &MeshCASpec,
    observed: &Observed,
    generations: &Generations,
    issuer: &IssuerName,
    context: &Context,
) -> Option<String> {
    if let Some(entry) = of_generation(spec, generations) {
        return Some(entry);
    }
    let unused = unused(observed, generations);
    let loading = &context.key_loading;
    let keys = observed
        .keys
        .public_keys(unused, &issuer.namespace, loading);
    of_unused(spec, observed, generations, &keys.await)
}

/// Returns the entry of the newest generation whose key may go on.
fn of_generation(spec: &MeshCASpec, generations: &Generations) -> Option<String> {
    let rotation = spec.rotation.clone().unwrap_or_default();
    let requested = rotation.request_id.as_ref();
    let mut newest_first = generations.stored.iter().rev();
    let kept = newest_first.find(|one| {
        let purpose = &one.facts.purpose;
        purpose.rollback_to.is_none()
            && purpose.certificate != TAKEN_OVER
            && (requested.is_none() || purpose.request_id.as_ref() == requested)
            && !rotation.revoked.contains(&one.key.fingerprint)
            && one
                .key
                .config
                .backend()
                .provision()
                .is_some_and(|key| key.key_type == spec.key_type)
    });
    entry(kept?)
}

/// Returns an entry that no generation uses yet: the one that is taken over, or one that was created
/// for the spec before the operator ended.
fn of_unused(
    spec: &MeshCASpec,
    observed: &Observed,
    generations: &Generations,
    unused: &[(String, PublicKey)],
) -> Option<String> {
    let mut own = unused.iter();
    if let Some(adoptable) = adoptable(observed, generations) {
        let is_it = |(entry, _): &&(String, PublicKey)| *entry == adoptable.key.entry;
        return own.find(is_it).map(|(entry, _)| entry.clone());
    }
    let rotation = spec.rotation.clone().unwrap_or_default();
    let fits = |key: &PublicKey| {
        spec.key_type.is_of(key) && !rotation.revoked.contains(&key.fingerprint())
    };
    own.find(|(_, key)| fits(key))
        .map(|(entry, _)| entry.clone())
}

fn unused(observed: &Observed, generations: &Generations) -> Vec<String> {
    let used: Vec<_> = generations.stored.iter().filter_map(entry).collect();
    let names = observed.keys.names().map(str::to_owned);
    names.filter(|name| !used.contains(name)).collect()
}

/// Returns the CA that is taken over; none if there is a generation already.
pub(super) fn adoptable<'a>(
    observed: &'a Observed,
    generations: &Generations,
) -> Option<&'a Adoptable> {
    let adoptable = observed.adoptable.as_ref()?.as_ref().ok()?;
    let is_first = generations.highest_number == 0;
    is_first.then_some(adoptable)
}

/// Returns the entries whose generations have all ended. They are removed before the generations are.
pub(super) fn ended(facts: &Facts) -> Vec<String> {
    let Some(observed) = &facts.mesh else {
        return Vec::new();
    };
    let situation = facts.situation();
    let view = View::new(&situation);
    let has_ended =
        |one: &Stored| matches!(view.state(&one.facts), State::Expired | State::Revoked);
    let stored = &facts.generations.stored;
    let entries = stored.iter().filter(|one| has_ended(one)).filter_map(entry);
    let is_used = |name: &String| {
        let mut others = stored.iter().filter(|one| !has_ended(one));
        others.any(|one| entry(one).as_ref() == Some(name))
    };
    let of_spec = facts.spec.key.backend().provision();
    let of_spec = of_spec.and_then(|key| key.entry);
    let mut ended: Vec<_> = entries
        .filter(|name| observed.keys.has(name) && !is_used(name) && of_spec.as_ref() != Some(name))
        .collect();
    ended.sort();
    ended.dedup();
    ended
}

/// Returns the entry with the key of a generation.
pub(super) fn entry(one: &Stored) -> Option<String> {
    one.key.config.backend().provision()?.entry
}
