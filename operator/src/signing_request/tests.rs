//! `CertificateSigningRequest`: object in, intake and plan out.

mod intake;
mod reference;
mod status;
mod watch;

use k8s_openapi::api::certificates::v1::CertificateSigningRequest;
use serde_json::{Value, json};

/// A request for the ClusterIssuer `corp`.
fn object(spec: &Value, annotations: &Value, status: &Value) -> CertificateSigningRequest {
    let mut object = json!({
        "metadata": { "name": "web", "uid": "uid-1", "annotations": annotations },
        "spec": {
            "request": "Y3Ny",
            "signerName": "clusterissuers.signet.dev/corp",
            "usages": ["client auth"],
            "username": "alice",
            "uid": "alice-1",
            "groups": ["staff"],
            "extra": { "scopes": ["a", "b"] },
        },
        "status": status,
    });
    for (key, value) in spec.as_object().into_iter().flatten() {
        object["spec"][key] = value.clone();
    }
    serde_json::from_value(object).unwrap()
}

fn with_status(status: &Value) -> CertificateSigningRequest {
    object(&json!({}), &json!({}), status)
}

fn with_spec(spec: &Value) -> CertificateSigningRequest {
    object(spec, &json!({}), &json!({}))
}

fn conditions(types: &[&str]) -> Value {
    let conditions: Vec<_> = types
        .iter()
        .map(|type_| json!({ "type": type_, "status": "True" }))
        .collect();
    json!({ "conditions": conditions })
}
