//! Whether a replica of the operator leads. Pure.

use jiff::SignedDuration;
use k8s_openapi::api::coordination::v1::LeaseSpec;

use super::facts::Facts;
use super::report::{Finding, Level, Section};
use crate::args::Check;
use crate::run::lease::NAME;

/// How much the clocks of the operator and of the command may differ.
const SKEW: SignedDuration = SignedDuration::from_secs(60);

pub(super) fn findings(settings: &Check, facts: &Facts) -> Option<Finding> {
    if !settings.leader_elect {
        return None;
    }
    let subject = format!("Lease {}/{NAME}", settings.leader_election_namespace);
    let (level, message) = match &facts.lease {
        Err(error) => (Level::Unknown, error.clone()),
        Ok(None) => (
            Level::Problem,
            "does not exist: no operator has run; set --leader-election-namespace if it runs in \
             another namespace"
                .to_owned(),
        ),
        Ok(Some(lease)) => holder(&lease.spec.clone().unwrap_or_default(), facts),
    };
    Some(Finding::new(Section::Operator, level, subject, message))
}

fn holder(spec: &LeaseSpec, facts: &Facts) -> (Level, String) {
    let holder = spec.holder_identity.as_deref().unwrap_or_default();
    let Some(renewed) = spec.renew_time.as_ref().map(|time| time.0) else {
        return released();
    };
    if holder.is_empty() {
        return released();
    }
    let seconds = spec.lease_duration_seconds.unwrap_or_default();
    let lasts = SignedDuration::from_secs(seconds.into());
    let age = facts.now.duration_since(renewed);
    if age > lasts + SKEW {
        let message = format!("expired: {holder} renewed it last at {renewed}; no replica leads");
        (Level::Problem, message)
    } else if age > lasts || age < -SKEW {
        let message = format!(
            "{holder} renewed it at {renewed}, and it lasts {seconds} s: unless the clocks differ, no \
             replica leads"
        );
        (Level::Warning, message)
    } else {
        (Level::Ok, format!("{holder} leads"))
    }
}

fn released() -> (Level, String) {
    let message = "is released: no replica leads; start the operator";
    (Level::Problem, message.to_owned())
}
