//! `PodCertificateRequest`: object in, request and plan out.

mod pressure;
mod read;
mod status;

use k8s_openapi::api::certificates::v1::PodCertificateRequest;
use serde_json::{Value, json};

use super::super::object::Observed;

type Object = Observed<PodCertificateRequest>;

/// A request of the pod `shop/web-0` for the ClusterIssuer `corp`.
fn object(spec: &Value, status: &Value) -> Object {
    let mut object = json!({
        "metadata": { "name": "req-web-0-x", "namespace": "shop", "uid": "uid-1" },
        "spec": {
            "signerName": "clusterissuers.signet.dev/corp",
            "podName": "web-0",
            "podUID": "pod-1",
            "serviceAccountName": "web",
            "serviceAccountUID": "account-1",
            "nodeName": "node-a",
            "nodeUID": "node-1",
            "maxExpirationSeconds": 86400,
            "stubPKCS10Request": "c3R1Yg==",
        },
        "status": status,
    });
    for (key, value) in spec.as_object().into_iter().flatten() {
        object["spec"][key] = value.clone();
    }
    serde_json::from_value(object).unwrap()
}

fn with_spec(spec: &Value) -> Object {
    object(spec, &json!({}))
}

fn with_status(status: &Value) -> Object {
    object(&json!({}), status)
}
