//! Decides on an issuer's next step. Pure.

use std::sync::Arc;
use std::time::Duration;

use signet_api::{self as api, CertificateSource, IssuerKind, IssuerSpec};
use signet_core::ca::CaChain;
use signet_core::issue::{SelfSigned, parse_subject};
use signet_core::policy::{AllowedRequesters, CaProfile, Rules};
use signet_core::request::ServiceAccount;
use signet_core::spiffe::TrustDomain;
use signet_core::x509::names::NameSet;
use signet_keys::{ErrorClass, GuardedSigner, KeyError, Software};

use super::facts::Facts;
use super::generation::Generation;
use super::profile;
use super::reason::{IssuerReason, NotReady};
use crate::keyring::ReadyIssuer;

/// Ten years of 365 days.
const DEFAULT_ROOT_DURATION: Duration = Duration::from_secs(10 * 365 * 24 * 3600);
/// The maximum number of CA certificates of one issuer that are valid at the same time.
const MAX_VALID_GENERATIONS: usize = 32;
/// The maximum number of an issuer's generations, with the expired ones. Only administrators delete
/// them.
const MAX_GENERATIONS: usize = 256;
/// The upper bound of a common name (RFC 5280, appendix A).
const MAX_COMMON_NAME_LEN: usize = 64;

/// The next step. After each but the last, the issuer is observed again.
#[derive(Debug)]
pub(super) enum Step {
    CreateKey(Software),
    /// Sign the issuer's own root, and store it in a generation.
    CreateRoot {
        root: Box<SelfSigned>,
        signer: Arc<GuardedSigner>,
        number: u32,
    },
    /// Store the existing chain in a generation.
    Adopt {
        chain: Box<CaChain>,
        number: u32,
    },
    /// Nothing: the issuer is ready.
    Ready(Arc<ReadyIssuer>),
}

/// The result of a reconcile: whether the issuer can sign.
pub(super) type Outcome = Result<Arc<ReadyIssuer>, NotReady>;

pub(super) fn decide(facts: &Facts) -> Result<Step, NotReady> {
    let trust_domain = trust_domain(facts)?;
    let source = facts.spec.certificate.source().ok_or_else(|| {
        invalid("spec.certificate must set exactly one of selfSigned and existing")
    })?;
    check_key_of_valid_ca(facts)?;
    let signer = match &facts.key {
        Ok(key) => key.guard.clone(),
        Err(error) if error.class == ErrorClass::KeyNotFound => {
            let to_create = key_to_create(&facts.spec, &facts.generations);
            let step = to_create.filter(|_| facts.may_create_key);
            return step
                .map(Step::CreateKey)
                .ok_or_else(|| missing_key(facts, error));
        }
        Err(error) => return Err(NotReady::from_key(error)),
    };
    match source {
        CertificateSource::SelfSigned(spec) => self_signed(facts, spec, signer, trust_domain),
        CertificateSource::Existing(spec) => existing(facts, spec, signer, trust_domain),
    }
}

/// Refuses another key while the CA is valid: that is a rotation, which requires overlap. The same
/// key under another name, such as an ARN for an alias, is not another key.
fn check_key_of_valid_ca(facts: &Facts) -> Result<(), NotReady> {
    let Some(last) = facts.generations.last() else {
        return Ok(());
    };
    if !last.is_alive(facts.now) || facts.is_over_this_key(last) {
        return Ok(());
    }
    match &facts.key {
        Err(error) if error.class != ErrorClass::KeyNotFound => Err(NotReady::from_key(error)),
        _ => Err(IssuerReason::KeyChanged.stalls(format!(
            "spec.key is not the key of the valid CA in CAGeneration {}, and Signet does \
             not rotate keys yet; change spec.key back to {}, or create another issuer for \
             the new key",
            last.name,
            last.key.config.backend().spec_hint()
        ))),
    }
}

/// Returns the key to create where it is missing; none if a CA was ever issued over it: a key that
/// vanished is never recreated.
pub(super) fn key_to_create(spec: &IssuerSpec, generations: &[Generation]) -> Option<Software> {
    let mut generations = generations.iter();
    let is_new = !generations.any(|generation| generation.key.config.same_key(&spec.key));
    let source = spec.certificate.source();
    let is_self_signed = matches!(source, Some(CertificateSource::SelfSigned(_)));
    let provision = || spec.key.backend().provision();
    (is_new && is_self_signed).then(provision).flatten()
}

