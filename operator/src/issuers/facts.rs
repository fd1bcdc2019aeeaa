//! The facts that an issuer's decisions depend on. Pure.

use std::collections::BTreeSet;

use jiff::Timestamp;
use signet_api::IssuerSpec;
use signet_core::ca::lifecycle::{self, KeyState, Situation, State, View};
use signet_core::ca::{CaCertificate, Certified, Root};
use signet_core::request::ServiceAccount;
use signet_keys::{ErrorClass, KeyError};

use super::generation::Stored;
use super::keys::Keys;
use super::parents::Offer;
use super::reason::NotReady;
use super::store::Generations;
use crate::connections::Key;
use crate::issuer_name::IssuerName;
use crate::publish::Observed;
use crate::sharing::CaKeys;

/// Everything that was observed about an issuer in one round.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    pub(super) name: IssuerName,
    pub(super) uid: String,
    pub(super) spec: IssuerSpec,
    /// The namespace of its Secrets and CA generations.
    pub(super) namespace: String,
    pub(super) generations: Generations,
    /// The highest number in `status.ca`.
    pub(super) highest_in_status: u32,
    /// The spec as the lifecycle reads it.
    pub(super) rotation: lifecycle::Spec,
    pub(super) keys: Keys,
    pub(super) key_state: KeyState,
    pub(super) active_key_gone: bool,
    /// Whether the reference of the active generation's key leads to another key.
    pub(super) key_replaced: bool,
    /// What the parent has for the next generation, or why it has nothing.
    pub(super) offer: Option<Result<Offer, NotReady>>,
    pub(super) named: Vec<CaCertificate>,
    pub(super) named_roots: Vec<Root>,
    /// Whether what the spec names as roots could not be read.
    pub(super) names_unknown_roots: bool,
    /// The roots in `status.bundle`.
    pub(super) in_status: Vec<CaCertificate>,
    /// Their fingerprints.
    pub(super) status_roots: BTreeSet<String>,
    /// The objects with the bundle.
    pub(super) bundle: Observed,
    /// The fingerprints of the roots that are in the status and in each of these objects.
    pub(super) published: BTreeSet<String>,
    /// Whether a key may be created: at most one is, per reconcile.
    pub(super) may_create_key: bool,
    pub(super) cert_manager: ServiceAccount,
    pub(super) now: Timestamp,
}

impl Facts {
    pub(super) fn situation(&self) -> Situation<'_> {
        Situation {
            now: self.now,
            generations: &self.generations.facts,
            highest_number: self.generations.highest_number.max(self.highest_in_status),
            spec: &self.rotation,
            key: &self.key_state,
            active_key_gone: self.active_key_gone,
            offered: self.offered(),
            published: &self.published,
            in_status: &self.status_roots,
            named_roots: &self.named_roots,
        }
    }

    fn offered(&self) -> Option<&Certified> {
        let offer = self.offer.as_ref()?.as_ref().ok()?;
        Some(&offer.certified)
    }

    pub(super) fn active(&self) -> Option<&Stored> {
        let situation = self.situation();
        let active = View::new(&situation).active()?.number;
        self.generations.get(active)
    }

    pub(super) fn next(&self) -> Option<&Stored> {
        let situation = self.situation();
        let next = View::new(&situation).next()?.number;
        self.generations.get(next)
    }

    pub(super) fn state(&self, one: &Stored) -> State {
        View::new(&self.situation()).state(&one.facts)
    }

    /// Returns the key of a generation, if it is connected.
    pub(super) fn key_of(&self, one: &Stored) -> Option<&Key> {
        self.keys.of(&one.key.fingerprint)
    }

    /// Returns the keys of every CA under which its certificates may still be valid.
    pub(super) fn ca_keys(&self) -> CaKeys {
        let alive = self.generations.stored.iter().filter(|one| {
            one.not_after().is_some_and(|end| self.now < end) && self.state(one) != State::Expired
        });
        let chains: Vec<_> = alive.filter_map(|one| one.chain.as_ref()).collect();
        let trusted = self.in_status.iter().chain(&self.named);
        CaKeys {
            has_trust_domain: self.spec.spiffe.is_some(),
            path: fingerprints(chains.iter().flat_map(|chain| chain.path())),
            roots: fingerprints(chains.iter().flat_map(|chain| chain.roots()).chain(trusted)),
        }
    }

    /// Returns the error of the key that signs, or that is to sign if none does.
    pub(super) fn key_error(&self) -> Option<&KeyError> {
        let key = self.keys.active.as_ref().or(self.keys.next.as_ref());
        key?.as_ref().err()
    }

    /// Whether an issuer that signs waits for something that it is not woken for: a key, or a
    /// certificate that passes the checks.
    pub(super) fn waits_for_more(&self) -> bool {
        matches!(self.keys.next, Some(Err(_))) || matches!(self.offer, Some(Err(_)))
    }

    pub(super) fn transient_key_error(&self) -> Option<&KeyError> {
        self.key_error().filter(|error| error.class.is_transient())
    }

    /// Returns the error of the key that the spec names, if there is no such key.
    pub(super) fn missing_spec_key(&self) -> Option<&KeyError> {
        let error = self.keys.of_spec()?.as_ref().err();
        error.filter(|error| error.class == ErrorClass::KeyNotFound)
    }
}

fn fingerprints<'a>(certificates: impl Iterator<Item = &'a CaCertificate>) -> BTreeSet<String> {
    certificates
        .map(|certificate| certificate.public_key().fingerprint())
        .collect()
}
