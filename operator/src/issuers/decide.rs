//! Decides on an issuer's next step. Pure.

use std::sync::Arc;

use signet_api::CertificateSource;
use signet_core::ca::lifecycle::table::Event;
use signet_core::ca::lifecycle::{self, NotSigning, Plan};
use signet_core::spiffe::TrustDomain;
use signet_keys::Software;

use super::facts::Facts;
use super::generation::Stored;
use super::messages;
use super::ready::ready;
use super::reason::{IssuerReason, NotReady};
use crate::keyring::ReadyIssuer;

/// The next step. After each, the issuer is observed again.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Step {
    CreateKey(Software),
    /// One write about a generation.
    Lifecycle(lifecycle::Step),
}

/// Whether the issuer can sign.
pub(super) type Outcome = Result<Arc<ReadyIssuer>, NotReady>;

/// What follows from the facts.
#[derive(Debug)]
pub(super) struct Decision {
    pub(super) step: Option<Step>,
    pub(super) outcome: Outcome,
    /// None if the lifecycle cannot go on: then nothing about the CA changes.
    pub(super) plan: Option<Plan>,
}

pub(super) fn decide(facts: &Facts) -> Decision {
    match check(facts) {
        Ok(()) => {
            let plan = lifecycle::plan(&facts.situation());
            Decision {
                step: create_key(facts).or_else(|| step(facts, &plan)),
                outcome: outcome(facts, &plan),
                plan: Some(plan),
            }
        }
        Err(not_ready) => Decision {
            step: None,
            outcome: Err(not_ready),
            plan: None,
        },
    }
}

/// Checks what no step can change.
fn check(facts: &Facts) -> Result<(), NotReady> {
    trust_domain(facts)?;
    if facts.spec.certificate.source().is_none() {
        return Err(invalid(
            "spec.certificate must set exactly one of selfSigned and existing",
        ));
    }
    let mut unreadable = facts.generations.unreadable.iter();
    if let Some(one) = unreadable.find(|one| one.may_sign()) {
        return Err(IssuerReason::InvalidCa.stalls(format!(
            "CAGeneration {} is not valid: {}; restore it from a backup",
            one.name, one.message
        )));
    }
    let own = facts
        .spec
        .spiffe
        .as_ref()
        .map(|spiffe| &spiffe.trust_domain);
    let mut stored = facts.generations.stored.iter();
    match stored.find(|one| one.trust_domain.as_ref() != own) {
        Some(other) => Err(IssuerReason::TrustDomainChanged.stalls(of_trust_domain(other, own))),
        None => Ok(()),
    }
}

fn of_trust_domain(other: &Stored, own: Option<&String>) -> String {
    let describe = |trust_domain: Option<&String>| match trust_domain {
        Some(trust_domain) => format!("trust domain {trust_domain}"),
        None => "no trust domain".to_owned(),
    };
    format!(
        "CAGeneration {} is of an issuer with {}, and the spec has {}; create an issuer of another \
         name, with its own key, for the other trust domain",
        other.name(),
        describe(other.trust_domain.as_ref()),
        describe(own)
    )
}

fn create_key(facts: &Facts) -> Option<Step> {
    facts.missing_spec_key()?;
    key_to_create(facts).map(Step::CreateKey)
}

/// Returns the key to create where it is missing, unless a CA was ever issued over it: a key that
/// vanished is never recreated.
pub(super) fn key_to_create(facts: &Facts) -> Option<Software> {
    let source = facts.spec.certificate.source();
    let is_for_new_key = matches!(
        source,
        Some(CertificateSource::SelfSigned(_) | CertificateSource::Manual(_))
    );
    let is_refused = matches!(facts.offer, Some(Err(_)));
    let may = is_for_new_key && !is_refused && facts.may_create_key && !facts.spec.suspend;
    if !may || made_over_spec_key(facts).is_some() {
        return None;
    }
    facts.spec.key.backend().provision()
}

