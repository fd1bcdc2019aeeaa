//! `CertificateRequest`: object in, request and plan out.

mod read;
mod status;

use serde_json::{Value, json};
use signet_api::external::certificate_request::CertificateRequest;
use signet_core::request::RawRequest;

use super::super::object::Observed;

/// A request for the Issuer `shop/ca` of ours.
fn object(spec: &Value, status: &Value) -> Value {
    let mut object = json!({
        "apiVersion": "cert-manager.io/v1",
        "kind": "CertificateRequest",
        "metadata": { "name": "web-1", "namespace": "shop", "uid": "uid-1" },
        "spec": {
            "request": "Y3Ny",
            "issuerRef": { "group": "signet.dev", "kind": "Issuer", "name": "ca" },
            "username": "alice",
            "uid": "alice-1",
            "groups": ["staff"],
            "extra": { "scopes": ["a", "b"] },
        },
        "status": status,
    });
    merge(&mut object["spec"], spec);
    object
}

/// An approved request.
fn with_spec(spec: &Value) -> Value {
    object(spec, &conditions(&[approved()]))
}

fn observed(object: Value) -> Observed<CertificateRequest> {
    serde_json::from_value(object).unwrap()
}

fn with_status(status: &Value) -> Observed<CertificateRequest> {
    observed(object(&json!({}), status))
}

fn read(object: Value) -> RawRequest {
    observed(object).due().unwrap().request.clone()
}

/// What a server-side apply makes of a status, as far as these tests go: our condition replaces
/// the one of its type, other fields replace theirs.
fn applied(before: &Value, status: Value) -> Value {
    let mut status = status;
    let ours = status["conditions"].take();
    let others = before["conditions"].as_array().into_iter().flatten();
    let mut conditions: Vec<Value> = others
        .filter(|condition| condition["type"] != "Ready")
        .cloned()
        .collect();
    conditions.extend(ours.as_array().unwrap().clone());
    status["conditions"] = json!(conditions);
    let mut applied = before.clone();
    merge(&mut applied, &status);
    applied
}

fn merge(into: &mut Value, from: &Value) {
    for (key, value) in from.as_object().into_iter().flatten() {
        into[key] = value.clone();
    }
}

fn condition(type_: &str, status: &str, reason: &str) -> Value {
    json!({
        "type": type_,
        "status": status,
        "reason": reason,
        "message": "",
        "lastTransitionTime": "2026-08-01T00:00:00Z",
    })
}

fn conditions(conditions: &[Value]) -> Value {
    json!({ "conditions": conditions })
}

fn approved() -> Value {
    condition("Approved", "True", "cert-manager.io")
}

fn denied() -> Value {
    condition("Denied", "True", "policy")
}
