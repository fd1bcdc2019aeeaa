use std::time::Duration;

use kube::core::ObjectList;
use serde_json::{Value, json};
use signet_core::request::{Api, Approval, RawRequest, Reference};

use super::{Object, approved, conditions, object, with_status};
use crate::fixtures::{alice, corp, shop_ca};
use crate::requests::certificate_signing_request::needs_review;

fn read(object: &Object) -> RawRequest {
    object.due().unwrap().request.clone()
}

#[test]
fn the_spec_is_carried_over_as_it_stands() {
    let object = with_status(&conditions(&["Approved"]));
    assert_eq!(object.due().unwrap().issuer, corp());
    let asked = read(&object);
    assert_eq!(
        (asked.uid.as_str(), asked.api),
        ("uid-1", Api::CertificateSigningRequest)
    );
    assert_eq!((asked.namespace, asked.certificate), (None, None));
    assert_eq!(*asked.requester, alice());
    assert_eq!(asked.csr, b"csr");
    assert_eq!(asked.usages, ["client auth"]);
    assert_eq!(asked.approval, Approval::Approved);
    assert!(!asked.ca);
}

#[test]
fn a5_36_both_forms_of_signer_name_and_no_others() {
    let issuer = |name: &str| {
        let object = approved(&json!({ "signerName": name }), &json!({}));
        object.due().map(|due| due.issuer.clone())
    };
    assert_eq!(issuer("clusterissuers.signet.dev/corp"), Some(corp()));
    assert_eq!(issuer("issuers.signet.dev/shop.ca"), Some(shop_ca()));
    assert_eq!(issuer("issuers.cert-manager.io/shop.ca"), None);
    assert_eq!(issuer("kubernetes.io/kubelet-serving"), None);
}

/// Rule A5-37: every requester may use a ClusterIssuer; a review decides about a namespaced issuer.
#[test]
fn a5_37_a_namespaced_issuer_needs_a_review_once_approved() {
    let namespaced = json!({ "signerName": "issuers.signet.dev/shop.ca" });
    for (spec, allowed) in [(json!({}), true), (namespaced.clone(), false)] {
        let asked = read(&approved(&spec, &json!({})));
        assert_eq!(asked.reference == Reference::Allowed, allowed, "{spec}");
        assert_eq!(needs_review(&asked), !allowed, "{spec}");
    }
    let unapproved = object(&namespaced, &json!({}), &json!({}));
    assert!(unapproved.due().is_none());
}

#[test]
fn a5_38_denied_failed_and_issued_are_finished() {
    let certificate = "Y2Vy".repeat(1000);
    let approved = conditions(&["Approved"])["conditions"].clone();
    for status in [
        conditions(&["Denied"]),
        conditions(&["Approved", "Denied"]),
        conditions(&["Approved", "Failed"]),
        conditions(&["Failed"]),
        json!({ "certificate": "Y2VydA==" }),
        json!({ "conditions": approved, "certificate": certificate }),
    ] {
        let object = with_status(&status);
        assert!(object.due().is_none(), "{status}");
        assert!(format!("{object:?}").len() < 1000, "cached: {status}");
    }
    let empty = json!({ "conditions": approved, "certificate": "" });
    assert!(with_status(&empty).due().is_some());
}

/// CSR-7: without Approved it is ignored, as long as it takes.
#[test]
fn csr_7_an_unapproved_request_is_ignored() {
    for status in [
        Value::Null,
        json!({}),
        json!({ "conditions": [{ "type": "Approved", "status": "False" }] }),
    ] {
        let object = with_status(&status);
        assert!(object.due().is_none(), "{status}");
        assert!(object.unapproved().is_some(), "{status}");
    }
}

