//! An issuer's status and event. Pure.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use serde_json::json;
use signet_api::conditions::{READY, RECONCILING, STALLED, find, is_true, keep_transition_time};
use signet_api::{CaSummary, GenerationState, IssuerKind, IssuerResource, IssuerStatus};

use super::decide::Outcome;
use super::facts::Facts;
use super::generation::Generation;
use super::profile;
use super::reason::IssuerReason;
use crate::keyring::ReadyIssuer;
use crate::plan::{Plan, PlannedEvent, seconds, truncate};
use crate::sharing::SharedCa;

/// Returns the one write about an issuer; none if nothing changed.
pub(super) fn plan<K: IssuerResource>(
    object: &K,
    facts: &Facts,
    outcome: &Outcome,
    shared: Option<&SharedCa>,
) -> Plan {
    let before = object.issuer_status().cloned().unwrap_or_default();
    let text = ConditionText::new(facts, outcome, shared);
    let status = IssuerStatus {
        conditions: text.conditions(&before.conditions, object.meta().generation, facts.now),
        ca: summaries(facts, outcome),
        bundle: Some(facts.bundle().pem().to_owned()).filter(|pem| !pem.is_empty()),
    };
    if status == before {
        return Plan::default();
    }
    Plan {
        status: Some(json!(status)),
        event: text.event(&before.conditions),
    }
}

/// Whether a plan changes nothing but the messages of an issuer that is ready, and stays so.
pub(super) fn only_rewords<K: IssuerResource>(object: &K, plan: &Plan) -> bool {
    let planned = plan.status.clone().map(serde_json::from_value);
    let (Some(Ok::<IssuerStatus, _>(mut planned)), Some(before)) =
        (planned, object.issuer_status())
    else {
        return false;
    };
    let stays_ready = is_true(&planned.conditions, READY);
    for condition in &mut planned.conditions {
        if let Some(before) = find(&before.conditions, &condition.type_) {
            condition.message.clone_from(&before.message);
        }
    }
    stays_ready && planned == *before
}

/// Whether the status reports this version of the issuer as not ready.
pub(super) fn is_not_ready<K: IssuerResource>(object: &K) -> bool {
    let status = object.issuer_status();
    let ready = status.and_then(|status| find(&status.conditions, READY));
    ready.is_some_and(|ready| {
        ready.status == "False" && ready.observed_generation == object.meta().generation
    })
}

/// The text of the conditions and of the event.
struct ConditionText {
    /// The type of the one condition that is true.
    true_type: &'static str,
    reason: &'static str,
    message: String,
    /// For the conditions of ClusterIssuers, which administrators read.
    cause: Option<String>,
}

impl ConditionText {
    fn new(facts: &Facts, outcome: &Outcome, shared: Option<&SharedCa>) -> Self {
        match outcome {
            Ok(ready) => Self {
                true_type: READY,
                reason: IssuerReason::Ready.as_str(),
                message: ready_message(facts, ready, shared),
                cause: None,
            },
            Err(not_ready) => Self {
                true_type: match not_ready.stalled {
                    true => STALLED,
                    false => RECONCILING,
                },
                reason: not_ready.reason.as_str(),
                message: truncate(&not_ready.message),
                cause: match facts.name.kind {
                    IssuerKind::ClusterIssuer => not_ready.cause.clone(),
                    IssuerKind::Issuer => None,
                },
            },
        }
    }

    fn conditions(
        &self,
        before: &[Condition],
        generation: Option<i64>,
        now: Timestamp,
    ) -> Vec<Condition> {
        let condition = |type_: &str| Condition {
            type_: type_.to_owned(),
            status: match type_ == self.true_type {
                true => "True".to_owned(),
                false => "False".to_owned(),
            },
            reason: self.reason.to_owned(),
            message: match &self.cause {
                Some(cause) => format!("{} (cause: {cause})", self.message),
                None => self.message.clone(),
            },
            observed_generation: generation,
            last_transition_time: seconds(now),
        };
        [READY, RECONCILING, STALLED]
            .map(|type_| keep_transition_time(condition(type_), before))
            .into()
    }

