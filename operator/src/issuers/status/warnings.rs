//! The messages of the Ready condition, with what a reader should know besides. Pure.

use signet_core::ca::lifecycle::Plan;
use signet_core::ca::offer;

use crate::issuers::facts::Facts;
use crate::issuers::messages;
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

/// cert-manager's account requests for every Certificate, so policy does not treat it as a requester.
const CERT_MANAGER_LISTED: &str = "spec.profile.ca.allowedRequesters.serviceAccounts lists \
     cert-manager's own account, which has no effect; list the namespaces of Certificates in \
     certificates.namespaces";

/// Returns what the issuer signs as, and what a reader should know about it. Only the subject is
/// long, and a condition holds 32,768 characters.
pub(super) fn ready_message(
    found: &Round,
    ready: &ReadyIssuer,
    shared: Option<&SharedCa>,
) -> String {
    let facts = &found.facts;
    let ca = truncate(ready.chain.issuing().subject());
    let limits = &ready.rules.limits;
    let constrains_uris = ready.rules.trust_domain.is_some() && limits.constrains_uris();
    let constrains_unusual = limits.constrains_unusual_names();
    let message = format!("Signs as {ca} until {}", ready.chain.not_after());
    let warnings = rollback(facts, ready)
        .into_iter()
        .chain(profile::expiry_warning(ready, facts.now))
        .chain(of_spec(facts))
        .chain(of_chains(facts, ready))
        .chain(of_commands(found.decision.plan.as_ref()))
        .chain(unreadable(facts))
        .chain(shared.map(SharedCa::to_string))
        .chain(facts.spec.key.backend().warning().map(str::to_owned))
        .chain(notices(facts, ready))
        .chain(constrains_uris.then(|| URIS_CONSTRAINED.to_owned()))
        .chain(constrains_unusual.then(|| NAMES_CONSTRAINED.to_owned()))
        .chain(lists_cert_manager(facts, ready).then(|| CERT_MANAGER_LISTED.to_owned()));
    joined(message, warnings)
}

/// Adds to the reason why an issuer is not ready what else a reader should know.
pub(super) fn not_ready_message(found: &Round, message: &str) -> String {
    let plan = found.decision.plan.iter();
    let ignored = plan.flat_map(|plan| plan.ignored.iter().map(messages::ignored));
    joined(message.to_owned(), ignored)
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
fn of_spec(facts: &Facts) -> Vec<String> {
    let key = facts.keys.next.as_ref();
    let key = key
        .and_then(|key| key.as_ref().err())
        .map(|error| format!("the next key cannot be used: {}", error.message));
    let refused = facts.offer.as_ref().and_then(|offer| offer.as_ref().err());
    let refused =
        refused.map(|refused| format!("the next CA certificate is refused: {}", refused.message));
    key.into_iter().chain(refused).collect()
}

/// Returns what was accepted and should be better, in the chain that signs and the one offered.
fn of_chains(facts: &Facts, ready: &ReadyIssuer) -> Vec<String> {
    let mut warnings = offer::warnings(&ready.chain, ready.rules.trust_domain.as_ref());
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

fn lists_cert_manager(facts: &Facts, ready: &ReadyIssuer) -> bool {
    let ca = ready.rules.ca.as_ref();
    let allowed = ca.and_then(|ca| ca.allowed_requesters.as_ref());
    allowed.is_some_and(|allowed| allowed.service_accounts.contains(&facts.cert_manager))
}
