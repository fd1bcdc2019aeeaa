//! Where an issuer stands, as what is written to it. Pure.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::Resource;
use serde_json::json;
use signet_api::conditions::{READY, RECONCILING, STALLED, Statement, find, is_true};
use signet_api::{CaSummary, GenerationState, IssuerKind, IssuerResource, IssuerStatus};

use super::decide::{Outcome, Ready};
use super::facts::Facts;
use super::generation::Generation;
use super::reason::IssuerReason;
use crate::plan::{Plan, PlannedEvent, truncate};
use crate::sharing::SharedCa;

/// The one write about an issuer; none if nothing changed.
pub(super) fn plan<K>(
    object: &K,
    facts: &Facts,
    outcome: &Outcome,
    shared: Option<&SharedCa>,
) -> Plan
where
    K: IssuerResource + Resource<DynamicType = ()>,
{
    let before = object.issuer_status().cloned().unwrap_or_default();
    let text = ConditionText::about(facts, outcome, shared);
    let status = IssuerStatus {
        conditions: conditions(
            &text,
            &before.conditions,
            object.meta().generation,
            facts.now,
        ),
        ca: summaries(facts, outcome),
        bundle: Some(facts.bundle().pem().to_owned()).filter(|pem| !pem.is_empty()),
    };
    if status == before {
        return Plan::default();
    }
    let event = text.is_news(&before.conditions).then(|| text.event());
    Plan {
        status: Some(json!(status)),
        event,
    }
}

/// Whether a plan changes nothing but the messages of an issuer that is ready, and stays so.
pub(super) fn only_rewords<K: IssuerResource>(object: &K, plan: &Plan) -> bool {
    let planned = plan.status.clone().map(serde_json::from_value);
    let (Some(Ok(planned)), Some(before)) = (planned, object.issuer_status()) else {
        return false;
    };
    let mut planned: IssuerStatus = planned;
    let stays_ready = is_true(&planned.conditions, READY);
    for condition in &mut planned.conditions {
        if let Some(before) = find(&before.conditions, &condition.type_) {
            condition.message.clone_from(&before.message);
        }
    }
    stays_ready && planned == *before
}

/// Whether the status says of this form of the issuer that it is not ready.
pub(super) fn is_not_ready<K>(object: &K) -> bool
where
    K: IssuerResource + Resource<DynamicType = ()>,
{
    let status = object.issuer_status();
    let ready = status.and_then(|status| find(&status.conditions, READY));
    ready.is_some_and(|ready| {
        ready.status == "False" && ready.observed_generation == object.meta().generation
    })
}

/// The text of the conditions and of the event.
struct ConditionText {
    ready: bool,
    stalled: bool,
    reason: IssuerReason,
    message: String,
    /// For the conditions of ClusterIssuers, which administrators read.
    cause: Option<String>,
}

impl ConditionText {
    fn about(facts: &Facts, outcome: &Outcome, shared: Option<&SharedCa>) -> Self {
        let mut text = Self::in_full(facts, outcome, shared);
        text.message = truncate(&text.message);
        text
    }

    fn in_full(facts: &Facts, outcome: &Outcome, shared: Option<&SharedCa>) -> Self {
        match outcome {
            Outcome::Ready(ready) => Self {
                ready: true,
                stalled: false,
                reason: IssuerReason::Ready,
                message: signs(ready, &caveats(facts, ready, shared)),
                cause: None,
            },
            Outcome::NotReady(not_ready) => Self {
                ready: false,
                stalled: not_ready.stalled,
                reason: not_ready.reason,
                message: not_ready.message.clone(),
                cause: match facts.name.kind {
                    IssuerKind::ClusterIssuer => not_ready.cause.clone(),
                    IssuerKind::Issuer => None,
                },
            },
        }
    }

    /// Whether readiness or its reason changed: what a person looks for among the events.
    fn is_news(&self, before: &[Condition]) -> bool {
        find(before, READY).is_none_or(|ready| ready.reason != self.reason.as_str())
            || is_true(before, READY) != self.ready
    }

    fn event(&self) -> PlannedEvent {
        PlannedEvent {
            warning: !self.ready,
            reason: self.reason.as_str(),
            action: "Check",
            note: self.message.clone(),
        }
    }
}

/// PKI-10: rustls-webpki refuses every URI below a CA that constrains URIs.
const URIS_CONSTRAINED: &str = "a CA of its chain constrains URIs, so that peers which verify with \
     rustls, such as ztunnel and Linkerd, refuse its SPIFFE IDs";

/// cert-manager's account requests for every Certificate, so policy does not take it for a
/// requester of its own.
const CERT_MANAGER_LISTED: &str = "spec.profile.ca.allowedRequesters.serviceAccounts lists \
     cert-manager's own account, which has no effect; list the namespaces of Certificates in \
     certificates.namespaces";

fn lists_cert_manager(facts: &Facts, ready: &Ready) -> bool {
    let ca = ready.rules.ca.as_ref();
    let allowed = ca.and_then(|ca| ca.allowed_requesters.as_ref());
    allowed.is_some_and(|allowed| allowed.service_accounts.contains(&facts.cert_manager))
}

fn caveats(facts: &Facts, ready: &Ready, shared: Option<&SharedCa>) -> Vec<String> {
    let constrained = ready.rules.spiffe.is_some() && ready.chain.constrains_uris();
    let of_key = facts.spec.key.backend().warning();
    let notices = facts.key.iter().flat_map(|key| key.notices.iter().cloned());
    shared
        .map(SharedCa::to_string)
        .into_iter()
        .chain(of_key.map(str::to_owned))
        .chain(notices)
        .chain(constrained.then(|| URIS_CONSTRAINED.to_owned()))
        .chain(lists_cert_manager(facts, ready).then(|| CERT_MANAGER_LISTED.to_owned()))
        .collect()
}

fn signs(ready: &Ready, caveats: &[String]) -> String {
    let ca = ready.chain.issuing().subject();
    let signs = format!("Signs as {ca} until {}", ready.chain.not_after());
    [&[signs], caveats].concat().join("; ")
}

fn conditions(
    text: &ConditionText,
    before: &[Condition],
    generation: Option<i64>,
    now: Timestamp,
) -> Vec<Condition> {
    let now = Timestamp::from_second(now.as_second()).unwrap_or(now);
    let statement = |type_, holds: bool| {
        Statement {
            type_,
            status: holds.into(),
            reason: text.reason.as_str().to_owned(),
            message: match &text.cause {
                Some(cause) => format!("{} (cause: {cause})", text.message),
                None => text.message.clone(),
            },
            observed_generation: generation,
        }
        .since(before, now)
    };
    vec![
        statement(READY, text.ready),
        statement(RECONCILING, !text.ready && !text.stalled),
        statement(STALLED, text.stalled),
    ]
}

/// The generation that signs first, then the others from the newest on.
fn summaries(facts: &Facts, outcome: &Outcome) -> Vec<CaSummary> {
    let signing = match outcome {
        Outcome::Ready(Ready { generation, .. }) => Some(generation.as_str()),
        Outcome::NotReady(_) => None,
    };
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
        key: generation.key.backend().reference(),
        subject: truncate(ca.subject()),
        fingerprint: hex::encode(ca.fingerprint()),
        not_before: Time(chain.not_before()),
        not_after: Time(chain.not_after()),
    })
}
