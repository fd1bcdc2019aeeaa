//! What to do about an issuer: one step at a time, from the facts alone. Pure.

use std::sync::Arc;
use std::time::Duration;

use signet_api::{self as api, CertificateSource, IssuerKind};
use signet_core::ca::CaChain;
use signet_core::issue::SelfSigned;
use signet_core::policy::{AllowedRequesters, CaProfile, Rules, SpiffeRules};
use signet_core::request::ServiceAccount;
use signet_core::spiffe::TrustDomain;
use signet_core::x509::names::NameSet;
use signet_keys::{ErrorClass, GuardedSigner, KeyError, KeyToMake};

use super::facts::Facts;
use super::generation::Generation;
use super::reason::{IssuerReason, NotReady};

/// Ten years of 365 days.
const DEFAULT_ROOT_DURATION: Duration = Duration::from_secs(10 * 365 * 24 * 3600);
/// More CA certificates of one issuer than these are never valid at the same time in good order.
const MAX_VALID_GENERATIONS: usize = 32;
/// More than these, with those that have ended, are not kept: nobody but an administrator deletes
/// them.
const MAX_GENERATIONS: usize = 256;
/// The upper bound of a common name (RFC 5280, appendix A).
const MAX_COMMON_NAME_LEN: usize = 64;

/// The next step.
#[derive(Debug)]
pub(super) enum Step {
    /// Make the key and look again.
    CreateKey(KeyToMake),
    /// Sign the issuer's own root, write it down as a generation, and look again.
    CreateRoot {
        root: Box<SelfSigned>,
        signer: Arc<GuardedSigner>,
        number: u32,
    },
    /// Write the chain beside the key down as a generation, and look again.
    Adopt { chain: Box<CaChain>, number: u32 },
    /// Nothing more to do.
    Done(Box<Outcome>),
}

/// Where an issuer stands.
#[derive(Debug)]
pub(super) enum Outcome {
    /// It can sign.
    Ready(Ready),
    /// It cannot.
    NotReady(NotReady),
}

/// An issuer that can sign.
#[derive(Debug)]
pub(super) struct Ready {
    /// The name of the generation that signs.
    pub(super) generation: String,
    pub(super) chain: CaChain,
    pub(super) signer: Arc<GuardedSigner>,
    pub(super) rules: Rules,
}

/// Decides on the next step.
pub(super) fn decide(facts: &Facts) -> Step {
    step(facts).unwrap_or_else(|not_ready| Step::Done(Box::new(Outcome::NotReady(not_ready))))
}

fn step(facts: &Facts) -> Result<Step, NotReady> {
    let trust_domain = trust_domain(facts)?;
    let source = facts.spec.certificate.source().ok_or_else(|| {
        invalid("spec.certificate must name exactly one of selfSigned and existing")
    })?;
    same_key_as_the_valid_ca(facts)?;
    let signer = match &facts.key {
        Ok(key) => key.guard.clone(),
        Err(error) if error.class == ErrorClass::KeyNotFound => {
            return key_to_make(facts, source).ok_or_else(|| no_key(facts, error));
        }
        Err(error) => return Err(NotReady::from_key(error)),
    };
    match source {
        CertificateSource::SelfSigned(spec) => self_signed(facts, spec, signer, trust_domain),
        CertificateSource::Existing(spec) => existing(facts, spec, signer, trust_domain),
    }
}

/// Another key under a CA that is valid is a rotation, which comes with overlap or not at all.
/// The same key under another name, such as the ARN in the place of an alias, is none.
fn same_key_as_the_valid_ca(facts: &Facts) -> Result<(), NotReady> {
    let Some(last) = facts.generations.last() else {
        return Ok(());
    };
    if !last.is_alive(facts.now) || facts.is_over_this_key(last) {
        return Ok(());
    }
    match &facts.key {
        Err(error) if error.class != ErrorClass::KeyNotFound => Err(NotReady::from_key(error)),
        _ => Err(NotReady::stalls(
            IssuerReason::KeyChanged,
            format!(
                "spec.key is not the key of the valid CA in CAGeneration {}, and Signet does \
                 not rotate keys yet; change spec.key back to {}, or make a new issuer for \
                 the new key",
                last.name,
                last.key.backend().spec_hint()
            ),
        )),
    }
}

/// A key is made for a CA that never was. One that vanished is not made anew unasked.
fn key_to_make(facts: &Facts, source: CertificateSource<'_>) -> Option<Step> {
    let never_was = facts
        .generations
        .iter()
        .all(|generation| !generation.key.same_key(&facts.spec.key));
    let is_self_signed = matches!(source, CertificateSource::SelfSigned(_));
    let may = is_self_signed && never_was && facts.may_create_key;
    facts
        .spec
        .key
        .backend()
        .provision()
        .filter(|_| may)
        .map(Step::CreateKey)
}

