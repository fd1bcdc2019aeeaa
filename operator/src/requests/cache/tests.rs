//! Events of a watch in; what is cached and what is reconciled out.

use serde_json::{Value, json};
use signet_api::external::certificate_request::CertificateRequest;

use super::*;
use crate::fixtures::{corp, issuer};

type Requests = Cache<CertificateRequest>;

fn object(name: &str, version: &str, spec: &Value, status: &Value) -> Observed<CertificateRequest> {
    let mut object = json!({
        "metadata": {
            "name": name, "namespace": "shop", "uid": format!("{name}-uid"),
            "resourceVersion": version, "creationTimestamp": "2026-08-01T00:00:00Z",
        },
        "spec": {
            "request": "Y3Ny", "username": "alice", "groups": ["staff"],
            "issuerRef": { "group": "signet.dev", "kind": "ClusterIssuer", "name": "corp" },
        },
        "status": status,
    });
    for (key, value) in spec.as_object().into_iter().flatten() {
        object["spec"][key] = value.clone();
    }
    serde_json::from_value(object).unwrap()
}

/// How many requests are due, to any issuer.
fn count_due(cache: &Requests) -> usize {
    let mut counts = DueByIssuer::new();
    cache.count_due(&mut counts);
    counts.values().sum()
}

fn with(name: &str, version: &str, conditions: &[(&str, &str)]) -> Observed<CertificateRequest> {
    let conditions = conditions.iter().map(|(type_, reason)| {
        let status = if *type_ == "Ready" { "False" } else { "True" };
        json!({ "type": type_, "status": status, "reason": reason, "message": "IssuerNotReady: no" })
    });
    let conditions: Vec<_> = conditions.collect();
    object(
        name,
        version,
        &json!({}),
        &json!({ "conditions": conditions }),
    )
}

const APPROVED: (&str, &str) = ("Approved", "policy");

fn new(name: &str) -> Observed<CertificateRequest> {
    with(name, "1", &[])
}

fn approved(name: &str, version: &str) -> Observed<CertificateRequest> {
    with(name, version, &[APPROVED])
}

fn woken(cache: &Requests, object: Observed<CertificateRequest>) -> Option<String> {
    Some(cache.take(Event::Apply(object))?.name.to_string())
}

fn names(keys: &[Key]) -> Vec<&str> {
    let mut names: Vec<_> = keys.iter().map(|key| &*key.name).collect();
    names.sort_unstable();
    names
}

#[test]
fn a_decision_of_an_approver_wakes_and_writes_about_a_request_that_waits_do_not() {
    let cache = Requests::default();
    assert_eq!(woken(&cache, new("a")).as_deref(), Some("a"));
    assert_eq!(woken(&cache, new("a")), None);
    assert_eq!(woken(&cache, approved("a", "2")).as_deref(), Some("a"));
    let pending = with("a", "3", &[APPROVED, ("Ready", "Pending")]);
    assert_eq!(woken(&cache, pending), None);
    let denied = with("a", "4", &[APPROVED, ("Denied", "policy")]);
    assert_eq!(woken(&cache, denied).as_deref(), Some("a"));
}

#[test]
fn a_request_of_the_same_name_is_another() {
    let cache = Requests::default();
    woken(&cache, approved("a", "1"));
    let (mut metadata, state) = approved("a", "2").into_parts();
    metadata.uid = Some("another".to_owned());
    let recreated = Observed::new(metadata, state);
    assert_eq!(woken(&cache, recreated).as_deref(), Some("a"));
}

#[test]
fn what_is_read_later_is_kept() {
    let cache = Requests::default();
    woken(&cache, approved("a", "7"));
    let key = cache.due(None).remove(0);
    let kept = cache.get(&key).unwrap();
    let (metadata, state) = approved("a", "7").into_parts();
    assert_eq!(*kept.meta(), metadata);
    let State::Due(due) = state else {
        panic!("it is approved");
    };
    let kept = kept.due().unwrap();
    assert_eq!(format!("{kept:?}"), format!("{due:?}"));
}

#[test]
fn what_is_finished_deleted_or_not_ours_leaves() {
    let cache = Requests::default();
    for name in ["finished", "deleted", "moved", "stays"] {
        woken(&cache, approved(name, "1"));
    }
    let finished = with("finished", "2", &[APPROVED, ("Ready", "Issued")]);
    assert_eq!(woken(&cache, finished), None);
    assert!(
        cache
            .take(Event::Delete(approved("deleted", "1")))
            .is_none()
    );
    let foreign = json!({ "issuerRef": { "group": "cert-manager.io", "name": "ca" } });
    let foreign = object("moved", "2", &foreign, &json!({}));
    assert_eq!(woken(&cache, foreign), None);
    assert_eq!(names(&cache.due(None)), ["stays"]);
    assert_eq!((count_due(&cache), cache.0.lock().entries.len()), (1, 1));
}

