//! An outcome as what is written to a `CertificateSigningRequest`. Pure.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use k8s_openapi::api::certificates::v1::CertificateSigningRequest;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde_json::json;
use signet_core::reason::Reason;

use crate::plan::{Plan, PlannedEvent};
use crate::request::Outcome;

/// The one write about a request.
///
/// The API has no condition for what is under way (rule A5-40), so waiting is told by an event,
/// and only when it is `news`.
pub(super) fn plan(outcome: &Outcome, news: bool, now: Timestamp) -> Plan {
    match outcome {
        Outcome::Ignored => Plan::default(),
        Outcome::Waiting(wait) => Plan {
            status: None,
            event: news.then(|| told(false, wait.reason, wait.message.clone())),
        },
        Outcome::Denied(denial) => {
            let now = Time(Timestamp::from_second(now.as_second()).unwrap_or(now));
            let failed = json!({
                "type": "Failed",
                "status": "True",
                "reason": denial.reason.as_str(),
                "message": denial.message,
                "lastUpdateTime": now,
                "lastTransitionTime": now,
            });
            Plan {
                status: Some(json!({ "conditions": [failed] })),
                event: Some(told(true, denial.reason, denial.message.clone())),
            }
        }
        Outcome::Issued {
            chain,
            clamped,
            spiffe_id,
            dropped_usages,
            ..
        } => Plan {
            status: Some(json!({ "certificate": STANDARD.encode(chain) })),
            // The API has no place for a message beside a certificate, so that the lifetime was
            // cut is told by an event. It is not the usual case, which has none.
            event: clamped.map(|_| {
                let note = Outcome::issued_message(*clamped, spiffe_id.as_deref(), dropped_usages);
                told(false, Reason::Issued, note)
            }),
        },
    }
}

/// When the request was approved, as far as its condition says.
pub(super) fn approved_at(object: &CertificateSigningRequest) -> Option<Timestamp> {
    let conditions = object.status.as_ref()?.conditions.as_deref()?;
    let approved = conditions
        .iter()
        .find(|condition| condition.type_ == "Approved")?;
    approved.last_update_time.as_ref().map(|time| time.0)
}

fn told(warning: bool, reason: Reason, note: String) -> PlannedEvent {
    PlannedEvent {
        warning,
        reason: reason.as_str(),
        action: "Issue",
        note,
    }
}
