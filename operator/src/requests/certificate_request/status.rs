//! An outcome as what is written to a `CertificateRequest`. Pure.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde_json::{Value, json};
use signet_api::external::certificate_request::{
    CertificateRequestCondition, CertificateRequestStatus,
};
use signet_core::policy::Denial;
use signet_core::reason::Reason;

use crate::plan::{Plan, PlannedEvent, seconds};
use crate::requests::outcome::Outcome;

/// What an answer depends on in the status that it replaces. A backlog has one for each request, so it
/// has no text.
#[derive(Clone, Debug, Default)]
pub(in crate::requests) struct Before {
    /// The status of Ready; none if there is no such condition, or it is neither true nor false.
    ready: Option<bool>,
    /// Since when Ready has that status.
    since: Option<Time>,
    /// The reason for which the request waits, as the condition's message has it.
    pending: Option<Reason>,
    failure_time: Option<Time>,
}

impl From<CertificateRequestStatus> for Before {
    fn from(status: CertificateRequestStatus) -> Self {
        let ready = status.condition("Ready");
        Self {
            ready: ready.and_then(|ready| match &*ready.status {
                "True" => Some(true),
                "False" => Some(false),
                _ => None,
            }),
            since: ready.and_then(|ready| ready.last_transition_time.clone()),
            pending: ready.and_then(pending_reason),
            failure_time: status.failure_time,
        }
    }
}

fn pending_reason(ready: &CertificateRequestCondition) -> Option<Reason> {
    let message = ready.message.as_deref();
    let message = message.filter(|_| ready.reason.as_deref() == Some("Pending"))?;
    let (reason, _) = message.split_once(": ")?;
    let mut all = Reason::ALL.into_iter();
    all.find(|known| known.as_str() == reason)
}

impl Before {
    /// Returns the reason for which the status says that the request waits.
    pub(super) fn pending_reason(&self) -> Option<&str> {
        self.pending.map(Reason::as_str)
    }
}

pub(super) fn plan(before: &Before, outcome: &Outcome, now: Timestamp) -> Plan {
    match outcome {
        Outcome::Waiting(wait) => {
            let message = with_reason(wait.reason, &wait.message);
            let pending = ready(before, (false, "Pending"), message, now);
            Plan {
                status: Some(json!({ "conditions": [pending] })),
                event: Some(PlannedEvent::issue(false, wait.reason, &wait.message)),
            }
        }
        Outcome::Denied(denial) => denied(before, denial, now),
        // Certificate, ca and Ready in one write (rule A2-16). No event: it is the hot path.
        Outcome::Issued(certificate) => Plan {
            status: Some(json!({
                "certificate": STANDARD.encode(&certificate.chain),
                "ca": STANDARD.encode(&certificate.bundle),
                "conditions": [ready(before, (true, "Issued"), certificate.message(), now)],
            })),
            event: None,
        },
    }
}

/// A final failure always has a failureTime (CM-6), set once and never moved.
fn denied(before: &Before, denial: &Denial, now: Timestamp) -> Plan {
    let by_approver = denial.reason == Reason::Denied;
    let (reason, message) = match by_approver {
        true => ("Denied", denial.message.clone()),
        false => ("Failed", with_reason(denial.reason, &denial.message)),
    };
    let failure_time = before.failure_time.clone();
    Plan {
        status: Some(json!({
            "conditions": [ready(before, (false, reason), message, now)],
            "failureTime": failure_time.unwrap_or_else(|| seconds(now)),
        })),
        // An approver's own denial is not reported to them (rule A1-4).
        event: (!by_approver).then(|| PlannedEvent::issue(true, denial.reason, &denial.message)),
    }
}

/// A condition's own reason is cert-manager's, so the one of the closed list leads its message.
fn with_reason(reason: Reason, message: &str) -> String {
    format!("{reason}: {message}")
}

/// Returns the Ready condition. Its lastTransitionTime moves only with the status (rule A2-17).
fn ready(
    before: &Before,
    (status, reason): (bool, &str),
    message: String,
    now: Timestamp,
) -> Value {
    let since = before.since.clone();
    let since = since.filter(|_| before.ready == Some(status));
    json!({
        "type": "Ready",
        "status": if status { "True" } else { "False" },
        "reason": reason,
        "message": message,
        "lastTransitionTime": since.unwrap_or_else(|| seconds(now)),
    })
}