#[test]
fn what_a_listing_does_not_have_leaves_at_its_end() {
    let cache = Requests::default();
    woken(&cache, approved("deleted meanwhile", "1"));
    woken(&cache, approved("same", "1"));
    woken(&cache, new("approved meanwhile"));
    cache.take(Event::Init);
    let listed = |object| Some(cache.take(Event::InitApply(object))?.name.to_string());
    assert_eq!(listed(approved("same", "1")), None);
    let approved_meanwhile = approved("approved meanwhile", "2");
    assert!(listed(approved_meanwhile).is_some());
    assert!(listed(approved("new", "3")).is_some());
    assert_eq!(count_due(&cache), 4, "until all are listed");
    cache.take(Event::InitDone);
    let due = cache.due(None);
    assert_eq!(names(&due), ["approved meanwhile", "new", "same"]);
}

/// The watch delivers what was written later, and a listing may have the version before it.
#[test]
fn a_version_with_its_final_answer_is_not_due() {
    let cache = Requests::default();
    for name in ["a", "b"] {
        woken(&cache, approved(name, "1"));
    }
    let key = |name: &str| {
        let due = cache.due(None);
        due.into_iter().find(|key| &*key.name == name).unwrap()
    };
    let (a, b) = (key("a"), key("b"));
    cache.answered(&a, approved("a", "1").meta());
    cache.answered(&b, approved("b", "0").meta());
    assert_eq!(names(&cache.due(None)), ["b"], "another version of b");
    cache.take(Event::Init);
    for name in ["a", "b"] {
        let listed = Event::InitApply(approved(name, "1"));
        assert_eq!(cache.take(listed), None);
    }
    cache.take(Event::InitDone);
    assert_eq!(names(&cache.due(None)), ["b"]);
    let finished = with("a", "2", &[APPROVED, ("Ready", "Issued")]);
    assert_eq!(woken(&cache, finished), None);
    assert_eq!(cache.0.lock().entries.len(), 1);
    // A user removed the status, and another request has the name.
    cache.answered(&b, approved("b", "1").meta());
    assert_eq!(woken(&cache, approved("b", "2")).as_deref(), Some("b"));
    cache.answered(&b, approved("b", "2").meta());
    let (mut metadata, state) = approved("b", "2").into_parts();
    metadata.uid = Some("another".to_owned());
    let recreated = Observed::new(metadata, state);
    assert_eq!(woken(&cache, recreated).as_deref(), Some("b"));
}

#[test]
fn the_requests_of_an_issuer_are_found() {
    let cache = Requests::default();
    woken(&cache, approved("a", "1"));
    woken(&cache, new("unapproved"));
    let reference =
        json!({ "issuerRef": { "group": "signet.dev", "kind": "Issuer", "name": "ca" } });
    let status = json!({ "conditions": [{ "type": "Approved", "status": "True" }] });
    woken(&cache, object("b", "1", &reference, &status));
    assert_eq!(names(&cache.due(Some(&corp()))), ["a"]);
    assert_eq!(names(&cache.due(Some(&issuer("shop", "ca")))), ["b"]);
    assert_eq!(names(&cache.due(None)), ["a", "b"]);
}

#[test]
fn requests_of_one_requester_have_it_in_common_and_an_answered_backlog_leaves_nothing() {
    let cache = Requests::default();
    let count = 10_000;
    for number in 0..count {
        woken(&cache, approved(&format!("r{number}"), "1"));
    }
    let keys = cache.due(None);
    let requester = |key| {
        cache
            .get(key)
            .unwrap()
            .due()
            .unwrap()
            .request
            .requester
            .clone()
    };
    let first = requester(&keys[0]);
    assert!(keys.iter().all(|key| Arc::ptr_eq(&first, &requester(key))));
    for number in 0..count {
        let finished = [APPROVED, ("Ready", "Issued")];
        woken(&cache, with(&format!("r{number}"), "2", &finished));
    }
    let inner = cache.0.lock();
    assert!(inner.entries.is_empty() && inner.entries.capacity() < 100);
}
