//! The status of a `PodCertificateRequest`: how it is read, and an outcome as what is written. Pure.

use aws_lc_rs::digest::{SHA256, digest};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};
use signet_core::issue::ValidityPeriod;
use signet_core::policy::Denial;
use signet_core::reason::Reason;

use crate::plan::{Plan, PlannedEvent, seconds};
use crate::requests::outcome::{Certificate, Outcome};

/// The status as far as it is read. The API server accepts no other types of conditions (PCR-8).
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::requests) struct Status {
    conditions: Vec<Condition>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Condition {
    #[serde(rename = "type")]
    type_: String,
    status: String,
}

impl Status {
    pub(super) fn is_final(&self) -> bool {
        let is_final = |type_: &str| matches!(type_, "Issued" | "Denied" | "Failed");
        let mut conditions = self.conditions.iter();
        conditions.any(|condition| condition.status == "True" && is_final(&condition.type_))
    }
}

pub(super) fn plan(outcome: &Outcome, now: Timestamp) -> Plan {
    match outcome {
        Outcome::Waiting(wait) => Plan {
            status: None,
            event: Some(PlannedEvent::issue(false, wait.reason, &wait.message)),
        },
        Outcome::Denied(denial) => refused(denial, now),
        Outcome::Issued(certificate) => Plan {
            status: Some(issued(certificate, now)),
            // As for a CertificateSigningRequest.
            event: certificate
                .shortened
                .map(|_| PlannedEvent::issue(false, Reason::Issued, &certificate.message())),
        },
    }
}

/// All fields in one write (PCR-15).
fn issued(certificate: &Certificate, now: Timestamp) -> Value {
    let validity = certificate.validity;
    let issued = ("Issued", Reason::Issued.as_str());
    json!({
        "certificateChain": certificate.chain,
        "notBefore": seconds(validity.not_before),
        "notAfter": seconds(validity.not_after),
        "beginRefreshAt": seconds(refresh_at(validity, &certificate.chain)),
        "conditions": [condition(issued, &certificate.message(), now)],
    })
}

/// Nothing but the condition (PCR-10).
fn refused(denial: &Denial, now: Timestamp) -> Plan {
    let type_ = match denial.reason {
        Reason::UnsupportedByApi | Reason::CertificateTooLong => "Failed",
        _ => "Denied",
    };
    let condition = condition((type_, reason(denial.reason)), &denial.message, now);
    Plan {
        status: Some(json!({ "conditions": [condition] })),
        event: Some(PlannedEvent::issue(true, denial.reason, &denial.message)),
    }
}

/// Returns the reason in the API's words, where it has some (PCR-4).
fn reason(reason: Reason) -> &'static str {
    match reason {
        Reason::UnsupportedKey | Reason::WeakKey => "UnsupportedKeyType",
        other => other.as_str(),
    }
}

fn condition((type_, reason): (&str, &str), message: &str, now: Timestamp) -> Value {
    json!({
        "type": type_,
        "status": "True",
        "reason": reason,
        "message": message,
        "lastTransitionTime": seconds(now),
    })
}

/// Returns a time between half and three fifths of the lifetime (PCR-15), which differs between
/// certificates: the pods of a node that start together must not all renew together.
fn refresh_at(validity: ValidityPeriod, chain: &str) -> Timestamp {
    let lifetime = validity.not_after.duration_since(validity.not_before);
    let hash = digest(&SHA256, chain.as_bytes());
    let jitter = lifetime / 10 / 256 * i32::from(hash.as_ref()[0]);
    let at = validity.not_before.checked_add(lifetime / 2 + jitter);
    at.unwrap_or(validity.not_after - SignedDuration::from_mins(10))
}
