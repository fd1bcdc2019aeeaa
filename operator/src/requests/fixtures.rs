//! Outcomes and events that the tests of all request APIs share.

use std::time::Duration;

use signet_core::issue::ValidityPeriod;
use signet_core::reason::Reason;

use super::outcome::{Certificate, Outcome};
use crate::fixtures::NOW;
use crate::plan::PlannedEvent;

pub(super) fn issued() -> Outcome {
    Outcome::Issued(Certificate {
        chain: "chain".to_owned(),
        bundle: "bundle".to_owned(),
        validity: ValidityPeriod::backdated(NOW, Duration::from_secs(24 * 3600)),
        shortened: None,
        spiffe_id: None,
        dropped_usages: Vec::new(),
        trail: Box::default(),
    })
}

pub(super) fn waiting(reason: Reason, message: &str) -> Outcome {
    Outcome::waiting(reason, message.to_owned())
}

pub(super) fn denial(reason: Reason, message: &str) -> Outcome {
    Outcome::Denied(reason.denial(message))
}

pub(super) fn event(warning: bool, reason: &'static str, note: &str) -> Option<PlannedEvent> {
    Some(PlannedEvent {
        warning,
        reason,
        action: "Issue",
        note: note.to_owned(),
    })
}
