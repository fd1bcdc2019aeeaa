use jiff::Timestamp;
use serde_json::{Value, json};
use signet_core::reason::Reason;

use super::{applied, approved, condition, conditions, denied, with_status};
use crate::fixtures::at;
use crate::plan::Plan;
use crate::requests::fixtures::{denial, event, issued, waiting};
use crate::requests::outcome::Outcome;
use crate::requests::reconcile;

/// [`NOW`](crate::fixtures::NOW), with a fraction that no condition may carry.
fn now() -> Timestamp {
    at(0) + jiff::SignedDuration::from_millis(700)
}

const NOW: &str = "2026-09-01T12:00:00Z";
const THEN: &str = "2026-08-01T00:00:00Z";

fn new() -> Value {
    conditions(&[approved()])
}

fn is_due(status: &Value) -> bool {
    with_status(status).due().is_some()
}

/// The plan for an object with this status; what the operator remembers does not count.
fn plan(status: &Value, outcome: &Outcome, now: Timestamp) -> Plan {
    let object = with_status(status);
    let due = object.due().unwrap();
    let plan = reconcile::plan(due, outcome, None, now);
    for reason in Reason::ALL {
        assert_eq!(reconcile::plan(due, outcome, Some(reason), now), plan);
    }
    plan.unwrap_or_default()
}

#[test]
fn a2_16_certificate_ca_and_ready_in_one_write_and_no_event() {
    let status = json!({
        "certificate": "Y2hhaW4=",
        "ca": "YnVuZGxl",
        "conditions": [{
            "type": "Ready",
            "status": "True",
            "reason": "Issued",
            "message": "Certificate issued",
            "lastTransitionTime": NOW,
        }],
    });
    let expected = Plan {
        status: Some(status),
        event: None,
    };
    assert_eq!(plan(&new(), &issued(), now()), expected);
}

#[test]
fn a1_4_a_denial_by_the_approver_is_ready_false_denied_without_an_event() {
    let object = conditions(&[denied()]);
    let outcome = denial(Reason::Denied, "The request was denied.");
    let status = json!({
        "conditions": [{
            "type": "Ready",
            "status": "False",
            "reason": "Denied",
            "message": "The request was denied.",
            "lastTransitionTime": NOW,
        }],
        "failureTime": NOW,
    });
    let expected = Plan {
        status: Some(status),
        event: None,
    };
    assert_eq!(plan(&object, &outcome, now()), expected);
}

#[test]
fn a2_11_failed_has_a_failure_time_and_an_event_whose_message_does_not_repeat_its_reason() {
    let outcome = denial(Reason::WeakKey, "the key is too short");
    let status = json!({
        "conditions": [{
            "type": "Ready",
            "status": "False",
            "reason": "Failed",
            "message": "WeakKey: the key is too short",
            "lastTransitionTime": NOW,
        }],
        "failureTime": NOW,
    });
    let expected = Plan {
        status: Some(status),
        event: event(true, "WeakKey", "the key is too short"),
    };
    assert_eq!(plan(&new(), &outcome, now()), expected);
}

/// CM-6: set once, never moved.
#[test]
fn a2_11_a_failure_time_that_is_there_stays() {
    for outcome in [denial(Reason::Denied, "no"), denial(Reason::WeakKey, "no")] {
        let object = json!({ "conditions": [approved()], "failureTime": THEN });
        let status = plan(&object, &outcome, now()).status.unwrap();
        assert_eq!(status["failureTime"], THEN);
    }
}

/// Rule A2-10: of all that Signet writes, only these reasons mean the end.
#[test]
fn a2_10_every_reason_but_denied_fails_a_request() {
    for reason in Reason::ALL
        .into_iter()
        .filter(|reason| *reason != Reason::Denied)
    {
        let status = plan(&new(), &denial(reason, "no"), now()).status.unwrap();
        assert_eq!(status["conditions"][0]["reason"], "Failed", "{reason}");
        assert_eq!(status["failureTime"], NOW, "{reason}");
    }
}

#[test]
fn a2_17_the_transition_time_moves_with_the_status_alone() {
    for (before, outcome, since) in [
        ("False", denial(Reason::WeakKey, "no"), THEN),
        ("False", waiting(Reason::CaExpired, "no"), THEN),
        ("False", issued(), NOW),
        ("Unknown", waiting(Reason::CaExpired, "no"), NOW),
        ("Unknown", issued(), NOW),
    ] {
        let ready = condition("Ready", before, "Pending");
        let object = conditions(&[approved(), ready]);
        let status = plan(&object, &outcome, now()).status.unwrap();
        let condition = &status["conditions"][0];
        assert_eq!(
            condition["lastTransitionTime"], since,
            "{before} {outcome:?}"
        );
    }
}

/// Rule A2-17: conditions are a map by type, so only ours is applied.
#[test]
fn a2_17_no_condition_of_others_is_written() {
    for outcome in [
        issued(),
        denial(Reason::WeakKey, "no"),
        waiting(Reason::CaExpired, "no"),
    ] {
        let status = plan(&new(), &outcome, now()).status.unwrap();
        assert_eq!(status["conditions"].as_array().unwrap().len(), 1);
        assert_eq!(status["conditions"][0]["type"], "Ready");
    }
}

#[test]
fn a2_19_pending_is_written_and_told_once_a_reason() {
    let message = "Issuer shop/ca does not exist";
    let missing = waiting(Reason::IssuerNotFound, message);
    let first = plan(&new(), &missing, now());
    assert_eq!(first.event, event(false, "IssuerNotFound", message));
    let status = first.status.unwrap();
    assert_eq!(
        status,
        json!({ "conditions": [{
            "type": "Ready",
            "status": "False",
            "reason": "Pending",
            "message": format!("IssuerNotFound: {message}"),
            "lastTransitionTime": NOW,
        }] })
    );
    let pending = applied(&new(), status);
    assert!(is_due(&pending), "it is taken up again");
    let again = waiting(Reason::IssuerNotFound, "another sentence");
    assert_eq!(plan(&pending, &again, at(60)), Plan::default());
    let other = plan(
        &pending,
        &waiting(Reason::IssuerNotReady, "not ready"),
        at(60),
    );
    assert_eq!(other.event, event(false, "IssuerNotReady", "not ready"));
    let condition = &other.status.unwrap()["conditions"][0];
    assert_eq!(condition["lastTransitionTime"], NOW, "it was False before");
}

/// A reason is told from one that it begins with, and others' Pending is not ours.
#[test]
fn a2_19_a_pending_that_says_something_else_is_written_over() {
    for message in [
        "",
        "IssuerNot",
        "IssuerNotFoundAtAll: x",
        "waiting for IssuerNotFound: x",
    ] {
        let mut ready = condition("Ready", "False", "Pending");
        ready["message"] = json!(message);
        let object = conditions(&[approved(), ready]);
        let plan = plan(&object, &waiting(Reason::IssuerNotFound, "x"), now());
        assert!(plan.status.is_some(), "{message:?}");
    }
}

/// A final answer ends it: whatever wrote it does not come back to it.
#[test]
fn a1_6_what_is_written_as_final_is_finished() {
    for (outcome, object) in [
        (issued(), new()),
        (denial(Reason::WeakKey, "no"), new()),
        (denial(Reason::Denied, "no"), conditions(&[denied()])),
    ] {
        assert!(is_due(&object));
        let status = plan(&object, &outcome, now()).status.unwrap();
        assert!(!is_due(&applied(&object, status)), "{outcome:?}");
    }
}
