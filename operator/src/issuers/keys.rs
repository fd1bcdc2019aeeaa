//! Which keys an issuer connects to: that of the active generation, and that of the next one. Pure.

use signet_api::IssuerSpec;
use signet_core::ca::lifecycle::{KeyState, View};
use signet_keys::{ErrorClass, KeyConfig, KeyError, KeyPin};

use super::generation::Stored;
use super::store::Generations;
use crate::connections::Key;

/// A key to connect to, and what is known of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct KeyReference {
    pub(super) config: KeyConfig,
    pub(super) known: KeyPin,
}

/// The keys to connect to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct KeyReferences {
    /// The key of the active generation.
    pub(super) active: Option<KeyReference>,
    /// The key of the next generation, or the one that `spec.key` names; none if that is the active
    /// generation's.
    pub(super) next: Option<KeyReference>,
}

/// The keys as they were found.
#[derive(Clone, Debug, Default)]
pub(super) struct Keys {
    pub(super) active: Option<Result<Key, KeyError>>,
    pub(super) next: Option<Result<Key, KeyError>>,
}

/// Returns the keys to connect to.
pub(super) fn references(
    view: &View<'_>,
    generations: &Generations,
    spec: &IssuerSpec,
) -> KeyReferences {
    let stored = |number| generations.get(number);
    let active = view.active().and_then(|active| stored(active.number));
    let next = view.next().and_then(|next| stored(next.number));
    KeyReferences {
        active: active.map(|active| active_key(active, next, spec)),
        next: match spec_is_overruled(view, spec) {
            true => next.map(recorded),
            false => spec_key(active, next, spec),
        },
    }
}

/// Whether a rollback takes precedence over `spec.key`.
fn spec_is_overruled(view: &View<'_>, spec: &IssuerSpec) -> bool {
    let rotation = spec.rotation.as_ref();
    rotation.is_some_and(|rotation| rotation.rollback_to.is_some())
        && view.rolled_back().or(view.rollback_target()).is_some()
}

fn recorded(stored: &Stored) -> KeyReference {
    KeyReference {
        config: stored.key.config.clone(),
        known: stored.pin(),
    }
}

/// The spec may have another login for the key.
fn active_key(active: &Stored, next: Option<&Stored>, spec: &IssuerSpec) -> KeyReference {
    let own = &active.key.config;
    // Another server may have another key of the same name.
    let is_of_next = next.is_some_and(|next| {
        next.key.fingerprint != active.key.fingerprint
            && hint(&next.key.config) == hint(&spec.key)
            && hint(own) != hint(&spec.key)
    });
    KeyReference {
        config: match own.same_key(&spec.key) && !is_of_next {
            true => spec.key.clone(),
            false => own.clone(),
        },
        known: active.pin(),
    }
}

fn spec_key(
    active: Option<&Stored>,
    next: Option<&Stored>,
    spec: &IssuerSpec,
) -> Option<KeyReference> {
    let requested = spec
        .rotation
        .as_ref()
        .and_then(|rotation| rotation.request_id.as_ref());
    let reference = |known| {
        let config = spec.key.clone();
        Some(KeyReference { config, known })
    };
    let is_answered =
        |one: &Stored| requested.is_none() || one.facts.purpose.request_id.as_ref() == requested;
    let is_of_spec = |one: &&Stored| one.key.config.same_key(&spec.key) && is_answered(one);
    let next = next.filter(is_of_spec);
    match (active, next) {
        (Some(active), Some(next)) if active.key.fingerprint == next.key.fingerprint => {
            let has_its_name = active.key.config.same_key(&spec.key);
            if has_its_name {
                None
            } else {
                reference(next.pin())
            }
        }
        (_, Some(next)) => reference(next.pin()),
        (None, None) => reference(KeyPin::default()),
        // The pin belongs to the key and not to its name, so only the fingerprint selects it.
        (Some(active), None) if !active.key.config.same_key(&spec.key) => reference(KeyPin {
            pin: None,
            fingerprint: Some(active.key.fingerprint.clone()),
        }),
        (Some(active), None) if !is_answered(active) => reference(KeyPin::default()),
        (Some(_), None) => None,
    }
}

/// Where a key is, with its server.
pub(super) fn hint(config: &KeyConfig) -> String {
    config.backend().spec_hint()
}

/// What the keys say about the active generation and the spec.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct KeyFacts {
    /// The key in the spec.
    pub(super) state: KeyState,
    /// Whether the active generation's key no longer exists.
    pub(super) active_is_gone: bool,
    /// Whether the reference leads to another key than the active generation's.
    pub(super) is_replaced: bool,
}

/// Compares the keys that were found with the active generation's. A key that was replaced under
/// its name starts another generation only if the issuer `follows` it: its source is what exists, or
/// its spec acknowledges the loss of the active generation's key.
pub(super) fn compare(keys: &Keys, active: Option<&str>, follows: bool) -> KeyFacts {
    let found = |key: &Result<Key, KeyError>| match key {
        Ok(key) => KeyState::Found(key.fingerprint()),
        Err(_) => KeyState::Unavailable,
    };
    let at_active = keys.active.as_ref().map(found);
    let is_replaced =
        matches!(&at_active, Some(KeyState::Found(key)) if Some(key.as_str()) != active);
    let is_missing =
        matches!(&keys.active, Some(Err(error)) if error.class == ErrorClass::KeyNotFound);
    let state = match (&keys.next, at_active) {
        (Some(next), _) => found(next),
        (None, Some(at_active)) if !is_replaced || follows => at_active,
        _ => KeyState::Unavailable,
    };
    KeyFacts {
        state,
        active_is_gone: is_missing || (is_replaced && follows),
        is_replaced,
    }
}

impl Keys {
    /// Returns the connected key of this fingerprint.
    pub(super) fn of(&self, fingerprint: &str) -> Option<&Key> {
        let both = self.active.iter().chain(&self.next);
        let mut found = both.filter_map(|key| key.as_ref().ok());
        found.find(|key| key.fingerprint() == fingerprint)
    }

    /// Returns the key that the spec names, as it was found.
    pub(super) fn of_spec(&self) -> Option<&Result<Key, KeyError>> {
        self.next.as_ref().or(self.active.as_ref())
    }
}
