//! What an issuer that can sign consists of. Pure.

use std::sync::Arc;
use std::time::Duration;

use signet_api::{self as api, IssuerKind};
use signet_core::ca::lifecycle::Plan;
use signet_core::ca::{CaCertificate, CaChain};
use signet_core::policy::{AllowedRequesters, CaProfile, Rules};
use signet_core::request::ServiceAccount;
use signet_core::x509::names::NameSet;

use super::bundle;
use super::decide::trust_domain;
use super::facts::Facts;
use super::generation::Stored;
use super::profile;
use super::reason::NotReady;
use crate::connections::Key;
use crate::keyring::{ReadyIssuer, Records};

/// Returns the issuer that signs under this generation. Until its record is connected to the API
/// server, nothing longer than what is recorded can be signed.
pub(super) fn ready(
    facts: &Facts,
    plan: &Plan,
    signing: &Stored,
    chain: &CaChain,
    key: &Key,
) -> Result<ReadyIssuer, NotReady> {
    let rules = rules(facts, chain)?;
    let (recorded, limits) = (signing.facts.lifetimes, rules.lifetimes);
    Ok(ReadyIssuer {
        number: signing.number(),
        generation: signing.name().to_owned(),
        rules,
        urls: profile::urls(facts.spec.profile.as_ref(), signing.number())?,
        chain: chain.clone(),
        guard: key.guard.clone(),
        bundle: bundle::of(facts, plan),
        backend: signing.key.config.backend().name(),
        records: Arc::new(Records::new(recorded, lifetime(chain), limits)),
    })
}

/// Returns the lifetime of a CA certificate.
pub(super) fn lifetime(chain: &CaChain) -> Duration {
    let lifetime = chain.not_after().duration_since(chain.not_before());
    Duration::try_from(lifetime).unwrap_or_default()
}

fn rules(facts: &Facts, chain: &CaChain) -> Result<Rules, NotReady> {
    let profile = facts.spec.profile.as_ref();
    let ca = profile.and_then(|profile| profile.ca.as_ref());
    Ok(Rules {
        namespace: (facts.name.kind == IssuerKind::Issuer).then(|| facts.name.namespace.clone()),
        cert_manager: facts.cert_manager.clone(),
        limits: chain.limits(),
        ca_subjects: ca_subjects(facts),
        lifetimes: profile::lifetimes(&facts.spec),
        ca: ca.map(|ca| CaProfile {
            path_length: ca.path_length,
            allowed_requesters: ca.allowed_requesters.as_ref().map(allowed_requesters),
        }),
        trust_domain: trust_domain(facts)?,
    })
}

fn allowed_requesters(listed: &api::AllowedRequesters) -> AllowedRequesters {
    let accounts = listed.service_accounts.iter();
    let certificates = listed.certificates.clone().unwrap_or_default();
    AllowedRequesters {
        service_accounts: accounts
            .map(|account| ServiceAccount {
                namespace: account.namespace.clone(),
                name: account.name.clone(),
            })
            .collect(),
        certificate_namespaces: certificates.namespaces,
    }
}

/// Returns the subjects of the issuer's CAs that may still be valid.
fn ca_subjects(facts: &Facts) -> NameSet {
    let chains = facts.generations.stored.iter();
    let chains = chains.filter_map(|one| one.chain.as_ref());
    let named = facts.named.iter().map(CaCertificate::comparable_subject);
    chains.flat_map(CaChain::subjects).chain(named).collect()
}
