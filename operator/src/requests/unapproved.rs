//! A request that no approver decides on, or can, gets one event, after a while. Pure but for the write.

use std::time::Duration;

use jiff::Timestamp;
use signet_core::reason::Reason;
use signet_core::{duration, quote};

use super::kind::RequestKind;
use super::object::{Observed, Unapproved};
use crate::context::Context;
use crate::issuer_name::IssuerName;
use crate::plan::{Plan, PlannedEvent};

/// Writes the event, which is due. The request is not reconciled again before it is approved, so
/// there is one in each term of leadership.
pub(super) async fn reconcile<K: RequestKind>(
    object: &Observed<K>,
    unapproved: &Unapproved,
    context: &Context,
) -> Result<(), kube::Error> {
    let delay = context.settings.approval_event_delay;
    let plan = Plan {
        status: None,
        event: Some(match &unapproved.unknown_kind {
            None => not_approved::<K>(&unapproved.issuer, delay),
            Some(kind) => unknown_kind(kind),
        }),
    };
    context.writer.apply(object, plan).await?;
    Ok(())
}

/// Returns how long it is until the event; none if it is due.
pub(super) fn remaining(unapproved: &Unapproved, context: &Context) -> Option<Duration> {
    let delay = context.settings.approval_event_delay;
    until_event(unapproved.created, delay, (context.now)())
}

fn until_event(created: Timestamp, delay: Duration, now: Timestamp) -> Option<Duration> {
    let age = Duration::try_from(now.duration_since(created)).unwrap_or_default();
    delay.checked_sub(age).filter(|wait| !wait.is_zero())
}

fn unknown_kind(kind: &str) -> PlannedEvent {
    PlannedEvent {
        warning: true,
        reason: Reason::IssuerNotFound.as_str(),
        action: "Approve",
        note: format!(
            "signet.dev has no issuers of kind {}; write Issuer or ClusterIssuer in issuerRef.kind",
            quote::message(kind)
        ),
    }
}

fn not_approved<K: RequestKind>(issuer: &IssuerName, delay: Duration) -> PlannedEvent {
    PlannedEvent {
        warning: true,
        reason: Reason::NotApproved.as_str(),
        action: "Approve",
        note: format!(
            "no approver has approved or denied this request for {}: {}",
            duration::text(delay),
            K::approvers(issuer)
        ),
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::certificates::v1::CertificateSigningRequest;
    use signet_api::external::certificate_request::CertificateRequest;

    use super::*;
    use crate::fixtures::{NOW, corp, issuer};

    #[test]
    fn is_due_when_the_delay_has_passed() {
        let delay = Duration::from_secs(300);
        let remaining = |age: i64| {
            let created = NOW - jiff::SignedDuration::from_secs(age);
            until_event(created, delay, NOW).map(|wait| wait.as_secs())
        };
        assert_eq!(remaining(0), Some(300));
        assert_eq!(remaining(299), Some(1));
        assert_eq!(remaining(300), None);
        assert_eq!(remaining(86_400), None);
        assert_eq!(remaining(-10), Some(300), "the API server's clock is ahead");
    }

    /// CM-4.
    #[test]
    fn names_the_permission_that_an_approver_needs() {
        let delay = Duration::from_secs(300);
        let note = not_approved::<CertificateRequest>(&corp(), delay).note;
        let permission =
            "the verb approve on signers clusterissuers.signet.dev/* of group cert-manager.io";
        assert!(note.contains(permission), "{note}");
        let note = not_approved::<CertificateSigningRequest>(&issuer("shop", "ca"), delay).note;
        let permission =
            "the verb approve on signers issuers.signet.dev/* of group certificates.k8s.io";
        assert!(note.contains(permission), "{note}");
    }
}
