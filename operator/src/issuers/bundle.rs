//! The trust bundle: which roots are published, and the PEM of those that are trusted. Pure.

use std::collections::BTreeSet;

use signet_core::ca::lifecycle::{MAX_BUNDLE, Plan};
use signet_core::ca::{Bundle, CaCertificate, CaChain, Root};

use super::creation;
use super::facts::Facts;
use crate::publish::{Trust, Trusted};

/// Returns the roots in the bundle of a status.
pub(super) fn in_status(pem: &str) -> Vec<CaCertificate> {
    // What is not PEM was not written by Signet, and nothing is published by it.
    Bundle::read(pem).unwrap_or_default()
}

pub(super) fn fingerprints(in_status: &[CaCertificate]) -> BTreeSet<String> {
    in_status
        .iter()
        .map(|root| hex::encode(root.fingerprint()))
        .collect()
}

/// Returns the roots that the spec names. While they or a generation cannot be read, those that are
/// published stay, so that none disappears by accident.
pub(super) fn named(
    named: Vec<CaCertificate>,
    is_incomplete: bool,
    facts: &Facts,
) -> Vec<CaCertificate> {
    let mut unreadable = facts.generations.unreadable.iter();
    let keeps = is_incomplete || unreadable.any(|one| one.may_live(facts.now));
    let kept = facts.in_status.iter().filter(|_| keeps).cloned();
    named.into_iter().chain(kept).collect()
}

/// Returns what is published: the value of the status, of the objects and of requests.
pub(super) fn trust(facts: &Facts, plan: Option<&Plan>) -> Trust {
    let Some(plan) = plan else {
        // Nothing about the CA changes.
        return of_known(Trusted::Unknown);
    };
    let bundle = collect(facts, &plan.bundle);
    let bytes = bundle.pem().len();
    if bytes > MAX_BUNDLE {
        let stays = |root: &&Root| facts.status_roots.contains(&root.fingerprint);
        let kept = collect(facts, plan.bundle.iter().filter(stays));
        return Trust {
            roots: match kept.pem().is_empty() {
                true => Trusted::Unknown,
                false => Trusted::Roots(kept),
            },
            too_large: Some(bytes),
        };
    }
    of_known(match (bytes, is_complete(facts)) {
        (0, true) => Trusted::Nothing,
        (0, false) => Trusted::Unknown,
        _ => Trusted::Roots(bundle),
    })
}

fn of_known(roots: Trusted) -> Trust {
    let too_large = None;
    Trust { roots, too_large }
}

/// Whether an empty bundle means that nothing is trusted any more: there was a CA, and everything
/// that may name a root could be read.
fn is_complete(facts: &Facts) -> bool {
    let mut stored = facts.generations.stored.iter();
    let had_a_ca = stored.any(|one| one.facts.certified.is_some())
        || creation::misses_generation(facts) && !facts.in_status.is_empty();
    had_a_ca && facts.generations.unreadable.is_empty() && !facts.names_unknown_roots
}

/// Returns the roots in each request.
pub(super) fn of(trust: &Trust) -> Bundle {
    match &trust.roots {
        Trusted::Roots(bundle) => bundle.clone(),
        Trusted::Nothing | Trusted::Unknown => Bundle::default(),
    }
}

fn collect<'a>(facts: &Facts, roots: impl IntoIterator<Item = &'a Root>) -> Bundle {
    let stored = &facts.generations.stored;
    let paths = stored.iter().filter_map(|one| one.chain.as_ref());
    let anchors = paths.filter_map(|chain| CaChain::path(chain).last());
    let known: Vec<_> = anchors.chain(&facts.named).collect();
    let find = |root: &Root| {
        let is_it = |one: &&&CaCertificate| hex::encode(one.fingerprint()) == root.fingerprint;
        known.iter().find(is_it).copied()
    };
    Bundle::of(roots.into_iter().filter_map(find))
}