fn missing_key(facts: &Facts, error: &KeyError) -> NotReady {
    let mut not_ready = NotReady::from_key(error);
    let mut of_this_key = facts.generations.iter().rev();
    if let Some(generation) =
        of_this_key.find(|generation| generation.key.config.same_key(&facts.spec.key))
    {
        not_ready.message.push_str(&format!(
            "; CAGeneration {} was issued over it, and Signet does not replace it",
            generation.name
        ));
    }
    not_ready
}

fn self_signed(
    facts: &Facts,
    spec: &api::SelfSigned,
    signer: Arc<GuardedSigner>,
    trust_domain: Option<TrustDomain>,
) -> Result<Step, NotReady> {
    let last = facts
        .generations
        .last()
        .filter(|last| facts.is_over_this_key(last));
    let Some(last) = last else {
        let root = Box::new(root(facts, spec, trust_domain)?);
        return Ok(Step::CreateRoot {
            root,
            signer,
            number: next_number(facts),
        });
    };
    let chain = last.chain.as_ref().map_err(|error| {
        IssuerReason::InvalidCa.stalls(format!(
            "CAGeneration {} is not valid: {error}; restore it from a backup",
            last.name
        ))
    })?;
    if last.key.fingerprint != signer.public_key().fingerprint() {
        return Err(IssuerReason::KeyMismatch.stalls(format!(
            "{} does not match the key of CAGeneration {}; restore that key, or delete the \
             CAGeneration to start with a new CA",
            facts.spec.key.backend().reference(),
            last.name
        )));
    }
    ready(facts, last, chain, signer, trust_domain)
}

fn existing(
    facts: &Facts,
    spec: &api::Existing,
    signer: Arc<GuardedSigner>,
    trust_domain: Option<TrustDomain>,
) -> Result<Step, NotReady> {
    let existing = facts.existing.as_ref().ok_or_else(|| {
        invalid(
            "name the Secret or ConfigMap that holds the CA certificate in \
             certificate.existing.secretName or configMapName",
        )
    })?;
    let chain = existing.as_ref().map_err(|error| {
        let source = describe_existing(facts, spec);
        IssuerReason::InvalidCa.stalls(format!("{source}: {error}"))
    })?;
    let same = |generation: &&Generation| generation.is_of(chain);
    match facts.generations.iter().rev().find(same) {
        Some(generation) => ready(facts, generation, chain, signer, trust_domain),
        None => {
            check_chain(facts, chain, &signer)?;
            check_number_of_generations(facts)?;
            Ok(Step::Adopt {
                chain: Box::new(chain.clone()),
                number: next_number(facts),
            })
        }
    }
}

fn describe_existing(facts: &Facts, spec: &api::Existing) -> String {
    match (&spec.secret_name, &spec.config_map_name) {
        (Some(name), _) => format!("the CA certificate in the Secret {name}"),
        (None, Some(name)) => format!("the CA certificate in the ConfigMap {name}"),
        (None, None) => {
            let key = facts.spec.key.backend().reference();
            format!("the CA certificate of {key}")
        }
    }
}

fn ready(
    facts: &Facts,
    generation: &Generation,
    chain: &CaChain,
    signer: Arc<GuardedSigner>,
    trust_domain: Option<TrustDomain>,
) -> Result<Step, NotReady> {
    check_chain(facts, chain, &signer)?;
    Ok(Step::Ready(Arc::new(ReadyIssuer {
        generation: generation.name.clone(),
        rules: rules(facts, chain, trust_domain),
        urls: profile::urls(facts.spec.profile.as_ref(), generation.number)?,
        chain: chain.clone(),
        guard: signer,
        bundle: facts.bundle(),
        backend: facts.spec.key.backend().name(),
    })))
}

