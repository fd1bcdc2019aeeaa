//! The condition Rotating, and the event of an activation. Pure.

use jiff::SignedDuration;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use signet_api::MeshWait;
use signet_api::conditions::ROTATING;
use signet_core::ca::lifecycle::Wait;

use crate::issuers::facts::Facts;
use crate::issuers::messages;
use crate::issuers::round::Round;
use crate::mesh;
use crate::plan::{PlannedEvent, seconds, truncate};
use crate::publish::Report;

/// A root that signs sooner after its publication than this reaches no one in time.
const MIN_OVERLAP: SignedDuration = SignedDuration::from_secs(5);

/// Returns whether another generation is to take over, and what it waits for.
pub(super) fn condition(
    found: &Round,
    (published, mesh): (&Report, Option<&mesh::Report>),
    generation: Option<i64>,
) -> Condition {
    let facts = &found.facts;
    let plan = found.decision.plan.as_ref();
    let wait = plan.and_then(|plan| plan.waits.as_ref());
    let next = plan
        .and_then(|_| facts.next())
        .filter(|_| facts.active().is_some());
    let (status, reason, message) = match (next, wait) {
        (Some(next), Some(wait)) => (
            "True",
            messages::wait_reason(wait),
            match (
                wait,
                published.problem().or_else(|| Some(mesh?.message.clone())),
            ) {
                (Wait::Publication, Some(problem)) => {
                    format!(
                        "{} waits until its root is published: {problem}",
                        next.name()
                    )
                }
                _ => format!("{} {}", next.name(), messages::wait_text(wait, facts)),
            },
        ),
        (Some(next), None) => (
            "True",
            "WaitingForKey",
            format!("{} waits until its key can be used", next.name()),
        ),
        (None, _) => (
            "False",
            "NoRotation",
            "no other CA generation is to take over".to_owned(),
        ),
    };
    Condition {
        type_: ROTATING.to_owned(),
        status: status.to_owned(),
        reason: reason.to_owned(),
        message: truncate(&message),
        observed_generation: generation,
        last_transition_time: seconds(facts.now),
    }
}

/// Returns what the next CA of a mesh waits for, apart from the mesh.
pub(super) fn mesh_wait(found: &Round) -> Option<MeshWait> {
    let waits = found.decision.plan.as_ref()?.waits.as_ref()?;
    match waits {
        Wait::Publication => Some(MeshWait::Mesh),
        Wait::Delay(_) | Wait::Leaves { .. } => Some(MeshWait::Leaves),
        Wait::Command => Some(MeshWait::Activation),
        _ => None,
    }
}

/// Returns the event of an activation. The first one is reported by the issuer's readiness.
pub(super) fn event(facts: &Facts, number: u32) -> Option<PlannedEvent> {
    let activated = facts.generations.get(number)?;
    let mut others = facts.generations.stored.iter();
    let before = others.rfind(|one| one.number() < number && one.facts.activated.is_some())?;
    let root = |one: &crate::issuers::generation::Stored| {
        Some(one.facts.certified.as_ref()?.root.ca.clone())
    };
    let facts = &activated.facts;
    let published_for = facts.published.zip(facts.activated);
    let published_for = published_for.map(|(published, at)| at.duration_since(published));
    let had_overlap =
        root(before) == root(activated) || published_for.is_some_and(|time| time >= MIN_OVERLAP);
    let note = match had_overlap {
        true => format!(
            "{} signs now, in the place of {}",
            activated.name(),
            before.name()
        ),
        false => format!(
            "{} signs now, in the place of {}; its root was published only now, so peers that have \
             only the earlier root refuse its certificates until they learn of it",
            activated.name(),
            before.name()
        ),
    };
    Some(PlannedEvent {
        warning: !had_overlap,
        reason: "Activated",
        action: "Rotate",
        note,
    })
}
