//! An issuer's status and events. Pure.

mod csr;
mod policy;
pub(super) mod revocation;
mod rotating;
mod subject;
mod warnings;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use signet_api::conditions::{READY, RECONCILING, STALLED, find, is_true, keep_transition_time};
use signet_api::{IssuerKind, IssuerResource, IssuerStatus, MeshStatus};

use super::creation;
use super::reason::IssuerReason;
use super::round::Round;
use super::summary::summaries;
use crate::mesh;
use crate::plan::{PlannedEvent, seconds};
use crate::publish::{Report, Trusted};
use crate::sharing::{KeyUsers, SharedCa};

/// What is written about an issuer; nothing if nothing changed.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct StatusPlan {
    pub(super) status: Option<IssuerStatus>,
    /// What the status has about a mesh.
    pub(super) mesh: Option<MeshStatus>,
    pub(super) events: Vec<PlannedEvent>,
}

/// What other issuers have to do with this one.
#[derive(Clone, Debug, Default)]
pub(super) struct Others {
    /// Those with which it shares a CA.
    pub(super) shared: Option<SharedCa>,
    /// Those that use a key that its spec revokes.
    pub(super) over_revoked: Vec<KeyUsers>,
}

pub(super) fn plan<K: IssuerResource>(
    object: &K,
    found: &Round,
    others: &Others,
    (published, mesh): (&Report, Option<&mesh::Report>),
) -> StatusPlan {
    let facts = &found.facts;
    let before = object.issuer_status().cloned().unwrap_or_default();
    let text = ConditionText::new(found, others);
    let generation = object.meta().generation;
    let mut conditions = text.conditions(&before.conditions, generation, facts.now);
    let ca = match creation::misses_generation(facts) {
        true => before.ca.clone(),
        false => summaries(facts),
    };
    let rotating = rotating::condition(found, (published, mesh), generation);
    conditions.push(keep_transition_time(rotating, &before.conditions));
    conditions.extend(published.condition(&before.conditions, generation, facts.now));
    let of_mesh = mesh.map(|it| it.condition(&before.conditions, generation, facts.now));
    conditions.extend(of_mesh);
    let mesh_before = object.mesh_status();
    let mesh_status =
        mesh.and_then(|it| it.status(mesh_before, rotating::mesh_wait(found), facts.now));
    let bundle = match &found.decision.trust.roots {
        Trusted::Roots(bundle) => Some(bundle.pem().to_owned()),
        Trusted::Nothing => None,
        Trusted::Unknown => before.bundle.clone(),
    };
    if takes_over(found, &before) && bundle != before.bundle {
        return StatusPlan {
            status: Some(IssuerStatus {
                ca,
                bundle,
                ..before
            }),
            mesh: mesh_status,
            events: Vec::new(),
        };
    }
    let status = IssuerStatus {
        observed_generation: generation,
        conditions,
        ca,
        bundle,
        csr: csr::pending(facts),
    };
    let requested = csr::event(&status, &before);
    let revoked = revocation::event(facts, (&status, &before), &others.over_revoked);
    let activated = found
        .activated
        .and_then(|number| rotating::event(facts, number));
    StatusPlan {
        events: text
            .event(&before.conditions)
            .into_iter()
            .chain(super::deletion::adopted(object, &before, found))
            .chain(requested)
            .chain(revoked)
            .chain(activated)
            .chain(published.event(&before.conditions))
            .chain(
                mesh.into_iter()
                    .flat_map(|it| it.events(&before.conditions)),
            )
            .collect(),
        status: (status != before || mesh_status.as_ref() != mesh_before).then_some(status),
        mesh: mesh_status,
    }
}

/// Whether the successor of a ready CA whose key is gone takes over as soon as the bundle is written.
fn takes_over(found: &Round, before: &IssuerStatus) -> bool {
    let outcome = found.decision.outcome.as_ref();
    let is_preparing = outcome.is_err_and(|error| error.reason == IssuerReason::Progressing);
    is_preparing && is_true(&before.conditions, READY)
}

/// Whether a plan changes nothing but the messages of an issuer that is ready, and stays so.
pub(super) fn only_rewords<K: IssuerResource>(object: &K, plan: &StatusPlan) -> bool {
    let (Some(mut planned), Some(before)) = (plan.status.clone(), object.issuer_status()) else {
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
    /// The type of the one condition that is true; none while the issuer is suspended.
    true_type: Option<&'static str>,
    reason: &'static str,
    message: String,
    /// For the conditions of ClusterIssuers, which administrators read.
    cause: Option<String>,
}

impl ConditionText {
    fn new(found: &Round, others: &Others) -> Self {
        match &found.decision.outcome {
            Ok(ready) => Self {
                true_type: Some(READY),
                reason: IssuerReason::Ready.as_str(),
                message: warnings::ready_message(found, ready, others),
                cause: None,
            },
            Err(not_ready) => Self {
                true_type: match (not_ready.reason, not_ready.stalled) {
                    (IssuerReason::Suspended, _) => None,
                    (_, true) => Some(STALLED),
                    (_, false) => Some(RECONCILING),
                },
                reason: not_ready.reason.as_str(),
                message: warnings::not_ready_message(found, &not_ready.message, others),
                cause: match found.facts.name.kind {
                    IssuerKind::ClusterIssuer => not_ready.cause.clone(),
                    IssuerKind::Issuer | IssuerKind::MeshCA => None,
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
            status: match Some(type_) == self.true_type {
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

    /// Returns the event if readiness or its reason changed. That a CA is being prepared is not
    /// worth one.
    fn event(&self, before: &[Condition]) -> Option<PlannedEvent> {
        let is_ready = self.true_type == Some(READY);
        let before = find(before, READY);
        let is_unchanged = before.is_some_and(|before| {
            before.reason == self.reason && (before.status == "True") == is_ready
        });
        let is_news = !is_unchanged && self.reason != IssuerReason::Progressing.as_str();
        is_news.then(|| PlannedEvent {
            warning: !is_ready,
            reason: self.reason,
            action: "Check",
            note: self.message.clone(),
        })
    }
}
