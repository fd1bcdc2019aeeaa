//! Which roots are trusted, in which order.

use super::{Situation, State, View, activation};
use crate::ca::{Generation, Root};

/// Returns the roots that are trusted now, each once: the active generation's, then the next one's,
/// then those that the spec names, then those of old generations, from the newest on.
pub(super) fn roots(view: &View<'_>, situation: &Situation<'_>) -> Vec<Root> {
    let next = view.next().and_then(|next| {
        let certified = next.certified.as_ref()?;
        let held = activation::held(view, situation, certified).is_some();
        (next.published.is_some() || !held).then_some(&certified.root)
    });
    collect(view, situation, next)
}

/// Returns the roots that would be trusted without a next generation.
pub(super) fn without_next(view: &View<'_>, situation: &Situation<'_>) -> Vec<Root> {
    collect(view, situation, None)
}

fn collect(view: &View<'_>, situation: &Situation<'_>, next: Option<&Root>) -> Vec<Root> {
    let root = |one: &Generation| Some(one.certified.as_ref()?.root.clone());
    // A root outlives an intermediate that was not renewed in time, and has to be there when it is.
    let active = view.active().and_then(root);
    let newest_first = situation.generations.iter().rev();
    let old = newest_first.filter(|one| view.state(one) == State::Old);
    let all = active
        .into_iter()
        .chain(next.cloned())
        .chain(situation.named_roots.iter().cloned())
        .chain(old.filter_map(root));
    let revoked = &situation.spec.revoked;
    let mut trusted: Vec<Root> = Vec::new();
    for root in all {
        let is_known = trusted
            .iter()
            .any(|one| one.fingerprint == root.fingerprint);
        let has_ended = situation.now >= root.not_after;
        if !is_known && !has_ended && !revoked.contains(root.key()) {
            trusted.push(root);
        }
    }
    trusted
}
