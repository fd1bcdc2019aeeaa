//! What became of the objects of a mesh, as a condition, a part of the status and an event. Pure.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use signet_api::conditions::{MESH_UPDATED, find, keep_transition_time};
use signet_api::{MeshStatus, MeshWait};
use signet_core::mesh::rollout::{Hold, Wait};

use super::reason::MeshReason;
use crate::plan::{PlannedEvent, seconds, truncate};

/// What became of the objects of a mesh.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Report {
    pub(crate) reason: MeshReason,
    pub(crate) message: String,
    /// When time alone changes it.
    pub(crate) wake: Option<Timestamp>,
    /// Whether the mesh is to be looked at again soon, because nothing reports what it loads.
    pub(crate) polls: bool,
    /// Whether the mesh has a CA of the MeshCA, so that it can sign.
    pub(crate) is_delivered: bool,
    /// What was written, for the event.
    pub(super) written: Option<String>,
    /// The fingerprints of the roots that the mesh has loaded.
    pub(super) loaded: Vec<String>,
}

impl Report {
    pub(super) fn new(reason: MeshReason, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
            wake: None,
            polls: false,
            is_delivered: false,
            written: None,
            loaded: Vec::new(),
        }
    }

    pub(super) fn waits(wait: &Wait) -> Self {
        let reason = match wait {
            Wait::Loading(_) => MeshReason::Loading,
            Wait::Propagation(_) => MeshReason::Propagating,
            Wait::Leaves(_) => MeshReason::RemovingRoots,
        };
        Self {
            wake: Some(wait.until()),
            polls: reason == MeshReason::Loading,
            ..Self::new(reason, wait.to_string())
        }
    }

    pub(super) fn holds(hold: &Hold) -> Self {
        let reason = match hold {
            Hold::NotLoaded { .. } => MeshReason::RootsNotLoaded,
            Hold::OtherCa { .. } => MeshReason::OtherCa,
            Hold::NotRead { .. } => MeshReason::NotRead,
            Hold::NoRoot(_) => MeshReason::NoTrustedRoot,
        };
        Self {
            wake: hold.until(),
            polls: true,
            ..Self::new(reason, hold.to_string())
        }
    }

    /// Returns the condition `MeshUpdated`.
    pub(crate) fn condition(
        &self,
        before: &[Condition],
        generation: Option<i64>,
        now: Timestamp,
    ) -> Condition {
        let is_true = matches!(
            self.reason,
            MeshReason::UpToDate | MeshReason::RemovingRoots
        );
        let condition = Condition {
            type_: MESH_UPDATED.to_owned(),
            status: if is_true { "True" } else { "False" }.to_owned(),
            reason: self.reason.as_str().to_owned(),
            message: truncate(&self.message),
            observed_generation: generation,
            last_transition_time: seconds(now),
        };
        keep_transition_time(condition, before)
    }

    /// Returns the events: what was written, and a new problem that a person has to solve.
    pub(crate) fn events(&self, before: &[Condition]) -> Vec<PlannedEvent> {
        let event = |warning, reason, note: &str| PlannedEvent {
            warning,
            reason,
            action: "UpdateMesh",
            note: note.to_owned(),
        };
        let before = find(before, MESH_UPDATED).map(|before| before.reason.as_str());
        let is_news = before != Some(self.reason.as_str());
        let is_problem = self.reason.needs_person() || self.reason == MeshReason::Failed;
        let written = self.written.as_deref();
        let written = written.map(|note| event(false, "MeshUpdated", note));
        let problem = (is_news && is_problem)
            .then(|| event(true, self.reason.as_str(), self.message.as_str()));
        written.into_iter().chain(problem).collect()
    }

    /// Returns what the status has about the mesh, if anything. `rotation` is what the next CA waits for, once the
    /// mesh has what was written.
    pub(crate) fn status(
        &self,
        before: Option<&MeshStatus>,
        rotation: Option<MeshWait>,
        now: Timestamp,
    ) -> Option<MeshStatus> {
        let waits_for = match self.reason {
            MeshReason::Loading | MeshReason::Propagating => Some(MeshWait::Mesh),
            MeshReason::RootsNotLoaded | MeshReason::NotRead => Some(MeshWait::Restart),
            MeshReason::RemovingRoots => Some(MeshWait::Leaves),
            _ => rotation,
        };
        let same = before.filter(|before| before.waits_for == waits_for);
        let since = same.and_then(|before| before.waits_since.clone());
        let status = MeshStatus {
            loaded_roots: self.loaded.clone(),
            waits_since: waits_for.and_then(|_| since.or_else(|| Some(seconds(now)))),
            waits_for,
        };
        // Server-side apply makes null of an object that has lost its fields.
        Some(status).filter(|status| *status != MeshStatus::default())
    }
}
