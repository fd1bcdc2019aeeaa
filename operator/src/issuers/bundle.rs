//! The trust bundle: which roots are published, and the PEM of those that are trusted. Pure.

use std::collections::BTreeSet;

use jiff::Timestamp;
use signet_api::IssuerStatus;
use signet_core::ca::lifecycle::Plan;
use signet_core::ca::{Bundle, CaCertificate, CaChain, Root};

use super::facts::Facts;
use super::store::Generations;

/// Returns the roots of a status.
pub(super) fn in_status(status: Option<&IssuerStatus>) -> Vec<CaCertificate> {
    let pem = status.and_then(|status| status.bundle.as_deref());
    let roots = pem.map(|pem| CaCertificate::all_from_pem(pem.as_bytes()));
    // What is not PEM was not written by Signet, and nothing is published by it.
    roots.and_then(Result::ok).unwrap_or_default()
}

/// Returns the fingerprints of the roots that are published in every place.
pub(super) fn published_roots(in_status: &[CaCertificate]) -> BTreeSet<String> {
    in_status
        .iter()
        .map(|root| hex::encode(root.fingerprint()))
        .collect()
}

/// Returns the roots that the spec names. While they or a generation cannot be read, those that are
/// published stay, so that none disappears by accident.
pub(super) fn named(
    named: Option<Vec<CaCertificate>>,
    generations: &Generations,
    in_status: &[CaCertificate],
    now: Timestamp,
) -> Vec<CaCertificate> {
    let mut unreadable = generations.unreadable.iter();
    let keeps = named.is_none() || unreadable.any(|one| one.may_live(now));
    let kept = in_status.iter().filter(|_| keeps).cloned();
    named.unwrap_or_default().into_iter().chain(kept).collect()
}

/// Returns the roots that are trusted now, the signing generation's first.
pub(super) fn of(facts: &Facts, plan: &Plan) -> Bundle {
    let stored = &facts.generations.stored;
    let paths = stored.iter().filter_map(|one| one.chain.as_ref());
    let anchors = paths.filter_map(|chain| CaChain::path(chain).last());
    let known: Vec<_> = anchors.chain(&facts.named).collect();
    let find = |root: &Root| {
        let is_it = |one: &&&CaCertificate| hex::encode(one.fingerprint()) == root.fingerprint;
        known.iter().find(is_it).copied()
    };
    Bundle::of(plan.bundle.iter().filter_map(find))
}
