//! What the API server refuses in `spec.policy.rules`.

use serde_json::{Value, json};

use super::Wrong;

/// A rule that is right.
fn right() -> Value {
    json!({
        "name": "shops",
        "requesters": { "certificates": { "namespaces": ["shop"] } },
        "allow": { "dnsNames": ["*.{namespace}.svc.cluster.local"] },
    })
}

/// A spec whose only rule is the right one with a change.
fn rule(change: &Value) -> Value {
    let mut rule = right();
    super::merge(&mut rule, change);
    json!({ "policy": { "rules": [rule] } })
}

fn requesters(requesters: Value) -> Value {
    let mut rule = right();
    rule["requesters"] = requesters;
    json!({ "policy": { "rules": [rule] } })
}

fn allow(allow: Value) -> Value {
    let mut rule = right();
    rule["allow"] = allow;
    json!({ "policy": { "rules": [rule] } })
}

fn delegates(change: &Value) -> Value {
    let mut delegates = json!({ "users": ["broker"], "for": { "namespaces": ["shop"] } });
    super::merge(&mut delegates, change);
    requesters(json!({ "delegates": delegates }))
}

pub(super) fn wrong() -> Wrong {
    [
        wrong_rules(),
        wrong_requesters(),
        wrong_delegates(),
        wrong_allows(),
        selected_by_label(),
        beside_the_rest_of_the_spec(),
    ]
    .concat()
}

fn wrong_rules() -> Wrong {
    let many: Vec<_> = (0..65)
        .map(|number| {
            let mut rule = right();
            rule["name"] = json!(format!("rule-{number}"));
            rule
        })
        .collect();
    vec![
        (json!({ "policy": {} }), "spec.policy.rules: Required value"),
        (
            json!({ "policy": { "rules": [] } }),
            "should have at least 1 items",
        ),
        (
            json!({ "policy": { "rules": many } }),
            "must have at most 64 items",
        ),
        (
            json!({ "policy": { "rules": [right(), right()] } }),
            "Duplicate value",
        ),
        (rule(&json!({ "name": null })), "name: Required value"),
        (rule(&json!({ "name": "Shops" })), "rules[0].name"),
        (rule(&json!({ "preset": "Default" })), "set preset or allow"),
        (rule(&json!({ "allow": null })), "set preset or allow"),
        (
            rule(&json!({ "requesters": null })),
            "requesters is required without a preset",
        ),
        (
            json!({ "policy": { "rules": [{ "name": "mesh", "preset": "istio" }] } }),
            "supported values: \"Default\", \"Istio\"",
        ),
    ]
}

fn wrong_requesters() -> Wrong {
    let selector = json!({ "matchLabels": { "team": "shop" } });
    let kinds = "name exactly one of: serviceAccounts, certificates, pods, delegates";
    let many: Vec<_> = (0..257).map(|number| format!("ns-{number}")).collect();
    vec![
        (requesters(json!({})), kinds),
        (
            rule(&json!({ "requesters": { "pods": { "namespaces": ["shop"] } } })),
            kinds,
        ),
        (
            requesters(json!({ "certificates": {} })),
            "set namespaces or namespaceSelector",
        ),
        (
            requesters(json!({ "pods": { "namespaces": ["a"], "namespaceSelector": selector } })),
            "set namespaces or namespaceSelector",
        ),
        (
            requesters(json!({ "certificates": { "namespaces": ["*"] } })),
            "certificates.namespaces[0]",
        ),
        (
            requesters(json!({ "certificates": { "namespaces": many } })),
            "must have at most 256 items",
        ),
        (
            requesters(
                json!({ "pods": { "namespaceSelector": { "matchLabels": { "a b": "c" } } } }),
            ),
            "a label's key",
        ),
        (
            requesters(json!({ "serviceAccounts": [] })),
            "should have at least 1 items",
        ),
        (
            requesters(json!({ "serviceAccounts": [{ "name": "server" }] })),
            "set namespace or namespaceSelector",
        ),
        (
            requesters(
                json!({ "serviceAccounts": [{ "namespaceSelector": selector, "name": "a" }] }),
            ),
            "name requires namespace",
        ),
        (
            requesters(json!({
                "serviceAccounts": [{ "namespaceSelector": selector }, { "namespace": "a" }],
            })),
            "an entry with namespaceSelector must be the only one",
        ),
    ]
}

