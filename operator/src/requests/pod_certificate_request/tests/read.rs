use std::time::Duration;

use k8s_openapi::api::certificates::v1beta1::PodCertificateRequest as V1Beta1;
use kube::Resource;
use serde_json::{Value, json};
use signet_core::request::{Api, Approval, BareKey, Pod, RawRequest, Reference, Requester};

use super::{Object, object, with_spec, with_status};
use crate::fixtures::{corp, shop_ca};
use crate::requests::object::Observed;

fn read(object: &Object) -> RawRequest {
    object.due().unwrap().request.clone()
}

#[test]
fn pcr_2_the_spec_is_carried_over_as_it_stands() {
    let object = with_spec(&json!({}));
    assert_eq!(object.due().unwrap().issuer, corp());
    let request = read(&object);
    assert_eq!(
        (request.uid.as_str(), request.api),
        ("uid-1", Api::PodCertificateRequest)
    );
    assert_eq!(request.namespace.as_deref(), Some("shop"));
    assert_eq!(request.approval, Approval::Approved);
    assert_eq!(*request.requester, Requester::default());
    assert_eq!(request.csr, b"stub");
    assert_eq!(request.duration, Ok(Some(Duration::from_secs(86_400))));
    assert_eq!(
        request.usages,
        ["digital signature", "server auth", "client auth"]
    );
    assert!(!request.ca);
    let pod = Pod {
        namespace: "shop".to_owned(),
        name: "web-0".to_owned(),
        uid: "pod-1".to_owned(),
        service_account: "web".to_owned(),
        service_account_uid: "account-1".to_owned(),
        node: "node-a".to_owned(),
        node_uid: "node-1".to_owned(),
        ..Pod::default()
    };
    assert_eq!(request.pod, Some(pod));
}

/// The key and its proof are fields of v1beta1 only.
#[test]
fn pcr_2_the_bare_key_of_v1beta1_is_read() {
    let object = json!({
        "metadata": { "name": "req", "namespace": "shop", "uid": "uid-1" },
        "spec": {
            "signerName": "clusterissuers.signet.dev/corp",
            "podUID": "pod-1",
            "pkixPublicKey": "a2V5",
            "proofOfPossession": "cHJvb2Y=",
        },
    });
    let object: Observed<V1Beta1> = serde_json::from_value(object).unwrap();
    assert_eq!(Observed::<V1Beta1>::version(&()), "v1beta1");
    let request = object.due().unwrap().request.clone();
    let key = BareKey {
        spki: b"key".to_vec(),
        proof: b"proof".to_vec(),
    };
    assert_eq!(request.pod.unwrap().bare_key, Some(key));
    assert_eq!(request.csr, b"");
}

#[test]
fn requests_to_other_signers_are_not_cached() {
    for (signer, is_ours) in [
        ("clusterissuers.signet.dev/corp", true),
        ("issuers.signet.dev/shop.ca", true),
        ("kubernetes.io/kube-apiserver-client-pod", false),
        ("clusterissuers.signet.dev.example.org/corp", false),
        ("example.org/corp", false),
    ] {
        let object = with_spec(&json!({ "signerName": signer }));
        assert_eq!(object.due().is_some(), is_ours, "{signer}");
    }
}

#[test]
fn an_issuer_is_for_pods_of_its_own_namespace() {
    let reference = |signer: &str| {
        let object = with_spec(&json!({ "signerName": signer }));
        read(&object).reference
    };
    assert_eq!(
        reference("clusterissuers.signet.dev/corp"),
        Reference::Allowed
    );
    assert_eq!(reference("issuers.signet.dev/shop.ca"), Reference::Allowed);
    let elsewhere = Reference::Denied {
        namespace: "till".to_owned(),
        name: "ca".to_owned(),
    };
    assert_eq!(reference("issuers.signet.dev/till.ca"), elsewhere);
    let namespaced = with_spec(&json!({ "signerName": "issuers.signet.dev/shop.ca" }));
    assert_eq!(namespaced.due().unwrap().issuer, shop_ca());
}

/// PCR-4: their values are not read.
#[test]
fn the_keys_of_user_annotations_are_carried_over() {
    let annotated = with_spec(&json!({
        "unverifiedUserAnnotations": { "example.org/a": "1", "example.org/b": "2" },
    }));
    let keys = read(&annotated).pod.unwrap().user_annotations;
    assert_eq!(keys, ["example.org/a", "example.org/b"]);
}

#[test]
fn pcr_5_the_lifetime_is_the_maximum_that_is_requested() {
    let duration = |seconds: Value| {
        let object = with_spec(&json!({ "maxExpirationSeconds": seconds }));
        read(&object).duration
    };
    assert_eq!(duration(json!(3600)), Ok(Some(Duration::from_secs(3600))));
    assert_eq!(duration(Value::Null), Ok(Some(Duration::from_secs(86_400))));
    assert!(duration(json!(-1)).is_err());
}

#[test]
fn pcr_9_the_first_condition_is_final() {
    let with = |type_: &str, status: &str| {
        with_status(&json!({ "conditions": [{ "type": type_, "status": status }] }))
    };
    for type_ in ["Issued", "Denied", "Failed"] {
        let object = with(type_, "True");
        assert!(object.due().is_none(), "{type_}");
    }
    assert!(object(&json!({}), &Value::Null).due().is_some());
    assert!(with_status(&json!({})).due().is_some());
}
