//! The events of an issuer that is deleted, and of one that continues with what was left. Pure.

use std::collections::BTreeSet;

use jiff::Timestamp;
use signet_api::{GenerationState, IssuerResource, IssuerStatus};

use super::round::Round;
use crate::issuer_name::IssuerName;
use crate::plan::PlannedEvent;
use crate::publish;

/// Returns the event of an issuer that was deleted while certificates under it may be valid.
/// `namespace` is that of its generations.
pub(super) fn deleted<K: IssuerResource>(
    object: &K,
    namespace: &str,
    now: Timestamp,
) -> Option<PlannedEvent> {
    let ca = &object.issuer_status()?.ca;
    let signed = |state| matches!(state, GenerationState::Active | GenerationState::Old);
    let alive = ca.iter().filter(|ca| signed(ca.state));
    let ends = alive.filter_map(|ca| ca.not_after.as_ref().map(|at| at.0));
    let end = ends.max().filter(|end| now < *end)?;
    let names: Vec<_> = ca.iter().map(|ca| ca.name.as_str()).collect();
    let keys: BTreeSet<_> = ca.iter().map(|ca| ca.key.as_str()).collect();
    let keys: Vec<_> = keys.into_iter().collect();
    let (names, keys) = (names.join(", "), keys.join(", "));
    let bundle = publish::object_name(&IssuerName::of(object));
    Some(PlannedEvent {
        warning: true,
        reason: "DeletedWithValidCertificates",
        action: "Delete",
        note: format!(
            "deleted, and certificates under it may be valid until {end}. Its CAGenerations {names}, \
             its key {keys} and, until they have expired, its trust bundle {bundle} stay in the \
             namespace {namespace}. An issuer of the same kind and name continues with them"
        ),
    })
}

/// Returns the event of a new issuer whose generations are older than itself.
pub(super) fn adopted<K: IssuerResource>(
    object: &K,
    before: &IssuerStatus,
    round: &Round,
) -> Option<PlannedEvent> {
    let is_observed = before
        .observed_generation
        .is_some_and(|observed| observed >= 0);
    let created = object.meta().creation_timestamp.as_ref()?.0;
    let facts = &round.facts;
    let stored = facts.generations.stored.iter();
    // Both times are whole seconds, so that one of the same second may be either issuer's.
    let older = stored
        .filter(|one| one.number() <= round.highest_before)
        .filter(|one| one.facts.prepared <= created);
    let names: Vec<_> = older.map(|one| one.name()).collect();
    if is_observed || names.is_empty() {
        return None;
    }
    let (names, namespace) = (names.join(", "), &facts.namespace);
    let bundle = publish::object_name(&facts.name);
    Some(PlannedEvent {
        warning: false,
        reason: "Adopted",
        action: "Check",
        note: format!(
            "continues with what an earlier issuer of this name left in the namespace {namespace}: \
             the CAGenerations {names}, their keys, and the trust bundle {bundle} if there is one"
        ),
    })
}