    /// Returns the event if readiness or its reason changed.
    fn event(&self, before: &[Condition]) -> Option<PlannedEvent> {
        let is_ready = self.true_type == READY;
        let before = find(before, READY);
        let is_unchanged = before.is_some_and(|before| {
            before.reason == self.reason && (before.status == "True") == is_ready
        });
        (!is_unchanged).then(|| PlannedEvent {
            warning: !is_ready,
            reason: self.reason,
            action: "Check",
            note: self.message.clone(),
        })
    }
}

/// PKI-10: rustls-webpki refuses every URI below a CA that constrains URIs.
const URIS_CONSTRAINED: &str = "a CA of its chain constrains URIs, so that peers which verify with \
     rustls, such as ztunnel and Linkerd, refuse its SPIFFE IDs";

/// cert-manager's account requests for every Certificate, so policy does not treat it as a requester.
const CERT_MANAGER_LISTED: &str = "spec.profile.ca.allowedRequesters.serviceAccounts lists \
     cert-manager's own account, which has no effect; list the namespaces of Certificates in \
     certificates.namespaces";

fn lists_cert_manager(facts: &Facts, ready: &ReadyIssuer) -> bool {
    let ca = ready.rules.ca.as_ref();
    let allowed = ca.and_then(|ca| ca.allowed_requesters.as_ref());
    allowed.is_some_and(|allowed| allowed.service_accounts.contains(&facts.cert_manager))
}

/// Returns what the issuer signs as, and what a reader should know about it. Only the subject is
/// long, and a condition holds 32,768 characters.
fn ready_message(facts: &Facts, ready: &ReadyIssuer, shared: Option<&SharedCa>) -> String {
    let ca = truncate(ready.chain.issuing().subject());
    let constrains_uris = ready.rules.trust_domain.is_some() && ready.chain.constrains_uris();
    let mut message = format!("Signs as {ca} until {}", ready.chain.not_after());
    let notices = facts.key.iter().flat_map(|key| key.notices.iter().cloned());
    let warnings = profile::expiry_warning(ready, facts.now)
        .into_iter()
        .chain(shared.map(SharedCa::to_string))
        .chain(facts.spec.key.backend().warning().map(str::to_owned))
        .chain(notices)
        .chain(constrains_uris.then(|| URIS_CONSTRAINED.to_owned()))
        .chain(lists_cert_manager(facts, ready).then(|| CERT_MANAGER_LISTED.to_owned()));
    for warning in warnings {
        message.push_str("; ");
        message.push_str(&warning);
    }
    message
}

/// Returns the generation that signs first, then the others from the newest on.
fn summaries(facts: &Facts, outcome: &Outcome) -> Vec<CaSummary> {
    let signing = outcome.as_ref().ok().map(|ready| ready.generation.as_str());
    let mut summaries: Vec<_> = facts
        .generations
        .iter()
        .rev()
        .filter_map(|generation| summary(generation, signing, facts.now))
        .collect();
    summaries.sort_by_key(|summary| summary.state != GenerationState::Active);
    summaries
}

fn summary(generation: &Generation, signing: Option<&str>, now: Timestamp) -> Option<CaSummary> {
    let chain = generation.chain.as_ref().ok()?;
    let ca = chain.issuing();
    let state = if signing == Some(generation.name.as_str()) {
        GenerationState::Active
    } else if generation.is_alive(now) {
        GenerationState::Inactive
    } else {
        GenerationState::Expired
    };
    Some(CaSummary {
        name: generation.name.clone(),
        state,
        key: generation.key.config.backend().reference(),
        subject: truncate(ca.subject()),
        fingerprint: hex::encode(ca.fingerprint()),
        not_before: Time(chain.not_before()),
        not_after: Time(chain.not_after()),
    })
}