fn wrong_delegates() -> Wrong {
    let users = "must not be ServiceAccounts";
    let groups = "must not be system:masters";
    vec![
        (
            delegates(&json!({ "users": null })),
            "name at least one delegate",
        ),
        (
            delegates(&json!({ "for": null })),
            "delegates.for: Required value",
        ),
        (
            requesters(json!({ "delegates": { "users": ["broker"], "for": {} } })),
            "set namespaces or namespaceSelector",
        ),
        (
            delegates(&json!({ "users": ["system:serviceaccount:shop:web"] })),
            users,
        ),
        (delegates(&json!({ "users": ["system:anonymous"] })), users),
        (
            delegates(&json!({ "groups": ["system:serviceaccounts:shop"] })),
            groups,
        ),
        (delegates(&json!({ "groups": ["system:masters"] })), groups),
        (
            delegates(&json!({ "groups": ["system:authenticated"] })),
            groups,
        ),
        (
            delegates(&json!({ "serviceAccounts": [{ "namespace": "mesh" }] })),
            "serviceAccounts[0].name: Required value",
        ),
        (
            delegates(&json!({ "own": { "dnsNames": ["a.b"] } })),
            "own.spiffeId: Required value",
        ),
    ]
}

fn wrong_allows() -> Wrong {
    let path = "must be paths such as /ns/{namespace}/sa/{serviceAccount}";
    let with = |field: &str, value: Value| rule(&json!({ "allow": { field: value } }));
    vec![
        (allow(json!({})), "allow lists no names"),
        (
            allow(json!({ "maxDuration": "1h", "usages": ["client auth"] })),
            "allow lists no names",
        ),
        (
            with("spiffeIds", json!(["spiffe://example.org/ns/a"])),
            path,
        ),
        (with("spiffeIds", json!(["/ns/a/"])), path),
        (with("spiffeIds", json!(["/ns//a"])), path),
        (
            with("defaultSpiffeId", json!("/ns/a")),
            "defaultSpiffeId requires spiffeIds",
        ),
        (
            with("unlistedNames", json!("Ignored")),
            "supported values: \"Refused\", \"Allowed\"",
        ),
        (with("otherNames", json!(["upn"])), "otherNames[0]"),
        (
            with("subject", json!({ "organizations": [] })),
            "should have at least 1 items",
        ),
        (
            with("keys", json!([{ "algorithm": "DSA" }])),
            "supported values: \"RSA\", \"ECDSA\", \"Ed25519\"",
        ),
        (
            with(
                "keys",
                json!([{ "algorithm": "RSA" }, { "algorithm": "RSA", "minSize": 3072 }]),
            ),
            "Duplicate value",
        ),
        (
            with("keys", json!([{ "algorithm": "Ed25519", "minSize": 256 }])),
            "minSize has no effect on Ed25519",
        ),
        (
            with("keys", json!([{ "algorithm": "Ed25519", "maxSize": 256 }])),
            "maxSize has no effect on Ed25519",
        ),
        (
            with(
                "keys",
                json!([{ "algorithm": "RSA", "minSize": 4096, "maxSize": 2048 }]),
            ),
            "maxSize must not be below minSize",
        ),
        (
            rule(&json!({ "allow": { "minDuration": "2h", "maxDuration": "1h" } })),
            "minDuration must not be longer than maxDuration",
        ),
        (
            rule(&json!({ "allow": { "defaultDuration": "2h", "maxDuration": "1h" } })),
            "defaultDuration must not be longer than maxDuration",
        ),
        (
            rule(&json!({ "allow": { "defaultDuration": "1h", "minDuration": "2h" } })),
            "defaultDuration must not be shorter than minDuration",
        ),
    ]
}

