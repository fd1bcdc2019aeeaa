//! An outcome as what is written to a `CertificateRequest`. Pure.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde_json::{Value, json};
use signet_api::external::certificate_request::{CertificateRequest, CertificateRequestCondition};
use signet_core::policy::{Denial, Wait};
use signet_core::reason::Reason;

use crate::plan::{Plan, PlannedEvent};
use crate::request::Outcome;

/// The one write about a request.
pub(super) fn plan(object: &CertificateRequest, outcome: &Outcome, now: Timestamp) -> Plan {
    match outcome {
        Outcome::Ignored => Plan::default(),
        Outcome::Waiting(wait) => waiting(object, wait, now),
        Outcome::Denied(denial) => denied(object, denial, now),
        Outcome::Issued {
            chain,
            bundle,
            clamped,
            spiffe_id,
            dropped_usages,
        } => {
            let message = Outcome::issued_message(*clamped, spiffe_id.as_deref(), dropped_usages);
            let ready = condition(object, "True", "Issued", message, now);
            // Certificate, ca and Ready in one write (rule A2-16). No event: it is the hot path.
            let status = json!({
                "certificate": STANDARD.encode(chain),
                "ca": STANDARD.encode(bundle),
                "conditions": [ready],
            });
            Plan {
                status: Some(status),
                event: None,
            }
        }
    }
}

/// When the request was approved, as far as its condition says.
pub(super) fn approved_at(object: &CertificateRequest) -> Option<Timestamp> {
    let approved = object.status.as_ref()?.condition("Approved")?;
    approved.last_transition_time.as_ref().map(|time| time.0)
}

/// Pending is written once a reason, and told once.
fn waiting(object: &CertificateRequest, wait: &Wait, now: Timestamp) -> Plan {
    let before = ready(object).filter(|ready| ready.reason.as_deref() == Some("Pending"));
    let told = before
        .and_then(|ready| ready.message.as_deref())
        .unwrap_or_default();
    if told
        .split_once(": ")
        .is_some_and(|(reason, _)| reason == wait.reason.as_str())
    {
        return Plan::default();
    }
    let message = with_reason(wait.reason, &wait.message);
    let pending = condition(object, "False", "Pending", message, now);
    Plan {
        status: Some(json!({ "conditions": [pending] })),
        event: Some(told_about(false, wait.reason, &wait.message)),
    }
}

/// A final no always has a failureTime (CM-6), set once and never moved.
fn denied(object: &CertificateRequest, denial: &Denial, now: Timestamp) -> Plan {
    let by_approver = denial.reason == Reason::Denied;
    let (reason, message) = if by_approver {
        ("Denied", denial.message.clone())
    } else {
        ("Failed", with_reason(denial.reason, &denial.message))
    };
    let failed = condition(object, "False", reason, message, now);
    let since = object
        .status
        .as_ref()
        .and_then(|status| status.failure_time.clone());
    let status = json!({
        "conditions": [failed],
        "failureTime": since.unwrap_or_else(|| time(now)),
    });
    // Whoever denied it knows (rule A1-4).
    let event = (!by_approver).then(|| told_about(true, denial.reason, &denial.message));
    Plan {
        status: Some(status),
        event,
    }
}

/// A condition's own reason is cert-manager's, so the one of the closed list leads its message.
fn with_reason(reason: Reason, message: &str) -> String {
    format!("{reason}: {message}")
}

fn told_about(warning: bool, reason: Reason, note: &str) -> PlannedEvent {
    PlannedEvent {
        warning,
        reason: reason.as_str(),
        action: "Issue",
        note: note.to_owned(),
    }
}

fn ready(object: &CertificateRequest) -> Option<&CertificateRequestCondition> {
    object.status.as_ref()?.condition("Ready")
}

/// lastTransitionTime moves with the status alone (rule A2-17).
fn condition(
    object: &CertificateRequest,
    status: &str,
    reason: &str,
    message: String,
    now: Timestamp,
) -> Value {
    let unchanged = ready(object).filter(|ready| ready.status == status);
    let since = unchanged.and_then(|ready| ready.last_transition_time.clone());
    json!({
        "type": "Ready",
        "status": status,
        "reason": reason,
        "message": message,
        "lastTransitionTime": since.unwrap_or_else(|| time(now)),
    })
}

fn time(now: Timestamp) -> Time {
    Time(Timestamp::from_second(now.as_second()).unwrap_or(now))
}
