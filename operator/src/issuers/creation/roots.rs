//! The roots of a lost CA, which stay trusted below its successor. Pure.

use std::collections::BTreeSet;

use signet_api::IssuerKind;
use signet_core::ca::lifecycle::{MAX_BUNDLE, View};
use signet_core::ca::{Bundle, CaCertificate, CaChain};

use crate::issuers::facts::Facts;

/// Adds the roots that generations inherited, and those that the next one is about to inherit, to
/// what is trusted.
pub(in crate::issuers) fn add_inherited(facts: &mut Facts) {
    facts.traces.to_inherit = to_inherit(facts);
    let stored = facts.generations.stored.iter();
    let recorded = stored.flat_map(|one| &one.inherited);
    let pending = facts.traces.to_inherit.iter().flat_map(|(_, roots)| roots);
    let inherited: Vec<_> = recorded.chain(pending).cloned().collect();
    facts.named.extend(inherited);
}

/// Returns the published roots that no generation explains, and the number of the generation that
/// keeps them. While a CA is active they are its own or those of earlier ones.
fn to_inherit(facts: &Facts) -> Option<(u32, Vec<CaCertificate>)> {
    let situation = facts.situation();
    let view = View::new(&situation);
    let next = view.next().filter(|_| view.active().is_none())?.number;
    if facts.names_unknown_roots || !facts.generations.unreadable.is_empty() {
        return None;
    }
    let stored = &facts.generations.stored;
    if stored
        .iter()
        .any(|one| one.number() == next && !one.inherited.is_empty())
    {
        return None;
    }
    let paths = stored.iter().filter_map(|one| one.chain.as_ref());
    let anchors = paths.filter_map(|chain| CaChain::path(chain).last());
    let inherited = stored.iter().flat_map(|one| &one.inherited);
    let explained = anchors.chain(inherited).chain(&facts.named);
    let explained: BTreeSet<_> = explained.map(CaCertificate::fingerprint).collect();
    let revoked = &facts.rotation.revoked;
    let is_left = |root: &&CaCertificate| {
        !explained.contains(root.fingerprint())
            && facts.now < root.not_after()
            && !revoked.contains(&root.public_key().fingerprint())
    };
    let left: Vec<_> = published(facts).filter(is_left).cloned().collect();
    let mut kept: Vec<CaCertificate> = Vec::new();
    for root in left {
        let bytes = Bundle::of(kept.iter().chain([&root])).pem().len();
        if !kept.contains(&root) && bytes <= MAX_BUNDLE {
            kept.push(root);
        }
    }
    (!kept.is_empty()).then_some((next, kept))
}

/// Returns the roots in the status and in the object that may be those of an earlier CA. Until a CA
/// has signed, only roots that the spec names are published.
pub(super) fn of_earlier_ca(facts: &Facts) -> (&[CaCertificate], Vec<&CaCertificate>) {
    let (in_status, others): (&[_], &[_]) = match facts.traces.in_status {
        Some(_) => (&facts.in_status, &[]),
        None => (&[], &facts.in_status),
    };
    let in_object = facts.traces.in_object.iter().flatten();
    let in_object = in_object.filter(|root| !others.contains(root) && !facts.named.contains(root));
    (in_status, in_object.collect())
}

/// Returns the roots in the status and in the object. Users may write ConfigMaps in the namespace of
/// an Issuer, and an object must not plant a trust anchor: there, only the acknowledged root counts.
fn published(facts: &Facts) -> impl Iterator<Item = &CaCertificate> {
    let acknowledged = facts.spec.certificate.acknowledged_loss.as_deref();
    let is_vouched_for = move |root: &&CaCertificate| {
        facts.name.kind == IssuerKind::ClusterIssuer
            || acknowledged == Some(hex::encode(root.fingerprint()).as_str())
    };
    let (in_status, in_object) = of_earlier_ca(facts);
    let vouched_for = in_object.into_iter().filter(is_vouched_for);
    in_status.iter().chain(vouched_for)
}
