//! What an issuer's decisions depend on, as a value. Pure.

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

/// The observed facts.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    pub(super) name: IssuerName,
    pub(super) uid: String,
    pub(super) spec: IssuerSpec,
    /// Where its Secrets and CA generations are.
    pub(super) namespace: String,
    /// Oldest first.
    pub(super) generations: Vec<Generation>,
    /// How many generations there are, with those that have ended.
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
    /// What the key's reference was resolved to.
    pub(super) fn pin(&self) -> Option<&str> {
        self.key.as_ref().ok().and_then(|key| key.pin.as_deref())
    }

    /// Whether a generation was made over the key that is connected, or over one of its name.
    pub(super) fn is_over_this_key(&self, generation: &Generation) -> bool {
        let (own, spec) = (&generation.key, &self.spec.key);
        match &self.key {
            Ok(key) if key.guard.public_key().fingerprint() == generation.key_fingerprint => true,
            // Where the server was changed as well, it is another key, which is called alike.
            Ok(_) => own.backend().spec_hint() == spec.backend().spec_hint(),
            Err(_) => own.same_key(spec),
        }
    }

    /// Every root that is trusted now: those of the newest generation first, and those of older ones
    /// until no certificate under them can be valid any more.
    pub(super) fn bundle(&self) -> Bundle {
        let newest_first = self.generations.iter().rev();
        let chains = newest_first.filter_map(|generation| generation.chain.as_ref().ok());
        Bundle::new(chains, self.now)
    }

    /// The keys of every CA under which its certificates may still be valid.
    pub(super) fn ca_keys(&self) -> CaKeys {
        let alive = self.generations.iter().filter(|ca| ca.is_alive(self.now));
        let chains: Vec<_> = alive.filter_map(|ca| ca.chain.as_ref().ok()).collect();
        CaKeys {
            has_trust_domain: self.spec.spiffe.is_some(),
            path: fingerprints(chains.iter().flat_map(|chain| chain.path())),
            roots: fingerprints(chains.iter().flat_map(|chain| chain.roots())),
        }
    }

    /// An error of the key that may pass by itself.
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
