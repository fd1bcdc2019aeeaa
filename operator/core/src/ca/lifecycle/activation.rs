//! When the next generation begins to sign.

use std::time::Duration;

use jiff::Timestamp;

use super::view::{add, before};
use super::{Activation, MAX_BUNDLE, MAX_ROOTS, Situation, State, View, bundle};
use crate::ca::{Certified, Generation};

/// What the next generation waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wait {
    /// Its certificate.
    Certificate,
    /// Nothing: the certificate ends no later than the active one, or has expired.
    Useless {
        /// The end of its validity.
        not_after: Timestamp,
    },
    /// The end of older roots: the bundle may not have more CAs.
    TooManyRoots,
    /// A shorter bundle; with its root it would have this many bytes.
    BundleTooLarge(usize),
    /// Its root in the bundle, wherever that is published.
    Publication,
    /// The start of its validity.
    NotYetValid(Timestamp),
    /// The end of `spec.suspend`.
    Suspended,
    /// `rotation.activate` with the fingerprint of its certificate.
    Command,
    /// The delay in the spec.
    Delay(Timestamp),
    /// The end of the leaves that were granted before its root was published.
    Leaves {
        /// When the last of them has expired.
        until: Timestamp,
        /// The generation under which it was granted.
        under: u32,
        /// The recorded lifetime.
        lifetime: Duration,
    },
}

impl Wait {
    /// Returns when the wait ends by itself.
    pub fn until(&self) -> Option<Timestamp> {
        match self {
            Self::NotYetValid(at) | Self::Delay(at) | Self::Leaves { until: at, .. } => Some(*at),
            _ => None,
        }
    }
}

/// Returns what the next generation waits for. None if there is none, or if it can be activated.
pub(super) fn wait(view: &View<'_>, situation: &Situation<'_>) -> Option<Wait> {
    let next = view.next()?;
    let Some(certified) = &next.certified else {
        return Some(Wait::Certificate);
    };
    if is_useless(view, situation, next, certified) {
        let not_after = certified.not_after;
        return Some(Wait::Useless { not_after });
    }
    let Some(published) = next.published else {
        return Some(unpublished(view, situation, certified));
    };
    if situation.now < certified.not_before {
        return Some(Wait::NotYetValid(certified.not_before));
    }
    if situation.spec.suspend {
        return Some(Wait::Suspended);
    }
    if is_urgent(view, situation) || is_commanded(situation, certified) {
        return None;
    }
    overlap(view, situation, certified, published).filter(|wait| {
        let until = wait.until();
        until.is_none_or(|until| situation.now < until)
    })
}

/// Returns what the publication of a root waits for.
fn unpublished(view: &View<'_>, situation: &Situation<'_>, certified: &Certified) -> Wait {
    held(view, situation, certified).unwrap_or_else(|| {
        let roots = bundle::roots(view, situation);
        match roots.iter().map(|root| root.size).sum() {
            size if size > MAX_BUNDLE => Wait::BundleTooLarge(size),
            _ => Wait::Publication,
        }
    })
}

/// Whether a root is published: in every place, or, if it signs already or the activation cannot
/// wait for objects that cannot be written, in the status.
pub(super) fn is_published(
    view: &View<'_>,
    situation: &Situation<'_>,
    certified: &Certified,
) -> bool {
    let root = &certified.root.fingerprint;
    let active = view.active().and_then(|active| active.certified.as_ref());
    let signs = active.is_some_and(|active| active.root.fingerprint == *root);
    situation.published.contains(root)
        || situation.in_status.contains(root) && (signs || is_urgent(view, situation))
}

