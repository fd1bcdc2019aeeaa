use std::time::Duration;

use kube::core::ObjectList;
use serde_json::{Value, json};
use signet_api::IssuerKind;
use signet_api::external::certificate_request::CertificateRequest;
use signet_core::request::{Api, Approval, Reference};

use super::{
    approved, condition, conditions, denied, object, observed, read, with_spec, with_status,
};
use crate::fixtures::{alice, shop_ca};
use crate::issuer_name::IssuerName;
use crate::requests::kind::{Progress, RequestKind};
use crate::requests::object::Observed;

fn referring(group: &str, kind: &str, name: &str) -> Value {
    let reference = json!({ "group": group, "kind": kind, "name": name });
    with_spec(&json!({ "issuerRef": reference }))
}

fn issuer(object: &Value) -> Option<IssuerName> {
    CertificateRequest::issuer(&serde_json::from_value(object.clone()).unwrap())
}

fn progress(status: &Value) -> Progress {
    CertificateRequest::progress(&serde_json::from_value(status.clone()).unwrap())
}

/// Rule A1-2: an Issuer is looked up beside the request, a ClusterIssuer in the cluster.
#[test]
fn a1_2_the_issuer_is_named_by_kind_and_place() {
    assert_eq!(
        issuer(&referring("signet.dev", "Issuer", "ca")),
        Some(shop_ca())
    );
    let cluster = issuer(&referring("signet.dev", "ClusterIssuer", "ca")).unwrap();
    assert_eq!(cluster.kind, IssuerKind::ClusterIssuer);
    assert_eq!(
        (cluster.namespace.as_str(), cluster.name.as_str()),
        ("", "ca")
    );
}

/// CM-5: an empty kind means `Issuer`, whatever the group.
#[test]
fn cm_5_a_reference_without_a_kind_is_to_an_issuer() {
    assert_eq!(issuer(&referring("signet.dev", "", "ca")), Some(shop_ca()));
}

/// Rule A1-1, CM-5: an empty group means cert-manager's.
#[test]
fn a1_1_group_and_kind_match_exactly_or_the_request_is_not_ours() {
    for (group, kind, name) in [
        ("", "Issuer", "ca"),
        ("", "", "ca"),
        ("Signet.dev", "Issuer", "ca"),
        ("signet.dev/v1alpha1", "Issuer", "ca"),
        ("x.signet.dev", "Issuer", "ca"),
        ("cert-manager.io", "Issuer", "ca"),
        ("signet.dev", "Issuer", ""),
    ] {
        let object = referring(group, kind, name);
        assert_eq!(issuer(&object), None, "{group:?} {kind:?} {name:?}");
        let cached = observed(object);
        assert!(cached.due().is_none() && cached.unapproved().is_none());
    }
}

/// A4-33: no approver can approve it, and its user gets an event.
#[test]
fn a_kind_that_signet_does_not_have_is_never_due() {
    for kind in ["issuer", "Issuers", "MeshCA"] {
        let mut object = referring("signet.dev", kind, "ca");
        let is_unknown = |object: &Value| {
            let cached = observed(object.clone());
            assert!(cached.due().is_none());
            let unknown = cached.unapproved().and_then(|one| one.unknown_kind.clone());
            unknown.as_deref() == Some(kind)
        };
        assert_eq!(issuer(&object), None, "{kind}");
        object["status"] = json!({});
        assert!(is_unknown(&object), "{kind}");
        for (type_, expected) in [("Approved", true), ("Denied", false)] {
            object["status"] = json!({ "conditions": [{ "type": type_, "status": "True" }] });
            assert_eq!(is_unknown(&object), expected, "{kind} {type_}");
        }
    }
}

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
        assert_eq!(object.due().is_some(), due, "{status}");
    }
}

#[test]
fn of_a_finished_request_hardly_anything_is_cached() {
    let cached = with_status(&json!({
        "conditions": [approved(), condition("Ready", "True", "Issued")],
        "certificate": "Y2Vy".repeat(1000),
        "ca": "Y2Vy".repeat(1000),
    }));
    assert!(format!("{cached:?}").len() < 1000);
}

#[test]
fn a1_6_what_is_finished_is_never_read_again() {
    for status in [
        conditions(&[approved(), condition("Ready", "True", "Issued")]),
        conditions(&[approved(), condition("Ready", "False", "Failed")]),
        conditions(&[denied(), condition("Ready", "False", "Denied")]),
        json!({ "conditions": [approved()], "certificate": "Y2VydA==" }),
        json!({ "certificate": "Y2VydA==" }),
        // Rule A1-5.
        conditions(&[approved(), condition("InvalidRequest", "True", "Bad")]),
    ] {
        assert_eq!(progress(&status), Progress::Finished, "{status}");
        assert!(with_status(&status).due().is_none(), "{status}");
    }
}

#[test]
fn a1_6_nothing_else_is_finished() {
    for status in [
        json!({}),
        conditions(&[approved()]),
        conditions(&[approved(), condition("Ready", "False", "Pending")]),
        conditions(&[approved(), condition("Ready", "Unknown", "Initializing")]),
        conditions(&[approved(), condition("InvalidRequest", "False", "Good")]),
        json!({ "conditions": [approved()], "certificate": "" }),
        // Failed once is not failed for good without the condition.
        json!({ "conditions": [approved()], "failureTime": "2026-08-01T00:00:00Z" }),
    ] {
        assert_ne!(progress(&status), Progress::Finished, "{status}");
    }
}

