//! Reads CA generations from objects. Pure.

mod object;
mod unreadable;

use std::time::Duration;

use jiff::Timestamp;
use kube::ResourceExt;
use signet_api::{CAGeneration, CAGenerationSpec, GenerationKey, RootTrust};
use signet_core::ca::{Bundle, CaCertificate, CaChain, Certified, Generation, Lifetimes, Purpose};
use signet_core::issue::Csr;
use signet_keys::KeyPin;

use crate::writer::StoredVersion;

pub(super) use object::{
    NewObject, certificate, fact, issuer_in_name, new, number_in_name, object_name,
};
pub(super) use unreadable::Unreadable;

/// A generation as it is stored.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Stored {
    /// What it is written about under.
    pub(super) version: StoredVersion,
    pub(super) key: GenerationKey,
    pub(super) trust_domain: Option<String>,
    /// The CSR for its certificate, where the source wants one.
    pub(super) csr: Option<Csr>,
    /// Its certificate and those above it, once there is one.
    pub(super) chain: Option<CaChain>,
    /// Why its root is trusted.
    pub(super) trust: Option<RootTrust>,
    /// The roots of a lost CA that came before it.
    pub(super) inherited: Vec<CaCertificate>,
    pub(super) facts: Generation,
}

impl Stored {
    pub(super) fn number(&self) -> u32 {
        self.facts.number
    }

    pub(super) fn name(&self) -> &str {
        &self.version.name
    }

    /// Returns what selects its key, wherever the reference leads now.
    pub(super) fn pin(&self) -> KeyPin {
        KeyPin {
            pin: self.key.pin.clone(),
            fingerprint: Some(self.key.fingerprint.clone()),
        }
    }

    pub(super) fn not_after(&self) -> Option<Timestamp> {
        self.facts.certified.as_ref().map(|own| own.not_after)
    }
}

/// Reads a generation, and checks that its certificate is for its key.
pub(super) fn read(object: &CAGeneration, now: Timestamp) -> Result<Stored, Unreadable> {
    let spec = &object.spec;
    let certificate = spec.certificate.as_ref();
    let chain = certificate.map(|own| CaChain::from_pem(own.chain.as_bytes(), None, now));
    let chain = chain.transpose();
    let chain = chain.map_err(|error| Unreadable::new(object, &error.to_string()))?;
    let is_of_key =
        |chain: &CaChain| chain.issuing().public_key().fingerprint() == spec.key.fingerprint;
    if chain.as_ref().is_some_and(|chain| !is_of_key(chain)) {
        return Err(Unreadable::new(
            object,
            "its certificate is for another key",
        ));
    }
    let csr = spec.csr.as_deref().map(Csr::from_pem).transpose();
    let csr = csr.map_err(|error| Unreadable::new(object, &format!("its CSR: {error}")))?;
    let inherited = spec.inherited_roots.as_deref().unwrap_or_default();
    let inherited = Bundle::read(inherited);
    let inherited = inherited
        .map_err(|error| Unreadable::new(object, &format!("its inherited roots: {error}")))?;
    Ok(Stored {
        version: StoredVersion {
            namespace: object.namespace().unwrap_or_default(),
            name: object.name_any(),
            uid: object.uid().unwrap_or_default(),
            resource_version: object.resource_version().unwrap_or_default(),
        },
        key: spec.key.clone(),
        trust_domain: spec.trust_domain.clone(),
        csr,
        trust: spec
            .certificate
            .as_ref()
            .map(|certificate| certificate.trust),
        facts: Generation {
            inherits_until: inherited.iter().map(CaCertificate::not_after).max(),
            ..facts(spec, chain.as_ref())
        },
        inherited,
        chain,
    })
}

fn facts(spec: &CAGenerationSpec, chain: Option<&CaChain>) -> Generation {
    let seconds = |seconds: i64| Duration::from_secs(u64::try_from(seconds).unwrap_or_default());
    Generation {
        number: spec.generation,
        key: spec.key.fingerprint.clone(),
        purpose: Purpose {
            key_name: spec.key.config.backend().reference(),
            certificate: spec.purpose.certificate.clone(),
            request_id: spec.purpose.request_id.clone(),
            rollback_to: spec.purpose.rollback_to.clone(),
        },
        prepared: spec.prepared_at.0,
        certified: chain.map(Certified::from),
        published: spec.published_at.as_ref().map(|at| at.0),
        activated: spec.activated_at.as_ref().map(|at| at.0),
        superseded: spec.superseded_at.as_ref().map(|at| at.0),
        lifetimes: Lifetimes {
            leaf: spec.longest_leaf_seconds.map(seconds),
            ca: spec.longest_ca_seconds.map(seconds),
        },
        inherits_until: None,
    }
}