/// Whether a certificate has expired, or is a renewal that renews nothing.
fn is_useless(
    view: &View<'_>,
    situation: &Situation<'_>,
    next: &Generation,
    certified: &Certified,
) -> bool {
    let renews = |active: &&Generation| active.key == next.key && active.purpose == next.purpose;
    let renewed = view
        .active()
        .filter(renews)
        .filter(|_| !situation.spec.follows_existing);
    let ends_later = |active: &Generation| {
        let other = active.certified.as_ref();
        other.is_none_or(|other| certified.not_after > other.not_after)
    };
    situation.now >= certified.not_after || renewed.is_some_and(|active| !ends_later(active))
}

/// Returns why the root of the next generation may not enter the bundle. A root that is in it
/// already may stay, and the successor of a revoked key does not wait.
pub(super) fn held(
    view: &View<'_>,
    situation: &Situation<'_>,
    certified: &Certified,
) -> Option<Wait> {
    let others = bundle::without_next(view, situation);
    let is_known = others.iter().any(|root| root.ca == certified.root.ca);
    if is_known || follows_revoked(view, situation) {
        return None;
    }
    let mut cas: Vec<_> = others.iter().map(|root| &root.ca).collect();
    cas.sort_unstable();
    cas.dedup();
    let size = others.iter().map(|root| root.size).sum::<usize>() + certified.root.size;
    if cas.len() >= MAX_ROOTS {
        Some(Wait::TooManyRoots)
    } else if size > MAX_BUNDLE {
        Some(Wait::BundleTooLarge(size))
    } else {
        None
    }
}

fn is_commanded(situation: &Situation<'_>, certified: &Certified) -> bool {
    situation.spec.activate.as_ref() == Some(&certified.fingerprint)
}

/// Whether nothing is gained by waiting: nothing was granted, or the active CA cannot sign.
fn is_urgent(view: &View<'_>, situation: &Situation<'_>) -> bool {
    let granted = situation.generations.iter().any(View::has_granted);
    !granted
        || follows_revoked(view, situation)
        || situation.active_key_gone
        || is_ending(view, situation)
}

/// Whether the active CA was revoked.
fn follows_revoked(view: &View<'_>, situation: &Situation<'_>) -> bool {
    let mut generations = situation.generations.iter();
    view.active().is_none()
        && generations.any(|one| one.activated.is_some() && view.state(one) == State::Revoked)
}

/// Whether less than the minimum lifetime is left of the active CA.
pub(super) fn is_ending(view: &View<'_>, situation: &Situation<'_>) -> bool {
    let certified = view.active().and_then(|active| active.certified.as_ref());
    certified.is_none_or(|own| situation.now >= before(own.not_after, situation.spec.min_duration))
}

/// Returns what must pass so that everyone who verifies a leaf has its root.
fn overlap(
    view: &View<'_>,
    situation: &Situation<'_>,
    certified: &Certified,
    published: Timestamp,
) -> Option<Wait> {
    let same_root = situation.generations.iter().filter(|one| {
        let root = one.certified.as_ref().map(|own| &own.root);
        let is_living = !matches!(view.state(one), State::Expired | State::Revoked);
        is_living && root.is_some_and(|root| root.ca == certified.root.ca)
    });
    let same_root: Vec<_> = same_root.collect();
    if same_root.iter().any(|one| one.activated.is_some()) {
        // Its own delay has passed.
        return None;
    }
    let published = same_root
        .iter()
        .filter_map(|one| one.published)
        .fold(published, Ord::min);
    match situation.spec.activation {
        Activation::Manual => Some(Wait::Command),
        Activation::After(delay) => Some(Wait::Delay(add(published, delay))),
        Activation::Automatic => last_leaf(view, situation, published),
    }
}

/// Returns the last leaf that was granted before a root was published.
fn last_leaf(view: &View<'_>, situation: &Situation<'_>, published: Timestamp) -> Option<Wait> {
    let generations = situation.generations.iter();
    let leaves = generations.filter_map(|one| {
        let until = view.leaves_until(one, published)?;
        Some(Wait::Leaves {
            until,
            under: one.number,
            lifetime: one.lifetimes.leaf.unwrap_or_default(),
        })
    });
    leaves.max_by_key(Wait::until)
}
