//! `CertificateSigningRequest`: object in, request and plan out.

mod read;
mod status;

use k8s_openapi::api::certificates::v1::CertificateSigningRequest;
use serde_json::{Value, json};

use super::super::object::Observed;

type Object = Observed<CertificateSigningRequest>;

/// A request for the ClusterIssuer `corp`.
fn object(spec: &Value, annotations: &Value, status: &Value) -> Object {
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

fn with_status(status: &Value) -> Object {
    object(&json!({}), &json!({}), status)
}

/// An approved request.
fn approved(spec: &Value, annotations: &Value) -> Object {
    object(spec, annotations, &conditions(&["Approved"]))
}

fn conditions(types: &[&str]) -> Value {
    let conditions: Vec<_> = types
        .iter()
        .map(|type_| json!({ "type": type_, "status": "True" }))
        .collect();
    json!({ "conditions": conditions })
}
