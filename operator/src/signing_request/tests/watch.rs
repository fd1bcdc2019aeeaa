use serde_json::{Value, json};

use super::super::intake;
use super::super::watch::{is_due, ours};
use super::{conditions, object, with_spec, with_status};

#[test]
fn csr_7_due_is_what_is_approved_and_not_finished() {
    for (status, due) in [
        (Value::Null, false),
        (json!({}), false),
        (conditions(&["Approved"]), true),
        (conditions(&["Denied"]), false),
        (conditions(&["Approved", "Failed"]), false),
        (
            json!({ "conditions": [{ "type": "Approved", "status": "False" }] }),
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
fn a5_36_others_requests_are_not_cached() {
    let kubelet = json!({ "signerName": "kubernetes.io/kubelet-serving" });
    assert!(ours(with_spec(&kubelet)).is_none());
}

/// Rule A5-39: lifetime and CA come from annotations, so these are kept here.
#[test]
fn a_request_to_work_on_is_cached_with_all_that_the_work_needs() {
    let annotations = json!({
        "experimental.cert-manager.io/request-duration": "1h",
        "experimental.cert-manager.io/request-is-ca": "true",
    });
    let whole = object(&json!({}), &annotations, &conditions(&["Approved"]));
    let cached = ours(whole.clone()).unwrap();
    let (before, after) = (
        intake::read(&whole).unwrap(),
        intake::read(&cached).unwrap(),
    );
    assert_eq!(format!("{before:?}"), format!("{after:?}"));
    assert!(after.1.ca);
}

/// Each of the things that finish a request does so by itself, also once it is cached.
#[test]
fn a5_38_what_makes_a_request_finished_survives_the_cache() {
    let certificate = "Y2Vy".repeat(1000);
    let approved = conditions(&["Approved"])["conditions"].clone();
    for status in [
        json!({ "conditions": approved, "certificate": certificate }),
        conditions(&["Approved", "Failed"]),
        conditions(&["Denied"]),
    ] {
        let cached = ours(with_status(&status)).unwrap();
        assert!(intake::read(&cached).is_none(), "{status}");
        assert!(!is_due(&cached));
        assert!(serde_json::to_string(&cached).unwrap().len() < 1000);
    }
}