/// Rule A1-4: Denied is looked at before InvalidRequest and Approved.
#[test]
fn a1_4_denied_comes_first() {
    for others in [
        vec![],
        vec![approved()],
        vec![condition("InvalidRequest", "True", "Bad")],
        vec![condition("Ready", "False", "Pending")],
    ] {
        let mut all = others;
        all.push(denied());
        assert_eq!(progress(&conditions(&all)), Progress::Denied, "{all:?}");
        let cached = with_status(&conditions(&all));
        let approval = cached.due().unwrap().request.approval;
        assert_eq!(approval, Approval::Denied, "{all:?}");
    }
}

#[test]
fn a1_3_only_true_approves_and_denies() {
    let pending = Progress::AwaitingApproval;
    let since = "2026-08-01T00:00:00Z".parse().unwrap();
    for (conditions_, expected) in [
        (vec![], pending),
        (vec![approved()], Progress::Approved(Some(since))),
        (vec![condition("Approved", "False", "")], pending),
        (vec![condition("Approved", "Unknown", "")], pending),
        (
            vec![condition("Denied", "False", ""), approved()],
            Progress::Approved(Some(since)),
        ),
    ] {
        let status = conditions(&conditions_);
        assert_eq!(progress(&status), expected, "{conditions_:?}");
    }
}

#[test]
fn the_approval_is_as_old_as_its_condition() {
    let mut untimed: Value = approved();
    untimed["lastTransitionTime"].take();
    let status = conditions(&[untimed]);
    assert_eq!(progress(&status), Progress::Approved(None));
}

#[test]
fn the_spec_is_carried_over_as_it_stands() {
    let spec = json!({ "isCA": true, "usages": ["server auth", "client auth"] });
    let cached = observed(with_spec(&spec));
    let due = cached.due().unwrap();
    assert_eq!(due.issuer, shop_ca());
    let asked = due.request.clone();
    assert_eq!(
        (asked.uid.as_str(), asked.api),
        ("uid-1", Api::CertificateRequest)
    );
    assert_eq!(asked.namespace.as_deref(), Some("shop"));
    assert_eq!(*asked.requester, alice());
    assert_eq!(asked.csr, b"csr");
    assert_eq!(asked.usages, ["server auth", "client auth"]);
    assert!(asked.ca);
    assert_eq!(asked.reference, Reference::Allowed);
    assert_eq!(asked.certificate, None);
}

#[test]
fn what_is_no_base64_is_no_csr() {
    let asked = read(with_spec(&json!({ "request": "%%%" })));
    assert_eq!(asked.csr, b"");
}

#[test]
fn a3_28_90_days_unless_the_spec_says_otherwise() {
    let duration = |duration: Value| read(with_spec(&json!({ "duration": duration }))).duration;
    let days_90 = Duration::from_secs(90 * 24 * 3600);
    assert_eq!(duration(Value::Null), Ok(None));
    assert_eq!(duration(json!("2160h0m0s")), Ok(Some(days_90)));
    assert_eq!(duration(json!("20s")), Ok(Some(Duration::from_secs(20))));
    assert!(duration(json!("soon")).unwrap_err().contains("soon"));
    assert!(duration(json!("-1h")).unwrap_err().contains("negative"));
}

/// Only the controlling owner counts; requesters can write any annotation and label.
#[test]
fn the_certificate_is_the_controlling_owner() {
    let owner = |api_version: &str, kind: &str, controller: Value| {
        json!({
            "apiVersion": api_version, "kind": kind, "name": "web", "uid": "u",
            "controller": controller,
        })
    };
    let with = |owners: Vec<Value>| {
        let mut object = with_spec(&json!({}));
        object["metadata"]["ownerReferences"] = json!(owners);
        object["metadata"]["annotations"] =
            json!({ "cert-manager.io/certificate-name": "annotated" });
        object["metadata"]["labels"] = json!({ "cert-manager.io/certificate-name": "labeled" });
        read(object).certificate
    };
    let certificate = || owner("cert-manager.io/v1", "Certificate", json!(true));
    let other = || owner("apps/v1", "Deployment", json!(false));
    assert_eq!(with(vec![certificate()]).as_deref(), Some("web"));
    assert_eq!(with(vec![other(), certificate()]).as_deref(), Some("web"));
    for owners in [
        vec![],
        vec![owner("cert-manager.io/v1", "Certificate", json!(false))],
        vec![owner("cert-manager.io/v1", "Certificate", Value::Null)],
        vec![owner("evil.io/v1", "Certificate", json!(true))],
        vec![owner("cert-manager.io.evil/v1", "Certificate", json!(true))],
        vec![owner("cert-manager.io/v1", "Issuer", json!(true))],
        vec![owner("apps/v1", "Deployment", json!(true))],
    ] {
        assert_eq!(with(owners.clone()), None, "{owners:?}");
    }
}

/// The schema accepts times that no `Timestamp` holds, from every approver and issuer.
#[test]
fn a_time_beyond_what_can_be_read_does_not_stop_the_list() {
    let mut approved = approved();
    approved["lastTransitionTime"] = json!("9999-12-31T23:59:59Z");
    let status = json!({ "conditions": [approved], "failureTime": "9999-12-31T23:59:59Z" });
    let list = json!({
        "kind": "CertificateRequestList",
        "apiVersion": "cert-manager.io/v1",
        "metadata": { "resourceVersion": "12" },
        "items": [object(&json!({}), &status), with_spec(&json!({}))],
    });
    let list: ObjectList<Observed<CertificateRequest>> =
        serde_json::from_str(&list.to_string()).unwrap();
    let approved_at = |index: usize| {
        let request: &Observed<_> = &list.items[index];
        request.due().unwrap().approved_at
    };
    assert_eq!(approved_at(0), None);
    assert!(approved_at(1).is_some());
}
