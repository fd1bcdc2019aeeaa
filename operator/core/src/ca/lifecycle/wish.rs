//! Which generation the spec asks for.

use super::{KeyState, Situation, View, renewal};
use crate::ca::{Generation, Purpose};

/// What the spec asks for and cannot get without a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stuck {
    /// The key in the spec is revoked; its fingerprint.
    KeyRevoked(String),
}

/// The generation that is to follow the active one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Wish {
    /// Whether the next generation is the one that is asked for.
    pub(super) fits_next: bool,
    /// The generation to create, if there is no next one.
    pub(super) new: Option<Wanted>,
}

/// A generation that is yet to be created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) key: String,
    pub(super) purpose: Purpose,
    /// The generation whose certificate it takes over.
    pub(super) copy_of: Option<u32>,
}

/// Returns what the spec asks for, and what it cannot get.
pub(super) fn of(view: &View<'_>, situation: &Situation<'_>) -> (Wish, Option<Stuck>) {
    if let Some(active) = view.rolled_back() {
        return (renewal_only(view, situation, active), None);
    }
    if let Some(target) = view.rollback_target() {
        return (rollback(view, target), None);
    }
    let KeyState::Found(key) = situation.key else {
        // What is prepared stays until the key is known.
        let fits_next = view.next().is_some_and(|next| fits_spec(next, situation));
        let wish = Wish {
            fits_next,
            new: None,
        };
        return (wish, None);
    };
    of_key(view, situation, key)
}

/// Renewals stay with the key and the purpose while a rollback is asked for.
fn renewal_only(view: &View<'_>, situation: &Situation<'_>, active: &Generation) -> Wish {
    let next = view.next();
    let wanted = Wanted {
        key: active.key.clone(),
        purpose: active.purpose.clone(),
        copy_of: None,
    };
    let is_due = follows_another(active, situation) || is_renewal_due(view, active, situation);
    Wish {
        fits_next: next.is_some_and(|next| {
            let is_renewal = next.key == active.key && next.purpose == active.purpose;
            is_renewal && !follows_another(next, situation)
        }),
        new: (is_due && is_offered(situation)).then_some(wanted),
    }
}

fn rollback(view: &View<'_>, target: &Generation) -> Wish {
    let fingerprint = target.certified.as_ref().map(|own| own.fingerprint.clone());
    let wanted = Wanted {
        key: target.key.clone(),
        purpose: Purpose {
            rollback_to: fingerprint,
            ..target.purpose.clone()
        },
        copy_of: Some(target.number),
    };
    Wish {
        fits_next: view
            .next()
            .is_some_and(|next| next.purpose == wanted.purpose && same_certificate(next, target)),
        new: Some(wanted),
    }
}

fn same_certificate(one: &Generation, other: &Generation) -> bool {
    let fingerprint = |one: &Generation| one.certified.as_ref().map(|own| own.fingerprint.clone());
    fingerprint(one).is_some() && fingerprint(one) == fingerprint(other)
}

/// Whether a generation is for this source and what it asks for, whatever its key.
fn fits_spec(one: &Generation, situation: &Situation<'_>) -> bool {
    let spec = situation.spec;
    one.purpose.certificate == spec.certificate && one.purpose.key_name == spec.key_name
}

fn of_key(view: &View<'_>, situation: &Situation<'_>, key: &str) -> (Wish, Option<Stuck>) {
    let spec = situation.spec;
    if spec.revoked.contains(key) {
        return (Wish::default(), Some(Stuck::KeyRevoked(key.to_owned())));
    }
    let active = view.active();
    let answered = active.and_then(|active| active.purpose.request_id.clone());
    let purpose = Purpose {
        key_name: spec.key_name.clone(),
        certificate: spec.certificate.clone(),
        request_id: spec.request_id.clone().or(answered),
        rollback_to: None,
    };
    let fits_next = view.next().is_some_and(|next| {
        next.key == key && next.purpose == purpose && !follows_another(next, situation)
    });
    let Some(active) = active else {
        let wanted = Wanted {
            key: key.to_owned(),
            purpose,
            copy_of: None,
        };
        return (
            Wish {
                fits_next,
                new: is_offered(situation).then_some(wanted),
            },
            None,
        );
    };
    let same_ca = active.key == key
        && active.purpose.certificate == purpose.certificate
        && active.purpose.request_id == purpose.request_id
        && !follows_another(active, situation);
    let is_due = is_renewal_due(view, active, situation);
    let is_renamed = active.purpose != purpose;
    // A certificate that is about to end, or has ended, is renewed and not taken over.
    let is_taken_over = same_ca && is_renamed && !is_due && !has_ended(active, situation);
    let copy_of = is_taken_over.then_some(active.number);
    let is_wanted = !same_ca || is_renamed || is_due;
    let new = Wanted {
        key: key.to_owned(),
        purpose,
        copy_of,
    };
    let new = (is_wanted && is_offered(situation)).then_some(new);
    (Wish { fits_next, new }, None)
}

/// Whether the source is something that exists, and is now another certificate.
fn follows_another(one: &Generation, situation: &Situation<'_>) -> bool {
    let (Some(own), Some(offered)) = (&one.certified, situation.offered) else {
        return false;
    };
    situation.spec.follows_existing && own.fingerprint != offered.fingerprint
}

/// Whether a source that is never asked has something.
fn is_offered(situation: &Situation<'_>) -> bool {
    !situation.spec.follows_existing || situation.offered.is_some()
}

fn has_ended(one: &Generation, situation: &Situation<'_>) -> bool {
    let own = one.certified.as_ref();
    own.is_some_and(|own| situation.now >= own.not_after)
}

fn is_renewal_due(view: &View<'_>, active: &Generation, situation: &Situation<'_>) -> bool {
    let is_past = |at| situation.now >= at;
    let is_due = renewal::due(active, situation).is_some_and(is_past);
    (is_due || is_renewed_early(active, situation))
        && renewal::retry_at(view, situation).is_none_or(is_past)
}

/// Whether the source has another certificate for the key before it was asked.
fn is_renewed_early(active: &Generation, situation: &Situation<'_>) -> bool {
    let (Some(own), Some(offered)) = (&active.certified, situation.offered) else {
        return false;
    };
    !situation.spec.follows_existing && own.fingerprint != offered.fingerprint
}
