//! `CertificateRequest`: object in, intake and plan out.

mod intake;
mod status;
mod watch;

use serde_json::{Value, json};
use signet_api::external::certificate_request::CertificateRequest;

/// A request for the Issuer `shop/ca` of ours.
fn object(spec: &Value, status: &Value) -> CertificateRequest {
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
    serde_json::from_value(object).unwrap()
}

fn with_status(status: &Value) -> CertificateRequest {
    object(&json!({}), status)
}

/// What a server-side apply makes of it, as far as these tests go: our condition replaces the
/// one of its type, other fields replace theirs.
fn applied(object: &CertificateRequest, status: Value) -> CertificateRequest {
    let mut applied = serde_json::to_value(object).unwrap();
    let mut status = status;
    let ours = status["conditions"].take();
    let others = object.status.iter().flat_map(|status| &status.conditions);
    let others = others.filter(|condition| condition.type_ != "Ready");
    let mut conditions: Vec<Value> = others.map(|condition| json!(condition)).collect();
    conditions.extend(ours.as_array().unwrap().clone());
    status["conditions"] = json!(conditions);
    merge(&mut applied["status"], &status);
    serde_json::from_value(applied).unwrap()
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
