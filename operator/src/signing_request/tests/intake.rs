use std::time::Duration;

use serde_json::{Value, json};
use signet_core::request::{Api, Approval, Reference, Request};

use super::super::intake::{needs_review, read};
use super::{conditions, object, with_spec, with_status};
use crate::fixtures::{alice, corp, shop_ca};

#[test]
fn the_spec_is_carried_over_as_it_stands() {
    let (issuer, asked) = read(&with_status(&conditions(&["Approved"]))).unwrap();
    assert_eq!(issuer, corp());
    assert_eq!(
        (asked.uid.as_str(), asked.api),
        ("uid-1", Api::CertificateSigningRequest)
    );
    assert_eq!((asked.namespace, asked.certificate), (None, None));
    assert_eq!(asked.requester, alice());
    assert_eq!(asked.csr, b"csr");
    assert_eq!(asked.usages, ["client auth"]);
    assert_eq!(asked.approval, Approval::Approved);
    assert!(!asked.ca);
}

#[test]
fn a5_36_both_forms_of_signer_name_and_no_others() {
    let issuer = |name: &str| read(&with_spec(&json!({ "signerName": name }))).map(|it| it.0);
    assert_eq!(issuer("clusterissuers.signet.dev/corp"), Some(corp()));
    assert_eq!(issuer("issuers.signet.dev/shop.ca"), Some(shop_ca()));
    assert_eq!(issuer("issuers.cert-manager.io/shop.ca"), None);
    assert_eq!(issuer("kubernetes.io/kubelet-serving"), None);
}

/// Rule A5-37: a ClusterIssuer is for everybody, a namespaced one for whom a review allows it.
#[test]
fn a5_37_a_namespaced_issuer_needs_a_review_once_approved() {
    let namespaced = json!({ "signerName": "issuers.signet.dev/shop.ca" });
    for (spec, status, allowed, review) in [
        (json!({}), conditions(&["Approved"]), true, false),
        (namespaced.clone(), conditions(&["Approved"]), false, true),
        (namespaced, json!({}), false, false),
    ] {
        let (issuer, asked) = read(&object(&spec, &json!({}), &status)).unwrap();
        let is_allowed = asked.reference == Reference::Allowed;
        assert_eq!(is_allowed, allowed, "{issuer}");
        assert_eq!(needs_review(&issuer, &asked), review, "{issuer}");
    }
}

#[test]
fn a5_38_denied_failed_and_issued_are_never_read_again() {
    for status in [
        conditions(&["Denied"]),
        conditions(&["Approved", "Failed"]),
        conditions(&["Failed"]),
        json!({ "certificate": "Y2VydA==" }),
    ] {
        assert!(read(&with_status(&status)).is_none(), "{status}");
    }
    let empty = json!({ "certificate": "" });
    assert!(read(&with_status(&empty)).is_some());
}

/// CSR-7: without Approved it is ignored, as long as it takes.
#[test]
fn csr_7_what_nobody_approved_is_ignored() {
    for status in [
        Value::Null,
        json!({}),
        json!({ "conditions": [{ "type": "Approved", "status": "False" }] }),
    ] {
        let (_, asked) = read(&with_status(&status)).unwrap();
        assert_eq!(
            Request::parse(asked).unwrap_err(),
            signet_core::request::Refusal::NotApproved
        );
    }
}

fn duration(seconds: Value, annotation: Value) -> Result<Duration, String> {
    let annotations = json!({ "experimental.cert-manager.io/request-duration": annotation });
    let annotations = if annotation.is_null() {
        json!({})
    } else {
        annotations
    };
    let spec = json!({ "expirationSeconds": seconds });
    read(&object(&spec, &annotations, &json!({})))
        .unwrap()
        .1
        .duration
}

#[test]
fn a5_39_an_annotation_extends_no_lifetime_of_the_spec() {
    let seconds = |seconds| Ok(Duration::from_secs(seconds));
    assert_eq!(duration(json!(7200), json!("1h30m")), seconds(5400));
    assert_eq!(duration(json!(7200), json!("2h")), seconds(7200));
    assert_eq!(duration(json!(7200), json!("87600h")), seconds(7200));
    assert_eq!(duration(json!(7200), Value::Null), seconds(7200));
    assert_eq!(duration(Value::Null, json!("10m")), seconds(600));
    assert_eq!(duration(Value::Null, Value::Null), seconds(90 * 24 * 3600));
}

/// Annotations can be changed after the approval, and policy treats what they request with care.
#[test]
fn what_only_an_annotation_requests_is_marked() {
    let annotated = |spec: Value, annotations: Value| {
        let object = object(&spec, &annotations, &json!({}));
        let annotated = read(&object).unwrap().1.annotated;
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
        let (_, asked) = read(&object(&json!({}), &annotations, &json!({}))).unwrap();
        assert_eq!(asked.ca, ca, "{text:?}");
    }
}