/// Says which CA stands over the key that vanished, if one does.
fn no_key(facts: &Facts, error: &KeyError) -> NotReady {
    let mut not_ready = NotReady::from_key(error);
    let mut of_this_key = facts.generations.iter().rev();
    if let Some(generation) =
        of_this_key.find(|generation| generation.key.same_key(&facts.spec.key))
    {
        not_ready.message.push_str(&format!(
            "; CAGeneration {} was made over it, and Signet puts no other in its place",
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
        NotReady::stalls(
            IssuerReason::InvalidCa,
            format!(
                "CAGeneration {} cannot be read: {error}; restore it",
                last.name
            ),
        )
    })?;
    if last.key_fingerprint != signer.public_key().fingerprint() {
        return Err(NotReady::stalls(
            IssuerReason::KeyMismatch,
            format!(
                "{} holds another key than the one that CAGeneration {} was made over; put that \
                 key back, or delete the CAGeneration to begin with a new CA",
                facts.spec.key.backend().reference(),
                last.name
            ),
        ));
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
        let place = place_of_existing(facts, spec);
        NotReady::stalls(IssuerReason::InvalidCa, format!("{place}: {error}"))
    })?;
    let same = |generation: &&Generation| generation.chain.as_ref().is_ok_and(|own| own == chain);
    match facts.generations.iter().rev().find(same) {
        Some(generation) => ready(facts, generation, chain, signer, trust_domain),
        None => {
            fit(facts, chain, &signer)?;
            room_for_another(facts)?;
            Ok(Step::Adopt {
                chain: Box::new(chain.clone()),
                number: next_number(facts),
            })
        }
    }
}

fn place_of_existing(facts: &Facts, spec: &api::Existing) -> String {
    match (&spec.secret_name, &spec.config_map_name) {
        (Some(name), _) => format!("the CA certificate in the Secret {name}"),
        (None, Some(name)) => format!("the CA certificate in the ConfigMap {name}"),
        (None, None) => {
            let key = facts.spec.key.backend().reference();
            format!("the CA certificate beside {key}")
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
    fit(facts, chain, &signer)?;
    let ready = Ready {
        generation: generation.name.clone(),
        rules: rules(facts, chain, trust_domain),
        chain: chain.clone(),
        signer,
    };
    Ok(Step::Done(Box::new(Outcome::Ready(ready))))
}

/// A pair that changes all the time would fill the cluster with generations, and the bundle with
/// roots.
fn room_for_another(facts: &Facts) -> Result<(), NotReady> {
    if facts.kept >= MAX_GENERATIONS {
        return Err(NotReady::stalls(
            IssuerReason::InvalidCa,
            format!(
                "the CA certificate changed, and the issuer has {MAX_GENERATIONS} CAGenerations; delete \
                 those that have ended"
            ),
        ));
    }
    let alive = facts
        .generations
        .iter()
        .filter(|own| own.is_alive(facts.now));
    if alive.count() < MAX_VALID_GENERATIONS {
        return Ok(());
    }
    Err(NotReady::stalls(
        IssuerReason::InvalidCa,
        format!(
            "the CA certificate changed, and the issuer has {MAX_VALID_GENERATIONS} CAGenerations that \
             have not ended; delete those under which nothing valid was issued"
        ),
    ))
}

/// Whether this key can issue under this chain now.
fn fit(facts: &Facts, chain: &CaChain, signer: &Arc<GuardedSigner>) -> Result<(), NotReady> {
    if chain.issuing().public_key() != signer.public_key() {
        return Err(NotReady::stalls(
            IssuerReason::KeyMismatch,
            format!(
                "{} holds a key that is not the key of the CA certificate {}; put in a pair that \
                 belongs together",
                facts.spec.key.backend().reference(),
                chain.issuing().subject()
            ),
        ));
    }
    if facts.now >= chain.not_after() {
        let change = match facts.spec.certificate.source() {
            Some(CertificateSource::SelfSigned(_)) => "name a new key in spec.key for a new CA",
            _ => "put a certificate that is valid in its place",
        };
        return Err(NotReady::stalls(
            IssuerReason::CaExpired,
            format!(
                "the CA certificate, or one above it, ended at {}; {change}",
                chain.not_after()
            ),
        ));
    }
    if facts.now < chain.not_before() {
        return Err(NotReady::waits(
            IssuerReason::CaNotYetValid,
            format!(
                "the CA certificate, or one above it, begins at {}",
                chain.not_before()
            ),
        ));
    }
    Ok(())
}

fn rules(facts: &Facts, chain: &CaChain, trust_domain: Option<TrustDomain>) -> Rules {
    let profile = facts
        .spec
        .profile
        .as_ref()
        .and_then(|profile| profile.ca.as_ref());
    Rules {
        namespace: (facts.name.kind == IssuerKind::Issuer).then(|| facts.name.namespace.clone()),
        cert_manager: facts.cert_manager.clone(),
        path_length: chain.path_length(),
        ca_subjects: ca_subjects(facts, chain),
        ca: profile.map(|profile| CaProfile {
            path_length: profile.path_length,
            allowed_requesters: profile.allowed_requesters.as_ref().map(allowed_requesters),
        }),
        spiffe: trust_domain.map(|trust_domain| SpiffeRules { trust_domain }),
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

/// The subjects of this chain and of the issuer's other CAs that may still be valid.
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
    let subject = SelfSigned::parse_subject(&subject).map_err(|fault| {
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
    NotReady::stalls(IssuerReason::InvalidSpec, message)
}
