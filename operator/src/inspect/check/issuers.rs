//! Each issuer's health, as its status says. Pure.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use signet_api::conditions::{BUNDLE_PUBLISHED, ROTATING, find};
use signet_api::{CaSummary, GenerationRole, IssuerStatus};
use signet_keys::ErrorClass;

use super::facts::{Issuer, Issuers, State};
use super::report::{Details, Finding, Level, Section};
use crate::inspect::readiness::Readiness;
use crate::inspect::time::until;
use crate::issuers::is_ending;

/// The reasons that are about a key that did not sign.
const KEY_REASONS: [ErrorClass; 6] = [
    ErrorClass::Throttled(None),
    ErrorClass::Unreachable,
    ErrorClass::CredentialsRefused,
    ErrorClass::KeyUnusable,
    ErrorClass::KeyNotFound,
    ErrorClass::InvalidResponse,
];

pub(super) fn findings(issuers: &Issuers, now: Timestamp) -> Vec<Finding> {
    let kind = issuers.kind;
    let finding =
        |level, message: String| Finding::new(Section::Issuers, level, format!("{kind}s"), message);
    match &issuers.found {
        Err(error) => vec![finding(Level::Unknown, error.clone())],
        Ok(found) if found.is_empty() => vec![finding(Level::Ok, "none".to_owned())],
        Ok(found) => found.iter().map(|issuer| of_issuer(issuer, now)).collect(),
    }
}

fn of_issuer(issuer: &Issuer, now: Timestamp) -> Finding {
    let finding =
        |level, message| Finding::new(Section::Issuers, level, issuer.name.to_string(), message);
    let state = match &issuer.state {
        Ok(state) => state,
        Err(error) => {
            let message = format!("does not match the schema of this version: {error}");
            return finding(Level::Problem, message);
        }
    };
    let readiness = Readiness::of(state.generation, state.status.as_ref());
    let ca = state.status.as_ref().and_then(current);
    // The key that signs, or that the spec refers to.
    let key = ca.map_or(&state.key, |ca| &ca.key);
    let (level, message) = judge(state, readiness, key, now);
    finding(level, message).with(Details::Issuer {
        is_ready: readiness.is_ready(),
        reason: readiness.reason().map(str::to_owned),
        key: key.clone(),
        is_key_reachable: is_key_reachable(readiness),
        ca_not_after: ca.and_then(|ca| Some(ca.not_after.as_ref()?.0)),
    })
}

fn judge(state: &State, readiness: Readiness<'_>, key: &str, now: Timestamp) -> (Level, String) {
    let ca = state.status.as_ref().and_then(current);
    let end = ca.and_then(|ca| Some(until(ca.not_after.as_ref()?.0, now)));
    let end = end.map_or_else(|| "no CA".to_owned(), |end| format!("CA {end}"));
    if let Some(problem) = readiness.problem() {
        let level = match readiness.reason() {
            Some("Suspended") => Level::Warning,
            _ => Level::Problem,
        };
        return (level, format!("{problem} ({end})"));
    }
    let message = format!("ready; {end}; key {key} reachable");
    let status = state.status.iter();
    let warnings: Vec<_> = status.flat_map(|it| warnings(it, ca, now)).collect();
    match warnings.is_empty() {
        true => (Level::Ok, message),
        false => (
            Level::Warning,
            format!("{message}; {}", warnings.join("; ")),
        ),
    }
}

/// What a person has to look at, although the issuer can sign.
fn warnings(status: &IssuerStatus, ca: Option<&CaSummary>, now: Timestamp) -> Vec<String> {
    let mut warnings = Vec::new();
    let validity = ca.and_then(|ca| Some((ca.not_before.as_ref()?.0, ca.not_after.as_ref()?.0)));
    if validity.is_some_and(|(begin, end)| is_ending(begin, end, now)) {
        warnings.push("less than a sixth of the CA's lifetime is left".to_owned());
    }
    let has_waiting_key = |rotating: &&Condition| rotating.reason == "WaitingForKey";
    let rotating = find(&status.conditions, ROTATING);
    let waits = rotating.filter(|it| status.csr.is_some() || has_waiting_key(it));
    warnings.extend(waits.map(|rotating| rotating.message.clone()));
    let published = find(&status.conditions, BUNDLE_PUBLISHED);
    let unpublished = published.filter(|published| published.status == "False");
    warnings.extend(unpublished.map(|it| format!("{}: {}", it.reason, it.message)));
    warnings
}

fn current(status: &IssuerStatus) -> Option<&CaSummary> {
    let mut ca = status.ca.iter();
    ca.find(|ca| ca.role == Some(GenerationRole::Current))
}

/// An issuer that is ready has a key that signed its self-test; one that is not has a reason, which
/// may be about something else.
fn is_key_reachable(readiness: Readiness<'_>) -> Option<bool> {
    match readiness {
        Readiness::Ready(_) => Some(true),
        Readiness::NotReady(ready) => {
            let mut reasons = KEY_REASONS.iter().map(|class| class.as_str());
            reasons
                .any(|reason| reason == ready.reason)
                .then_some(false)
        }
        Readiness::NotObserved | Readiness::Outdated(_) => None,
    }
}