/// The API server accepts times that no `Timestamp` holds, from every approver and signer.
#[test]
fn a_time_beyond_what_can_be_read_does_not_stop_the_list() {
    let text = r#"{
        "kind": "CertificateSigningRequestList",
        "apiVersion": "certificates.k8s.io/v1",
        "metadata": { "resourceVersion": "12" },
        "items": [{
            "metadata": { "name": "odd", "uid": "uid-1", "managedFields": [{
                "manager": "curl", "operation": "Update", "time": "9999-12-31T23:59:59Z"
            }] },
            "spec": {
                "request": "Y3Ny",
                "signerName": "clusterissuers.signet.dev/corp",
                "usages": ["client auth"]
            },
            "status": { "conditions": [{
                "type": "Approved", "status": "True", "reason": "", "message": "",
                "lastUpdateTime": "9999-12-31T23:59:59Z",
                "lastTransitionTime": "9999-12-31T23:59:59Z"
            }] }
        }, {
            "metadata": { "name": "other", "uid": "uid-2" },
            "spec": {
                "request": "Y3Ny",
                "signerName": "example.com/another-signer",
                "usages": ["client auth"]
            },
            "status": {
                "conditions": [{ "type": "Approved", "status": "True", "lastUpdateTime": null }],
                "certificate": "bm90IGEgY2VydGlmaWNhdGU="
            }
        }]
    }"#;
    let list: ObjectList<Object> = serde_json::from_str(text).unwrap();
    let [odd, other] = &list.items[..] else {
        panic!("{list:?}");
    };
    assert_eq!(odd.due().unwrap().approved_at, None);
    assert!(other.due().is_none());
}

fn duration(seconds: Value, annotation: Value) -> Result<Option<Duration>, String> {
    let annotations = json!({ "experimental.cert-manager.io/request-duration": annotation });
    let annotations = if annotation.is_null() {
        json!({})
    } else {
        annotations
    };
    let spec = json!({ "expirationSeconds": seconds });
    read(&approved(&spec, &annotations)).duration
}

#[test]
fn a5_39_an_annotation_extends_no_lifetime_of_the_spec() {
    let seconds = |seconds| Ok(Some(Duration::from_secs(seconds)));
    assert_eq!(duration(json!(7200), json!("1h30m")), seconds(5400));
    assert_eq!(duration(json!(7200), json!("2h")), seconds(7200));
    assert_eq!(duration(json!(7200), json!("87600h")), seconds(7200));
    assert_eq!(duration(json!(7200), Value::Null), seconds(7200));
    assert_eq!(duration(Value::Null, json!("10m")), seconds(600));
    assert_eq!(duration(Value::Null, Value::Null), Ok(None));
}

/// Annotations can be changed after the approval, and policy treats what they request with care.
#[test]
fn what_only_an_annotation_requests_is_marked() {
    let annotated = |spec: Value, annotations: Value| {
        let annotated = read(&approved(&spec, &annotations)).annotated;
        (annotated.duration, annotated.ca)
    };
    let duration = json!({ "experimental.cert-manager.io/request-duration": "1h" });
    let ca = json!({ "experimental.cert-manager.io/request-is-ca": "true" });
    let in_spec = json!({ "expirationSeconds": 7200 });
    assert_eq!(annotated(json!({}), json!({})), (false, false));
    assert_eq!(annotated(json!({}), duration.clone()), (true, false));
    assert_eq!(annotated(in_spec, duration), (false, false));
    assert_eq!(annotated(json!({}), ca), (false, true));
}

/// CSR-2: 600 s is the least, in whichever place it is asked for.
#[test]
fn a5_38_less_than_600_s_is_denied() {
    assert!(duration(json!(600), Value::Null).is_ok());
    for (seconds, annotation) in [
        (json!(599), Value::Null),
        (json!(0), Value::Null),
        (json!(-1), Value::Null),
        (json!(7200), json!("9m59s")),
        (Value::Null, json!("0s")),
    ] {
        let sentence = duration(seconds.clone(), annotation.clone()).unwrap_err();
        assert!(
            sentence.contains("at least 600 s"),
            "{seconds} {annotation}: {sentence}"
        );
    }
}

#[test]
fn a5_38_a_duration_that_cannot_be_read_is_denied_by_the_name_of_its_annotation() {
    for text in ["soon", "", "-1h", "600"] {
        let sentence = duration(json!(7200), json!(text)).unwrap_err();
        let named = sentence.starts_with("experimental.cert-manager.io/request-duration: ");
        assert!(named, "{sentence}");
    }
}

#[test]
fn a5_39_only_the_word_true_asks_for_a_ca() {
    for (text, ca) in [
        ("true", true),
        ("True", false),
        ("1", false),
        ("", false),
        ("false", false),
    ] {
        let annotations = json!({ "experimental.cert-manager.io/request-is-ca": text });
        let asked = read(&approved(&json!({}), &annotations));
        assert_eq!(asked.ca, ca, "{text:?}");
    }
}
