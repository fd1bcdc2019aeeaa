//! The messages of the Ready condition, with what a reader should know besides. Pure.

use signet_core::ca::creation::Verdict;
use signet_core::ca::lifecycle::Plan;
use signet_core::ca::offer;

use super::{Others, policy, revocation, subject};
use crate::issuers::creation;
use crate::issuers::facts::Facts;
use crate::issuers::messages;
use crate::issuers::parents;
use crate::issuers::profile;
use crate::issuers::round::Round;
use crate::keyring::ReadyIssuer;
use crate::plan::truncate;
use crate::sharing::SharedCa;

/// PKI-10: rustls-webpki refuses every URI below a CA that constrains URIs.
const URIS_CONSTRAINED: &str = "a CA of its chain constrains URIs, so that peers which verify with \
     rustls, such as ztunnel and Linkerd, refuse its SPIFFE IDs";

/// PKI-10: neither Go nor rustls-webpki knows such constraints.
const NAMES_CONSTRAINED: &str = "a CA of its chain constrains names other than DNS names, email \
     addresses, URIs and IP addresses, so that peers which verify in Go or with rustls refuse its \
     certificates";

/// Returns what the issuer signs as, and what a reader should know about it. Only the subject is
/// long, and a condition holds 32,768 characters.
pub(super) fn ready_message(found: &Round, ready: &ReadyIssuer, others: &Others) -> String {
    let facts = &found.facts;
    let ca = truncate(ready.chain.issuing().subject());
    let limits = &ready.policy.limits;
    let constrains_uris = ready.policy.trust_domain.is_some() && limits.constrains_uris();
    let constrains_unusual = limits.constrains_unusual_names();
    let message = format!("Signs as {ca} until {}", ready.chain.not_after());
    let warnings = rollback(facts, ready)
        .into_iter()
        .chain(profile::expiry_warning(ready, facts.now))
        .chain(subject::reused(facts))
        .chain(of_spec(facts, found.decision.verdict.as_ref()))
        .chain(facts.parent_warning.clone())
        .chain(of_chains(facts, ready))
        .chain(of_commands(found.decision.plan.as_ref()))
        .chain(unreadable(facts))
        .chain(revocation::notes(facts, &others.over_revoked))
        .chain(others.shared.as_ref().map(SharedCa::to_string))
        .chain(backend(facts))
        .chain(notices(facts, ready))
        .chain(match constrains_uris {
            true => Some(URIS_CONSTRAINED.to_owned()),
            false => constrains_uris_later(facts),
        })
        .chain(constrains_unusual.then(|| NAMES_CONSTRAINED.to_owned()))
        .chain(policy::notes(facts, &ready.policy));
    joined(message, warnings)
}

/// A mesh accepts no other key than one in a Secret.
fn backend(facts: &Facts) -> Option<String> {
    let warning = facts.spec.key.backend().warning();
    warning.filter(|_| facts.mesh.is_none()).map(str::to_owned)
}

/// PKI-10, before the CA certificate is signed as the spec says.
fn constrains_uris_later(facts: &Facts) -> Option<String> {
    facts.spec.spiffe.as_ref()?;
    let (requested, field) = parents::requested(facts.spec.certificate.source()?)?;
    let constraints = requested.name_constraints.as_ref()?;
    let mut subtrees = constraints.permitted.iter().chain(&constraints.excluded);
    let constrains = subtrees.any(|subtrees| !subtrees.uri_domains.is_empty());
    constrains.then(|| {
        format!(
            "with spec.certificate.{field}.nameConstraints.uriDomains, peers which verify with \
             rustls, such as ztunnel and Linkerd, refuse its SPIFFE IDs"
        )
    })
}

/// Adds to the reason why an issuer is not ready what else a reader should know.
pub(super) fn not_ready_message(found: &Round, message: &str, others: &Others) -> String {
    let (facts, plan) = (&found.facts, found.decision.plan.iter());
    let ignored = plan.flat_map(|plan| plan.ignored.iter().map(messages::ignored));
    let revoked = revocation::notes(facts, &others.over_revoked);
    let notes = ignored.chain(revoked);
    joined(
        message.to_owned(),
        notes.chain(constrains_uris_later(facts)),
    )
}

fn joined(mut message: String, warnings: impl Iterator<Item = String>) -> String {
    for warning in warnings {
        message.push_str("; ");
        message.push_str(&warning);
    }
    message
}

fn rollback(facts: &Facts, ready: &ReadyIssuer) -> Option<String> {
    let signing = facts.generations.get(ready.number)?;
    signing.facts.purpose.rollback_to.as_ref()?;
    Some("spec.rotation.rollbackTo takes precedence over spec.key and spec.certificate".to_owned())
}

/// Returns why the spec does not get what it asks for while the CA signs.
fn of_spec(facts: &Facts, verdict: Option<&Verdict>) -> Vec<String> {
    let key = facts.keys.next.as_ref();
    let key = key
        .and_then(|key| key.as_ref().err())
        .map(|error| format!("the next key cannot be used: {}", error.message));
    let refused = facts.offer.as_ref().and_then(|offer| offer.as_ref().err());
    let refused = refused.map(|refused| match refused.reason.is_of_parent() {
        true => format!("no next CA certificate: {}", refused.message),
        false => format!("the next CA certificate is refused: {}", refused.message),
    });
    let new_root = verdict.and_then(|verdict| creation::refused_new_root(facts, verdict));
    let roots = facts.roots.problem().map(|problem| problem.message.clone());
    let key = key.into_iter().chain(refused);
    key.chain(new_root).chain(roots).collect()
}

/// Returns what was accepted and should be better, in the chain that signs and the one offered.
fn of_chains(facts: &Facts, ready: &ReadyIssuer) -> Vec<String> {
    let mut warnings = offer::warnings(&ready.chain, ready.policy.trust_domain.as_ref());
    let signing = facts.generations.get(ready.number);
    warnings.extend(signing.and_then(|signing| facts.roots.pin_warning(signing)));
    let offered = facts.offer.as_ref().and_then(|offer| offer.as_ref().ok());
    for warning in offered.iter().flat_map(|offer| &offer.warnings) {
        if !warnings.contains(warning) {
            warnings.push(warning.clone());
        }
    }
    warnings.iter().map(ToString::to_string).collect()
}

fn of_commands(plan: Option<&Plan>) -> Vec<String> {
    let ignored = plan
        .iter()
        .flat_map(|plan| plan.ignored.iter().map(messages::ignored));
    let stuck = plan
        .iter()
        .filter_map(|plan| plan.stuck.as_ref())
        .map(messages::stuck);
    stuck.chain(ignored).collect()
}

fn unreadable(facts: &Facts) -> Vec<String> {
    let unreadable = facts.generations.unreadable.iter();
    let message =
        |name: &str, message: &str| format!("CAGeneration {name} is not valid: {message}");
    unreadable
        .map(|one| message(&one.name, &one.message))
        .collect()
}

fn notices(facts: &Facts, ready: &ReadyIssuer) -> Vec<String> {
    let signing = facts.generations.get(ready.number);
    let key = signing.and_then(|signing| facts.key_of(signing));
    key.map(|key| key.notices.clone()).unwrap_or_default()
}
