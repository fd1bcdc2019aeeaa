//! Whether an issuer can sign, and why not. Pure.

use std::sync::Arc;

use signet_core::ca::creation::{Creation, Verdict};
use signet_core::ca::lifecycle::{NotSigning, Plan};
use signet_keys::ErrorClass;

use super::creation;
use super::facts::Facts;
use super::generation::Stored;
use super::messages;
use super::ready::ready;
use super::reason::{IssuerReason, NotReady};
use crate::keyring::ReadyIssuer;
use crate::publish::Trust;

/// The CA with which an issuer signs, or why it cannot.
pub(super) type Outcome = Result<Arc<ReadyIssuer>, NotReady>;

/// Returns the CA that signs, or why none does.
pub(super) fn outcome(facts: &Facts, plan: &Plan, judged: (&Verdict, &Trust)) -> Outcome {
    let signing = signing(facts, plan, judged);
    signing.map_err(|not_ready| messages::with_namespace(not_ready, facts))
}

fn signing(facts: &Facts, plan: &Plan, (verdict, trust): (&Verdict, &Trust)) -> Outcome {
    match &plan.signing {
        Ok(number) => {
            let signing = facts.generations.get(*number);
            signing
                .ok_or_else(messages::preparing)
                .and_then(|signing| signs(facts, (verdict, trust), signing))
        }
        Err(NotSigning::NotActive) => Err(not_active(facts, plan, verdict)),
        Err(NotSigning::Expired(_)) if facts.key_error().is_some() => {
            Err(facts.active().map_or_else(messages::preparing, |active| {
                without_key(facts, verdict, active)
            }))
        }
        Err(other) => Err(messages::not_signing(other, facts)),
    }
}

fn signs(facts: &Facts, (verdict, trust): (&Verdict, &Trust), signing: &Stored) -> Outcome {
    if let Some(key) = facts.key_of(signing)
        && let Some(chain) = &signing.chain
    {
        return Ok(Arc::new(ready(facts, trust, signing, chain, key)?));
    }
    Err(without_key(facts, verdict, signing))
}

/// Returns why the key of the CA that signs is not there.
fn without_key(facts: &Facts, verdict: &Verdict, signing: &Stored) -> NotReady {
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
            let not_ready = match error.class {
                ErrorClass::KeyNotFound => not_ready.lost(),
                _ => not_ready,
            };
            creation::of_key(facts, verdict, not_ready)
        }
        _ => match (&facts.offer, facts.key_replaced) {
            // The certificate beside the key that replaced it says more.
            (Some(Err(refused)), _) => refused.clone(),
            _ => messages::key_mismatch(facts, signing),
        },
    }
}

/// Returns what the first generation, or the successor of a revoked one, waits for.
fn not_active(facts: &Facts, plan: &Plan, verdict: &Verdict) -> NotReady {
    if let Some(stuck) = &plan.stuck {
        return IssuerReason::KeyRevoked.stalls(messages::stuck(stuck));
    }
    if let Some(Err(refused)) = &facts.offer
        && refused.reason == IssuerReason::InvalidSpec
    {
        return refused.clone();
    }
    if let Some(other) = unexpected_next(facts) {
        return other;
    }
    if facts.traces.creation != Some(Creation::LostKey)
        && let Some(not_ready) = creation::not_ready(facts, verdict)
    {
        return not_ready;
    }
    if let Some(Err(error)) = facts.keys.of_spec() {
        let mut not_ready = NotReady::from_key(error);
        if facts.missing_spec_key().is_some() {
            if let Some(stored) = facts.made_over_spec_key() {
                not_ready.message.push_str(&messages::not_replaced(stored));
                not_ready = not_ready.lost();
            } else if facts.withholds_key() {
                not_ready.message.push_str(messages::NOT_CREATED);
            }
        }
        return creation::of_key(facts, verdict, not_ready);
    }
    match (&facts.offer, &plan.waits) {
        (Some(Err(refused)), _) => refused.clone(),
        (_, Some(wait)) => messages::waits(wait, facts),
        _ => messages::preparing(),
    }
}

/// Returns why the first generation is not activated, if its root is not the expected one.
fn unexpected_next(facts: &Facts) -> Option<NotReady> {
    let next = facts.next()?;
    let root = &next.facts.certified.as_ref()?.root;
    let is_expected = creation::is_expected_root(facts, root);
    (!is_expected).then(|| creation::unexpected_root(facts, root))
}