/// Returns the newest generation over a key of the name that the spec has.
fn made_over_spec_key(facts: &Facts) -> Option<&Stored> {
    let mut newest_first = facts.generations.stored.iter().rev();
    newest_first.find(|one| one.key.config.same_key(&facts.spec.key))
}

/// Returns the lifecycle's step, unless its key is not there: nothing is activated that cannot sign.
fn step(facts: &Facts, plan: &Plan) -> Option<Step> {
    let step = plan.step.clone()?;
    if let lifecycle::Step::Record {
        number,
        event: Event::Activated,
        ..
    } = step
    {
        facts.key_of(facts.generations.get(number)?)?;
    }
    Some(Step::Lifecycle(step))
}

fn outcome(facts: &Facts, plan: &Plan) -> Outcome {
    match &plan.signing {
        Ok(number) => {
            let signing = facts.generations.get(*number);
            signing
                .ok_or_else(messages::preparing)
                .and_then(|signing| signs(facts, plan, signing))
        }
        Err(NotSigning::NotActive) => Err(not_active(facts, plan)),
        Err(NotSigning::Expired(_)) if facts.key_error().is_some() => Err(facts
            .active()
            .map_or_else(messages::preparing, |active| without_key(facts, active))),
        Err(other) => Err(messages::not_signing(other, facts)),
    }
}

fn signs(facts: &Facts, plan: &Plan, signing: &Stored) -> Outcome {
    if let Some(key) = facts.key_of(signing)
        && let Some(chain) = &signing.chain
    {
        return Ok(Arc::new(ready(facts, plan, signing, chain, key)?));
    }
    Err(without_key(facts, signing))
}

/// Returns why the key of the CA that signs is not there.
fn without_key(facts: &Facts, signing: &Stored) -> NotReady {
    if facts.active_key_gone
        && facts
            .next()
            .is_some_and(|next| facts.key_of(next).is_some())
    {
        // Its successor takes over in this reconcile.
        return messages::preparing();
    }
    match &facts.keys.active {
        Some(Err(error)) => {
            let mut not_ready = NotReady::from_key(error);
            if facts.missing_spec_key().is_some() {
                not_ready.message.push_str(&messages::not_replaced(signing));
            }
            not_ready
        }
        _ => match (&facts.offer, facts.key_replaced) {
            // The certificate beside the key that replaced it says more.
            (Some(Err(refused)), _) => refused.clone(),
            _ => messages::key_mismatch(facts, signing),
        },
    }
}

/// Returns what the first generation, or the successor of a revoked one, waits for.
fn not_active(facts: &Facts, plan: &Plan) -> NotReady {
    if let Some(stuck) = &plan.stuck {
        return IssuerReason::KeyRevoked.stalls(messages::stuck(stuck));
    }
    if let Some(Err(refused)) = &facts.offer
        && refused.reason == IssuerReason::InvalidSpec
    {
        return refused.clone();
    }
    if let Some(Err(error)) = facts.keys.of_spec() {
        let mut not_ready = NotReady::from_key(error);
        if facts.missing_spec_key().is_some()
            && let Some(stored) = made_over_spec_key(facts)
        {
            not_ready.message.push_str(&messages::not_replaced(stored));
        }
        return not_ready;
    }
    match (&facts.offer, &plan.waits) {
        (Some(Err(refused)), _) => refused.clone(),
        (_, Some(wait)) => messages::waits(wait, facts),
        _ => messages::preparing(),
    }
}

pub(super) fn trust_domain(facts: &Facts) -> Result<Option<TrustDomain>, NotReady> {
    let Some(spiffe) = &facts.spec.spiffe else {
        return Ok(None);
    };
    TrustDomain::parse(&spiffe.trust_domain)
        .map(Some)
        .map_err(|error| invalid(format!("spec.spiffe.trustDomain: {error}")))
}

pub(super) fn invalid(message: impl Into<String>) -> NotReady {
    IssuerReason::InvalidSpec.stalls(message)
}
