use std::collections::BTreeSet;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use signet_core::issue::ValidityPeriod;
use signet_core::reason::Reason;

use super::{PodCertificateRequest, with_status};
use crate::fixtures::NOW;
use crate::plan::Plan;
use crate::requests::fixtures::{denial, event, issued, waiting};
use crate::requests::kind::RequestKind;
use crate::requests::outcome::Outcome;
use crate::requests::reconcile;

fn plan(outcome: &Outcome, reported: Option<Reason>) -> Option<Plan> {
    let object = with_status(&json!({}));
    reconcile::plan(object.due().unwrap(), outcome, reported, NOW)
}

fn status(outcome: &Outcome) -> Value {
    plan(outcome, None).unwrap().status.unwrap()
}

/// PCR-8, PCR-10: with Denied or Failed there is nothing else.
#[test]
fn pcr_10_a_refusal_is_one_condition_and_nothing_else() {
    for (reason, type_, shown) in [
        (Reason::IdentityNotAllowed, "Denied", "IdentityNotAllowed"),
        (Reason::PodNotAllowed, "Denied", "PodNotAllowed"),
        (Reason::DeniedReference, "Denied", "DeniedReference"),
        (Reason::InvalidName, "Denied", "InvalidName"),
        (Reason::InvalidCsr, "Denied", "InvalidCsr"),
        (Reason::InvalidSignature, "Denied", "InvalidSignature"),
        (Reason::UnsupportedKey, "Denied", "UnsupportedKeyType"),
        (Reason::WeakKey, "Denied", "UnsupportedKeyType"),
        (
            Reason::InvalidUnverifiedUserAnnotations,
            "Denied",
            "InvalidUnverifiedUserAnnotations",
        ),
        (Reason::UnsupportedByApi, "Failed", "UnsupportedByApi"),
        (Reason::CertificateTooLong, "Failed", "CertificateTooLong"),
    ] {
        let outcome = denial(reason, "why");
        let expected = json!({ "conditions": [{
            "type": type_,
            "status": "True",
            "reason": shown,
            "message": "why",
            "lastTransitionTime": "2026-09-01T12:00:00Z",
        }] });
        assert_eq!(status(&outcome), expected);
        let written = plan(&outcome, None).unwrap().event;
        assert_eq!(written, event(true, reason.as_str(), "why"));
    }
}

#[test]
fn pcr_15_a_certificate_is_written_with_its_times_and_issued_in_one() {
    let mut written = status(&issued());
    let refresh = written.as_object_mut().unwrap().remove("beginRefreshAt");
    assert!(refresh.is_some());
    assert_eq!(
        written,
        json!({
            "certificateChain": "chain",
            "notBefore": "2026-09-01T11:59:00Z",
            "notAfter": "2026-09-02T11:59:00Z",
            "conditions": [{
                "type": "Issued",
                "status": "True",
                "reason": "Issued",
                "message": "Certificate issued",
                "lastTransitionTime": "2026-09-01T12:00:00Z",
            }],
        })
    );
    assert_eq!(plan(&issued(), None).unwrap().event, None);
}

fn refresh_at(chain: &str, lifetime: Duration) -> (ValidityPeriod, Timestamp) {
    let Outcome::Issued(mut certificate) = issued() else {
        panic!("not issued");
    };
    certificate.chain = chain.to_owned();
    certificate.validity = ValidityPeriod::backdated(NOW, lifetime);
    let written = status(&Outcome::Issued(certificate.clone()));
    let at = written["beginRefreshAt"].as_str().unwrap();
    (certificate.validity, at.parse().unwrap())
}

/// From an hour (PCR-14) to 91 days (PCR-5).
#[test]
fn pcr_15_the_refresh_is_near_the_middle_and_ten_minutes_from_both_ends() {
    let margin = SignedDuration::from_mins(10);
    for seconds in [3600, 3601, 7200, 86_400, 7_862_400] {
        let mut times = BTreeSet::new();
        for certificate in 0..200 {
            let lifetime = Duration::from_secs(seconds);
            let (validity, at) = refresh_at(&certificate.to_string(), lifetime);
            assert!(at >= validity.not_before + margin, "{seconds}");
            assert!(at <= validity.not_after - margin, "{seconds}");
            let elapsed = at.duration_since(validity.not_before).as_secs_f64();
            let part = elapsed / lifetime.as_secs_f64();
            assert!((0.499..=0.6).contains(&part), "{part}");
            times.insert(at);
        }
        assert!(times.len() > 50, "{} times", times.len());
    }
}

/// PCR-8: there is no condition for what is under way.
#[test]
fn pcr_8_waiting_is_an_event_once_per_reason_and_never_a_condition() {
    let waiting = waiting(Reason::IssuerNotReady, "it is not ready");
    let news = Plan {
        status: None,
        event: event(false, "IssuerNotReady", "it is not ready"),
    };
    for reported in [None, Some(Reason::IssuerNotFound)] {
        assert_eq!(plan(&waiting, reported), Some(news.clone()));
    }
    assert_eq!(plan(&waiting, Some(Reason::IssuerNotReady)), None);
}

#[test]
fn pcr_9_what_is_written_is_finished() {
    for outcome in [issued(), denial(Reason::UnsupportedByApi, "no")] {
        assert!(with_status(&status(&outcome)).due().is_none());
    }
}

fn rejection(field: &str) -> kube::core::Status {
    serde_json::from_value(json!({
        "status": "Failure", "code": 422, "reason": "Invalid", "message": "invalid: why",
        "details": { "causes": [{ "reason": "FieldValueInvalid", "field": field, "message": "why" }] },
    }))
    .unwrap()
}

#[test]
fn pcr_11_a_certificate_that_the_api_server_rejects_fails() {
    let denial = PodCertificateRequest::rejected(&rejection("status.certificateChain")).unwrap();
    assert_eq!(denial.reason, Reason::UnsupportedByApi);
    assert!(
        denial.message.contains("invalid: why"),
        "{}",
        denial.message
    );
}

/// PCR-12: a clock that is five minutes off is set again; a request that failed stays so.
#[test]
fn pcr_12_a_wrong_clock_does_not_fail_requests() {
    let outcome = PodCertificateRequest::rejected(&rejection("status.notBefore"));
    assert_eq!(outcome, None);
}