/// Refuses another generation if there are too many: a pair that changes all the time would fill the
/// cluster with generations, and the bundle with roots.
fn check_number_of_generations(facts: &Facts) -> Result<(), NotReady> {
    let alive = facts.generations.iter();
    let alive = alive.filter(|own| own.is_alive(facts.now)).count();
    let message = if facts.kept >= MAX_GENERATIONS {
        format!("{MAX_GENERATIONS} CAGenerations; delete those that have expired")
    } else if alive >= MAX_VALID_GENERATIONS {
        format!(
            "{MAX_VALID_GENERATIONS} CAGenerations that have not expired; delete those under which \
             no valid certificate was issued"
        )
    } else {
        return Ok(());
    };
    Err(IssuerReason::InvalidCa.stalls(format!(
        "the CA certificate changed, and the issuer has {message}"
    )))
}

/// Checks that this key can issue under this chain now.
fn check_chain(
    facts: &Facts,
    chain: &CaChain,
    signer: &Arc<GuardedSigner>,
) -> Result<(), NotReady> {
    if chain.issuing().public_key() != signer.public_key() {
        return Err(IssuerReason::KeyMismatch.stalls(format!(
            "{} does not match the CA certificate {}; use a key and a certificate that belong \
             together",
            facts.spec.key.backend().reference(),
            chain.issuing().subject()
        )));
    }
    if facts.now >= chain.not_after() {
        let change = match facts.spec.certificate.source() {
            Some(CertificateSource::SelfSigned(_)) => "set spec.key to a new key for a new CA",
            _ => "replace it with a valid certificate",
        };
        return Err(IssuerReason::CaExpired.stalls(format!(
            "the CA certificate or one above it expired at {}; {change}",
            chain.not_after()
        )));
    }
    if facts.now < chain.not_before() {
        return Err(IssuerReason::CaNotYetValid.waits(format!(
            "the CA certificate or one above it is not valid before {}",
            chain.not_before()
        )));
    }
    Ok(())
}

fn rules(facts: &Facts, chain: &CaChain, trust_domain: Option<TrustDomain>) -> Rules {
    let profile = facts.spec.profile.as_ref();
    let ca = profile.and_then(|profile| profile.ca.as_ref());
    Rules {
        namespace: (facts.name.kind == IssuerKind::Issuer).then(|| facts.name.namespace.clone()),
        cert_manager: facts.cert_manager.clone(),
        path_length: chain.path_length(),
        ca_subjects: ca_subjects(facts, chain),
        lifetimes: profile::lifetimes(&facts.spec),
        ca: ca.map(|ca| CaProfile {
            path_length: ca.path_length,
            allowed_requesters: ca.allowed_requesters.as_ref().map(allowed_requesters),
        }),
        trust_domain,
    }
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

/// Returns the subjects of this chain and of the issuer's other CAs that may still be valid.
fn ca_subjects(facts: &Facts, chain: &CaChain) -> NameSet {
    let generations = facts.generations.iter();
    let chains = generations.filter_map(|generation| generation.chain.as_ref().ok());
    chains.chain([chain]).flat_map(CaChain::subjects).collect()
}

fn root(
    facts: &Facts,
    spec: &api::SelfSigned,
    trust_domain: Option<TrustDomain>,
) -> Result<SelfSigned, NotReady> {
    let subject = match &spec.subject {
        Some(text) => text.clone(),
        None => {
            let name: String = facts.name.name.chars().take(MAX_COMMON_NAME_LEN).collect();
            format!("CN={name}")
        }
    };
    let subject = parse_subject(&subject).map_err(|fault| {
        invalid(format!(
            "spec.certificate.selfSigned.subject {subject:?} {fault}"
        ))
    })?;
    Ok(SelfSigned {
        uid: facts.uid.clone(),
        subject,
        duration: spec
            .duration
            .map_or(DEFAULT_ROOT_DURATION, |duration| duration.0),
        path_length: spec.path_length,
        trust_domain,
    })
}

fn trust_domain(facts: &Facts) -> Result<Option<TrustDomain>, NotReady> {
    let Some(spiffe) = &facts.spec.spiffe else {
        return Ok(None);
    };
    TrustDomain::parse(&spiffe.trust_domain)
        .map(Some)
        .map_err(|error| invalid(format!("spec.spiffe.trustDomain: {error}")))
}

fn next_number(facts: &Facts) -> u32 {
    facts.generations.last().map_or(1, |last| last.number + 1)
}

fn invalid(message: impl Into<String>) -> NotReady {
    IssuerReason::InvalidSpec.stalls(message)
}