/// Tenants may label their own namespaces.
fn selected_by_label() -> Wrong {
    let selector = json!({ "namespaceSelector": { "matchLabels": { "team": "shop" } } });
    let selecting = [
        json!({ "certificates": selector }),
        json!({ "pods": selector }),
        json!({ "serviceAccounts": [selector] }),
        json!({ "delegates": { "users": ["broker"], "for": selector } }),
        json!({ "certificates": { "namespaceSelector": {} } }),
    ];
    let confined = "each pattern must contain {namespace}";
    let allowed = [
        (json!({ "dnsNames": ["example.org"] }), confined),
        (
            json!({ "dnsNames": ["{namespace}.example.org", "*.example.org"] }),
            confined,
        ),
        (json!({ "spiffeIds": ["/ns/**"] }), confined),
        (json!({ "ipAddresses": ["10.0.0.0/8"] }), confined),
        (json!({ "emailAddresses": ["*@example.org"] }), confined),
        (json!({ "uris": ["https://example.org/*"] }), confined),
        (
            json!({ "otherNames": ["1.3.6.1.4.1.311.20.2.3"] }),
            confined,
        ),
        (
            json!({ "subject": { "organizations": ["system:masters"] } }),
            confined,
        ),
        (json!({ "subject": { "userIds": ["*"] } }), confined),
        (
            json!({ "unlistedNames": "Allowed" }),
            "unlistedNames: Allowed must list",
        ),
        (json!({ "ca": {} }), "allow.ca must list"),
    ];
    let combined = selecting.iter().flat_map(|requesters| {
        let allowed = allowed.iter();
        allowed.map(move |(allow, message)| (requesters.clone(), allow.clone(), *message))
    });
    combined
        .map(|(requesters, allow, message)| {
            let rule = json!({ "name": "a", "requesters": requesters, "allow": allow });
            (json!({ "policy": { "rules": [rule] } }), message)
        })
        .collect()
}

fn beside_the_rest_of_the_spec() -> Wrong {
    let spiffe = |mut spec: Value| {
        spec["spiffe"] = json!({ "trustDomain": "prod.example" });
        spec
    };
    let of_delegate = json!({ "requesters": {
        "certificates": null,
        "delegates": { "users": ["broker"], "for": { "namespaces": ["shop"] } },
    }, "allow": { "ca": {} } });
    vec![
        (
            allow(json!({ "ca": {} })),
            "a rule with allow.ca requires profile.ca",
        ),
        (
            json!({ "spiffe": { "trustDomain": "prod.example" }, "profile": { "ca": {} } }),
            "profile.ca requires a rule in policy.rules that allows CA certificates",
        ),
        (rule(&of_delegate), "delegates never get a CA certificate"),
        (
            allow(json!({ "spiffeIds": ["/ns/{namespace}/**"] })),
            "allow.spiffeIds is for issuers with spiffe",
        ),
        (
            spiffe(allow(
                json!({ "uris": ["https://example.org/{namespace}/*"] }),
            )),
            "allow.uris is for issuers without spiffe",
        ),
    ]
}

/// Specs with rules that are right.
pub(super) fn right_specs() -> Vec<Value> {
    let labeled = json!({ "namespaceSelector": { "matchLabels": { "team": "shop" } } });
    vec![
        rule(&json!({})),
        requesters(json!({ "certificates": labeled })),
        json!({
            "profile": { "ca": {} },
            "policy": { "rules": [{
                "name": "spire",
                "requesters": { "serviceAccounts": [{ "namespace": "spire", "name": "server" }] },
                "allow": { "ca": { "pathLength": 0, "maxDuration": "48h" } },
            }] },
        }),
        json!({
            "spiffe": { "trustDomain": "prod.example" },
            "policy": { "rules": [{ "name": "default", "preset": "Default" }, {
                "name": "agents",
                "requesters": { "delegates": {
                    "serviceAccounts": [{ "namespace": "agents", "name": "broker" }],
                    "users": ["broker"],
                    "groups": ["brokers"],
                    "for": labeled,
                    "requestNamespaces": ["agents"],
                    "own": {
                        "dnsNames": ["broker.agents.svc"],
                        "spiffeId": "/ns/agents/sa/broker",
                    },
                } },
                "allow": {
                    "spiffeIds": ["/ns/{namespace}/sa/{serviceAccount}"],
                    "defaultDuration": "1h", "minDuration": "10m", "maxDuration": "24h",
                    "usages": ["client auth", "server auth", "digital signature"],
                    "keys": [{ "algorithm": "ECDSA", "minSize": 256 }, { "algorithm": "Ed25519" }],
                },
            }] },
        }),
        allow(json!({
            "dnsNames": ["{namespace}.example.org", "**.example.com"],
            "ipAddresses": ["10.0.0.0/8", "2001:db8::1"],
            "emailAddresses": ["*@example.org"],
            "uris": ["https://example.org/{namespace}/*"],
            "otherNames": ["1.3.6.1.4.1.311.20.2.3"],
            "subject": { "organizations": ["", "shop"], "commonNames": ["*"] },
            "wildcards": true,
            "unlistedNames": "Refused",
        })),
    ]
}
