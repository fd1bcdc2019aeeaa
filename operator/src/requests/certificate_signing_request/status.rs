//! An outcome as what is written to a `CertificateSigningRequest`. Pure.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::json;
use signet_core::reason::Reason;

use crate::plan::{Plan, PlannedEvent, seconds};
use crate::requests::outcome::Outcome;

pub(super) fn plan(outcome: &Outcome, now: Timestamp) -> Plan {
    match outcome {
        Outcome::Waiting(wait) => Plan {
            status: None,
            event: Some(PlannedEvent::issue(false, wait.reason, &wait.message)),
        },
        Outcome::Denied(denial) => {
            let failed = json!({
                "type": "Failed",
                "status": "True",
                "reason": denial.reason.as_str(),
                "message": denial.message,
                "lastUpdateTime": seconds(now),
                "lastTransitionTime": seconds(now),
            });
            Plan {
                status: Some(json!({ "conditions": [failed] })),
                event: Some(PlannedEvent::issue(true, denial.reason, &denial.message)),
            }
        }
        Outcome::Issued(certificate) => Plan {
            status: Some(json!({ "certificate": STANDARD.encode(&certificate.chain) })),
            // The API has no message beside a certificate. A lifetime is shortened rarely; usually
            // there is no event.
            event: certificate
                .shortened
                .map(|_| PlannedEvent::issue(false, Reason::Issued, &certificate.message())),
        },
    }
}
