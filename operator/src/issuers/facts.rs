//! The facts that an issuer's decisions depend on. Pure.

use std::collections::BTreeSet;

use jiff::Timestamp;
use signet_api::IssuerSpec;
use signet_core::ca::{Bundle, CaCertificate, CaChain, ChainError};
use signet_core::request::ServiceAccount;
use signet_keys::KeyError;

use super::generation::Generation;
use crate::connections::Key;
use crate::issuer_name::IssuerName;
use crate::sharing::CaKeys;

#[derive(Clone, Debug)]
pub(super) struct Facts {
    pub(super) name: IssuerName,
    pub(super) uid: String,
    pub(super) spec: IssuerSpec,
    /// The namespace of its Secrets and CA generations.
    pub(super) namespace: String,
    /// Oldest first.
    pub(super) generations: Vec<Generation>,
    /// The number of generations, with the expired ones.
    pub(super) kept: usize,
    pub(super) key: Result<Key, KeyError>,
    /// The chain that exists over the key.
    pub(super) existing: Option<Result<CaChain, ChainError>>,
    /// Whether a key may be created: at most one is, per reconcile.
    pub(super) may_create_key: bool,
    pub(super) cert_manager: ServiceAccount,
    pub(super) now: Timestamp,
}

impl Facts {
    /// The key that the reference was resolved to.
    pub(super) fn pin(&self) -> Option<&str> {
        self.key.as_ref().ok().and_then(|key| key.pin.as_deref())
    }

    /// Whether a generation is of the connected key, or of a key of the same name.
    pub(super) fn is_over_this_key(&self, generation: &Generation) -> bool {
        let (own, spec) = (&generation.key.config, &self.spec.key);
        match &self.key {
            Ok(key) if key.guard.public_key().fingerprint() == generation.key.fingerprint => true,
            // On another server, it is another key of the same name.
            Ok(_) => own.backend().spec_hint() == spec.backend().spec_hint(),
            Err(_) => own.same_key(spec),
        }
    }

    /// Returns every root that is trusted now: those of the newest generation first, and those of older
    /// ones until no certificate under them can be valid.
    pub(super) fn bundle(&self) -> Bundle {
        let newest_first = self.generations.iter().rev();
        let chains = newest_first.filter_map(|generation| generation.chain.as_ref().ok());
        Bundle::new(chains.chain(self.adopted()), self.now)
    }

    /// Returns the chain that exists if a generation is of it. Since then it may have got more roots.
    fn adopted(&self) -> Option<&CaChain> {
        let chain = self.existing.as_ref()?.as_ref().ok()?;
        let mut generations = self.generations.iter();
        let is_adopted = generations.any(|generation| generation.is_of(chain));
        is_adopted.then_some(chain)
    }

    /// Returns the keys of every CA under which its certificates may still be valid.
    pub(super) fn ca_keys(&self) -> CaKeys {
        let alive = self.generations.iter().filter(|ca| ca.is_alive(self.now));
        let chains: Vec<_> = alive.filter_map(|ca| ca.chain.as_ref().ok()).collect();
        CaKeys {
            has_trust_domain: self.spec.spiffe.is_some(),
            path: fingerprints(chains.iter().flat_map(|chain| chain.path())),
            roots: fingerprints(chains.iter().flat_map(|chain| chain.roots())),
        }
    }

    pub(super) fn transient_key_error(&self) -> Option<&KeyError> {
        self.key
            .as_ref()
            .err()
            .filter(|error| error.class.is_transient())
    }
}

fn fingerprints<'a>(certificates: impl Iterator<Item = &'a CaCertificate>) -> BTreeSet<String> {
    certificates
        .map(|certificate| certificate.public_key().fingerprint())
        .collect()
}
