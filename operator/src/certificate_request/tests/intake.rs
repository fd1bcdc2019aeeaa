use std::time::Duration;

use serde_json::{Value, json};
use signet_api::IssuerKind;
use signet_api::external::certificate_request::CertificateRequest;
use signet_core::request::{Api, Approval, Reference};

use super::super::intake::{issuer, read};
use super::{approved, condition, conditions, denied, object, with_status};
use crate::fixtures::{alice, shop_ca};

fn referring(group: &str, kind: &str, name: &str) -> CertificateRequest {
    let reference = json!({ "group": group, "kind": kind, "name": name });
    object(&json!({ "issuerRef": reference }), &json!({}))
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
        ("signet.dev", "issuer", "ca"),
        ("signet.dev", "Issuers", "ca"),
        ("signet.dev", "MeshCA", "ca"),
        ("Signet.dev", "Issuer", "ca"),
        ("signet.dev/v1alpha1", "Issuer", "ca"),
        ("x.signet.dev", "Issuer", "ca"),
        ("cert-manager.io", "Issuer", "ca"),
        ("signet.dev", "Issuer", ""),
    ] {
        let object = referring(group, kind, name);
        assert_eq!(issuer(&object), None, "{group:?} {kind:?} {name:?}");
        assert!(read(&object).is_none());
    }
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
        assert!(read(&with_status(&status)).is_none(), "{status}");
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
        assert!(read(&with_status(&status)).is_some(), "{status}");
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
        let (_, asked) = read(&with_status(&conditions(&all))).unwrap();
        assert_eq!(asked.approval, Approval::Denied, "{all:?}");
    }
}

#[test]
fn a1_3_only_true_approves_and_denies() {
    for (conditions_, approval) in [
        (vec![], Approval::Pending),
        (vec![approved()], Approval::Approved),
        (vec![condition("Approved", "False", "")], Approval::Pending),
        (
            vec![condition("Approved", "Unknown", "")],
            Approval::Pending,
        ),
        (
            vec![condition("Denied", "False", ""), approved()],
            Approval::Approved,
        ),
    ] {
        let (_, asked) = read(&with_status(&conditions(&conditions_))).unwrap();
        assert_eq!(asked.approval, approval, "{conditions_:?}");
    }
}

#[test]
fn the_spec_is_carried_over_as_it_stands() {
    let spec = json!({ "isCA": true, "usages": ["server auth", "client auth"] });
    let (issuer, asked) = read(&object(&spec, &json!({}))).unwrap();
    assert_eq!(issuer, shop_ca());
    assert_eq!(
        (asked.uid.as_str(), asked.api),
        ("uid-1", Api::CertificateRequest)
    );
    assert_eq!(asked.namespace.as_deref(), Some("shop"));
    assert_eq!(asked.requester, alice());
    assert_eq!(asked.csr, b"csr");
    assert_eq!(asked.usages, ["server auth", "client auth"]);
    assert!(asked.ca);
    assert_eq!(asked.reference, Reference::Allowed);
    assert_eq!(asked.certificate, None);
}

#[test]
fn what_is_no_base64_is_no_csr() {
    let (_, asked) = read(&object(&json!({ "request": "%%%" }), &json!({}))).unwrap();
    assert_eq!(asked.csr, b"");
}

#[test]
fn a3_28_90_days_unless_the_spec_says_otherwise() {
    let duration = |duration: Value| {
        let spec = json!({ "duration": duration });
        read(&object(&spec, &json!({}))).unwrap().1.duration
    };
    let days_90 = Duration::from_secs(90 * 24 * 3600);
    assert_eq!(duration(Value::Null), Ok(days_90));
    assert_eq!(duration(json!("2160h0m0s")), Ok(days_90));
    assert_eq!(duration(json!("20s")), Ok(Duration::from_secs(20)));
    assert!(duration(json!("soon")).unwrap_err().contains("soon"));
    assert!(duration(json!("-1h")).unwrap_err().contains("negative"));
}

/// Only the controlling owner counts; annotations and labels say the same to anybody.
#[test]
fn the_certificate_is_the_controlling_owner() {
    let owner = |api_version: &str, kind: &str, controller: Value| {
        json!({
            "apiVersion": api_version, "kind": kind, "name": "web", "uid": "u",
            "controller": controller,
        })
    };
    let with = |owners: Vec<Value>| {
        let mut object = serde_json::to_value(with_status(&json!({}))).unwrap();
        object["metadata"]["ownerReferences"] = json!(owners);
        object["metadata"]["annotations"] =
            json!({ "cert-manager.io/certificate-name": "annotated" });
        object["metadata"]["labels"] = json!({ "cert-manager.io/certificate-name": "labelled" });
        read(&serde_json::from_value(object).unwrap())
            .unwrap()
            .1
            .certificate
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
