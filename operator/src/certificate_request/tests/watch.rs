use kube::ResourceExt;
use serde_json::json;

use super::super::intake;
use super::super::watch::{is_due, ours};
use super::{approved, condition, conditions, denied, object, with_status};

#[test]
fn cm_3_due_is_what_is_approved_or_denied_and_not_finished() {
    let ready = |status, reason| condition("Ready", status, reason);
    for (status, due) in [
        (json!({}), false),
        (conditions(&[ready("False", "Pending")]), false),
        (conditions(&[approved()]), true),
        (conditions(&[approved(), ready("False", "Pending")]), true),
        (conditions(&[approved(), ready("True", "Issued")]), false),
        (conditions(&[approved(), ready("False", "Failed")]), false),
        (conditions(&[denied()]), true),
        (conditions(&[denied(), ready("False", "Pending")]), true),
        (conditions(&[denied(), ready("False", "Denied")]), false),
        (
            json!({ "conditions": [approved()], "certificate": "Y2VydA==" }),
            false,
        ),
    ] {
        let object = with_status(&status);
        assert_eq!(is_due(&object), due, "{status}");
        // What is cached of it is due exactly when it is itself.
        assert_eq!(is_due(&ours(object).unwrap()), due, "{status}, cached");
    }
}

#[test]
fn a1_1_others_requests_are_not_cached() {
    let reference = json!({ "group": "cert-manager.io", "kind": "Issuer", "name": "ca" });
    let object = object(&json!({ "issuerRef": reference }), &json!({}));
    assert!(ours(object).is_none());
}

#[test]
fn a_request_to_work_on_is_cached_with_all_that_the_work_needs() {
    let mut whole = with_status(&conditions(&[approved()]));
    whole
        .annotations_mut()
        .insert("a".to_owned(), "b".to_owned());
    let cached = ours(whole.clone()).unwrap();
    assert!(cached.annotations().is_empty(), "they never count");
    let (before, after) = (
        intake::read(&whole).unwrap(),
        intake::read(&cached).unwrap(),
    );
    assert_eq!(format!("{before:?}"), format!("{after:?}"));
}

#[test]
fn of_a_finished_request_hardly_anything_is_cached() {
    let status = json!({
        "conditions": [approved(), condition("Ready", "True", "Issued")],
        "certificate": "Y2Vy".repeat(1000),
        "ca": "Y2Vy".repeat(1000),
    });
    let cached = ours(with_status(&status)).unwrap();
    assert!(serde_json::to_string(&cached).unwrap().len() < 1000);
    let status = cached.status.as_ref().unwrap();
    assert!(intake::is_finished(status));
    assert_eq!(status.conditions.len(), 2);
}

/// Each of the things that finish a request does so by itself, also once it is cached.
#[test]
fn a1_6_what_makes_a_request_finished_survives_the_cache() {
    for status in [
        json!({ "conditions": [approved()], "certificate": "Y2VydA==" }),
        conditions(&[approved(), condition("Ready", "False", "Failed")]),
        conditions(&[approved(), condition("InvalidRequest", "True", "Bad")]),
    ] {
        let cached = ours(with_status(&status)).unwrap();
        assert!(intake::read(&cached).is_none(), "{status}");
    }
}
