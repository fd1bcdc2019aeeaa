//! Which generation the spec asks for.

use super::commands::rollback_target;
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
    let Some(target) = rollback_target(view, situation) else {
        let spec = situation.spec;
        let KeyState::Found(key) = situation.key else {
            // What is prepared stays until the key is known.
            let fits_next = view.next().is_some_and(|next| fits_spec(next, situation));
            return (
                Wish {
                    fits_next,
                    new: None,
                },
                None,
            );
        };
        return of_key(view, situation, key, &spec.key_name);
    };
    match view
        .active()
        .filter(|active| same_certificate(active, target))
    {
        // Renewals stay with its key.
        Some(active) => of_key(view, situation, &active.key, &active.purpose.key_name),
        None => (rollback(view, target), None),
    }
}

fn rollback(view: &View<'_>, target: &Generation) -> Wish {
    let wanted = Wanted {
        key: target.key.clone(),
        purpose: target.purpose.clone(),
        copy_of: Some(target.number),
    };
    Wish {
        fits_next: view.next().is_some_and(|next| is_copy(next, target)),
        new: Some(wanted),
    }
}

/// Whether a generation has, or is to have, the certificate of another.
fn is_copy(next: &Generation, target: &Generation) -> bool {
    same_certificate(next, target)
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

fn of_key(
    view: &View<'_>,
    situation: &Situation<'_>,
    key: &str,
    key_name: &str,
) -> (Wish, Option<Stuck>) {
    let spec = situation.spec;
    if spec.revoked.contains(key) {
        return (Wish::default(), Some(Stuck::KeyRevoked(key.to_owned())));
    }
    let active = view.active();
    let answered = active.and_then(|active| active.purpose.request_id.clone());
    let purpose = Purpose {
        key_name: key_name.to_owned(),
        certificate: spec.certificate.clone(),
        request_id: spec.request_id.clone().or(answered),
    };
    let fits_next = view
        .next()
        .is_some_and(|next| next.key == key && next.purpose == purpose && follows(next, situation));
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
        && follows(active, situation);
    let copy_of = (same_ca && active.purpose != purpose).then_some(active.number);
    let is_wanted = !same_ca || copy_of.is_some() || is_renewal_due(view, active, situation);
    let new = Wanted {
        key: key.to_owned(),
        purpose,
        copy_of,
    };
    let new = (is_wanted && is_offered(situation)).then_some(new);
    (Wish { fits_next, new }, None)
}

/// Whether a generation has the certificate that exists, where the source is one that exists.
fn follows(one: &Generation, situation: &Situation<'_>) -> bool {
    let (Some(own), Some(offered)) = (&one.certified, situation.offered) else {
        return true;
    };
    !situation.spec.follows_existing || own.fingerprint == offered.fingerprint
}

/// Whether a source that is never asked has something.
fn is_offered(situation: &Situation<'_>) -> bool {
    !situation.spec.follows_existing || situation.offered.is_some()
}

fn is_renewal_due(view: &View<'_>, active: &Generation, situation: &Situation<'_>) -> bool {
    let is_past = |at| situation.now >= at;
    renewal::due(active, situation).is_some_and(is_past)
        && renewal::retry_at(view, situation).is_none_or(is_past)
}
