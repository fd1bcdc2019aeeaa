use serde_json::json;
use signet_core::reason::Reason;

use super::{conditions, with_status};
use crate::fixtures::at;
use crate::plan::Plan;
use crate::requests::fixtures::{denial, event, issued, waiting};
use crate::requests::outcome::Outcome;
use crate::requests::reconcile;

fn plan(outcome: &Outcome, reported: Option<Reason>, now: jiff::Timestamp) -> Option<Plan> {
    let object = with_status(&conditions(&["Approved"]));
    reconcile::plan(object.due().unwrap(), outcome, reported, now)
}

fn too_short() -> Outcome {
    denial(Reason::InvalidDuration, "too short")
}

/// CSR-5, CSR-8: the chain alone; there is no room for a bundle. No event: it is the hot path.
#[test]
fn csr_5_the_certificate_is_all_that_is_written() {
    for reported in [None, Some(Reason::Issued)] {
        let expected = Plan {
            status: Some(json!({ "certificate": "Y2hhaW4=" })),
            event: None,
        };
        assert_eq!(plan(&issued(), reported, at(0)), Some(expected));
    }
}

/// CSR-6, CSR-7: Failed, with status True, and no condition of others.
#[test]
fn csr_7_a_final_no_is_the_failed_condition_and_a_warning() {
    let now = at(0) + jiff::SignedDuration::from_millis(700);
    let failed = json!({
        "type": "Failed",
        "status": "True",
        "reason": "InvalidDuration",
        "message": "too short",
        "lastUpdateTime": "2026-09-01T12:00:00Z",
        "lastTransitionTime": "2026-09-01T12:00:00Z",
    });
    let expected = Plan {
        status: Some(json!({ "conditions": [failed] })),
        event: event(true, "InvalidDuration", "too short"),
    };
    assert_eq!(plan(&too_short(), None, now), Some(expected));
}

/// Rule A5-40: there is no condition for what is under way.
#[test]
fn a5_40_waiting_is_reported_by_an_event_when_it_is_news_and_never_written() {
    let waiting = waiting(Reason::IssuerNotFound, "ClusterIssuer corp does not exist");
    let news = Plan {
        status: None,
        event: event(false, "IssuerNotFound", "ClusterIssuer corp does not exist"),
    };
    for reported in [None, Some(Reason::IssuerNotReady)] {
        assert_eq!(plan(&waiting, reported, at(0)), Some(news.clone()));
    }
    let reported = Some(Reason::IssuerNotFound);
    assert_eq!(plan(&waiting, reported, at(0)), None);
}

#[test]
fn a5_38_what_is_written_as_final_is_finished() {
    for outcome in [issued(), too_short()] {
        let mut status = plan(&outcome, None, at(0)).unwrap().status.unwrap();
        let approved = conditions(&["Approved"])["conditions"][0].clone();
        match status["conditions"].as_array_mut() {
            Some(conditions) => conditions.push(approved),
            None => status["conditions"] = json!([approved]),
        }
        assert!(with_status(&status).due().is_none(), "{status}");
    }
}
