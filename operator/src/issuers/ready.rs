//! What an issuer that can sign consists of. Pure.

use std::sync::Arc;
use std::time::Duration;

use signet_core::ca::{CaCertificate, CaChain};
use signet_core::policy::{CaProfile, IssuerPolicy};
use signet_core::x509::names::NameSet;

use super::bundle;
use super::facts::Facts;
use super::generation::Stored;
use super::profile;
use super::reason::{IssuerReason, NotReady};
use crate::connections::Key;
use crate::keyring::{ReadyIssuer, Records};
use crate::policy::rules;
use crate::publish::Trust;

/// Returns the issuer that signs under this generation. Until its record is connected to the API
/// server, nothing longer than what is recorded can be signed.
pub(super) fn ready(
    facts: &Facts,
    trust: &Trust,
    signing: &Stored,
    chain: &CaChain,
    key: &Key,
) -> Result<ReadyIssuer, NotReady> {
    let policy = policy(facts, chain)?;
    let (recorded, limits) = (signing.facts.lifetimes, policy.lifetimes);
    Ok(ReadyIssuer {
        number: signing.number(),
        generation: signing.name().to_owned(),
        policy,
        urls: profile::urls(facts.spec.profile.as_ref(), signing.number())?,
        chain: chain.clone(),
        guard: key.guard.clone(),
        bundle: bundle::of(trust),
        backend: signing.key.config.backend().name(),
        records: Arc::new(Records::new(recorded, lifetime(chain), limits)),
    })
}

/// Returns the lifetime of a CA certificate.
pub(super) fn lifetime(chain: &CaChain) -> Duration {
    let lifetime = chain.not_after().duration_since(chain.not_before());
    Duration::try_from(lifetime).unwrap_or_default()
}

fn policy(facts: &Facts, chain: &CaChain) -> Result<IssuerPolicy, NotReady> {
    let profile = facts.spec.profile.as_ref();
    let ca = profile.and_then(|profile| profile.ca.as_ref());
    let trust_domain = facts.trust_domain()?;
    let rules = rules(&facts.spec, trust_domain.as_ref())
        .map_err(|error| IssuerReason::InvalidSpec.stalls(error.to_string()))?;
    Ok(IssuerPolicy {
        namespace: facts
            .name
            .kind
            .is_namespaced()
            .then(|| facts.name.namespace.clone()),
        reserved_namespaces: facts.reserved_namespaces.clone(),
        cert_manager: facts.cert_manager.clone(),
        limits: chain.limits(),
        ca_subjects: ca_subjects(facts),
        lifetimes: profile::lifetimes(&facts.spec),
        ca: ca.map(|ca| CaProfile {
            path_length: ca.path_length,
        }),
        rules,
        trust_domain,
    })
}

/// Returns the subjects of the issuer's CAs that may still be valid.
fn ca_subjects(facts: &Facts) -> NameSet {
    let chains = facts.generations.stored.iter();
    let chains = chains.filter_map(|one| one.chain.as_ref());
    let named = facts.named.iter().map(CaCertificate::comparable_subject);
    chains.flat_map(CaChain::subjects).chain(named).collect()
}
