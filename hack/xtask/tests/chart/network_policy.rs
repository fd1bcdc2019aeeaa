//! The NetworkPolicy: who reaches Signet, and whom it reaches.

use serde_json::json;

use crate::render::Rendered;

#[test]
fn there_is_none_by_default() {
    let rendered = Rendered::with(&[]);
    assert_eq!(rendered.of_kind("NetworkPolicy").count(), 0);
}

/// The ports are those of the pod; without rules for outgoing connections, none is limited.
#[test]
fn only_probes_and_metrics_reach_signet() {
    let rendered = Rendered::with(&["networkPolicy.enabled=true"]);
    let policy = &rendered.get("NetworkPolicy", "signet")["spec"];
    let ports = json!([{ "port": "admin", "protocol": "TCP" }]);
    assert_eq!(
        *policy,
        json!({
            "podSelector": {
                "matchLabels": rendered.get("Deployment", "signet")["spec"]["selector"]["matchLabels"],
            },
            "policyTypes": ["Ingress"],
            "ingress": [{ "ports": ports }],
        })
    );
    assert_eq!(rendered.container()["ports"][0]["name"], "admin");
}

#[test]
fn peers_and_outgoing_connections_can_be_limited() {
    let from = json!([{ "namespaceSelector": { "matchLabels": { "team": "monitoring" } } }]);
    let egress = json!([
        { "ports": [{ "port": 53, "protocol": "UDP" }] },
        { "to": [{ "ipBlock": { "cidr": "10.0.0.0/8" } }], "ports": [{ "port": 6443 }] },
    ]);
    let values = json!({ "enabled": true, "from": from, "egress": egress });
    let rendered = Rendered::with_values(&json!({ "networkPolicy": values }));
    let policy = &rendered.get("NetworkPolicy", "signet")["spec"];
    assert_eq!(policy["policyTypes"], json!(["Ingress", "Egress"]));
    assert_eq!(policy["ingress"][0]["from"], from);
    assert_eq!(policy["egress"], egress);
}
