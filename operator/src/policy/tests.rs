use serde_json::{Value, json};
use signet_api::{IssuerSpec, PolicySpec};
use signet_core::policy::pattern::PathPattern;
use signet_core::policy::rule::{KeyRule, KeySizes, Namespaces, Requesters, Rule, Unlisted};
use signet_core::spiffe::TrustDomain;

use super::*;

fn spec(rules: Value) -> IssuerSpec {
    let policy: PolicySpec = serde_json::from_value(json!({ "rules": rules })).unwrap();
    let spec = json!({ "key": { "software": { "secretName": "ca" } }, "certificate": { "selfSigned": {} } });
    IssuerSpec {
        policy: Some(policy),
        ..serde_json::from_value(spec).unwrap()
    }
}

fn read_in_trust_domain(rule: Value) -> Result<Vec<Rule>, RuleError> {
    let trust_domain = TrustDomain::parse("example.org").unwrap();
    rules(&spec(json!([rule])), Some(&trust_domain))
}

/// A rule with this change of what is right.
fn rule(change: Value) -> Value {
    let mut rule = json!({
        "name": "shops",
        "requesters": { "certificates": { "namespaces": ["shop"] } },
        "allow": { "spiffeIds": ["/ns/{namespace}/sa/*"] },
    });
    for (key, value) in change.as_object().unwrap() {
        rule[key] = value.clone();
    }
    rule
}

fn allow(allow: Value) -> Value {
    rule(json!({ "allow": allow }))
}

fn delegates(delegates: Value) -> Value {
    rule(json!({ "requesters": { "delegates": delegates } }))
}

#[test]
fn reads_what_a_rule_allows() {
    let read = read_in_trust_domain(allow(json!({
        "spiffeIds": ["/ns/{namespace}/sa/*"],
        "defaultSpiffeId": "/ns/{namespace}/sa/default",
        "dnsNames": ["*.{namespace}.svc"],
        "subject": { "organizations": ["", "Example"] },
        "unlistedNames": "Allowed",
        "wildcards": true,
        "ca": { "pathLength": 1, "maxDuration": "48h" },
        "maxDuration": "24h",
        "usages": ["client auth", "digital signature"],
        "keys": [{ "algorithm": "RSA", "minSize": 3072 }, { "algorithm": "ECDSA" }],
    })))
    .unwrap();
    let [rule] = &read[..] else {
        panic!("{read:?}")
    };
    let shop = Namespaces::Named(["shop".to_owned()].into());
    assert_eq!(rule.requesters, Requesters::Certificates(shop));
    let allow = &rule.allow;
    assert_eq!(allow.spiffe_ids.patterns.len(), 1);
    let default = PathPattern::parse("/ns/{namespace}/sa/default").unwrap();
    assert_eq!(allow.spiffe_ids.default, Some(default));
    assert_eq!(allow.names.dns_names[0].to_string(), "*.{namespace}.svc");
    assert_eq!(allow.names.subject.values().flatten().count(), 2);
    assert_eq!((allow.unlisted, allow.wildcards), (Unlisted::Allowed, true));
    let ca = allow.ca.unwrap();
    assert_eq!(ca.path_length, 1);
    assert_eq!(ca.max_duration.unwrap().as_secs(), 48 * 3600);
    assert_eq!(allow.limits.max_duration.unwrap().as_secs(), 24 * 3600);
    assert_eq!(allow.limits.usages.as_ref().unwrap().extended.len(), 1);
    let keys = [
        KeyRule::Rsa(KeySizes::at_least(3072)),
        KeyRule::Ecdsa(KeySizes::at_least(256)),
    ];
    assert_eq!(allow.limits.keys.as_deref(), Some(&keys[..]));
}

#[test]
fn reads_requesters() {
    let requesters = |requesters: Value| {
        let read = read_in_trust_domain(rule(json!({ "requesters": requesters }))).unwrap();
        read[0].requesters.clone()
    };
    let labels = json!({ "namespaceSelector": { "matchLabels": { "team": "shop" } } });
    let labeled = Namespaces::Labeled([("team".to_owned(), "shop".to_owned())].into());
    assert_eq!(
        requesters(json!({ "pods": labels })),
        Requesters::Pods(labeled.clone())
    );
    let everywhere = json!({ "pods": { "namespaceSelector": {} } });
    assert_eq!(requesters(everywhere), Requesters::Pods(Namespaces::All));
    let accounts = requesters(json!({ "serviceAccounts": [
        { "namespace": "a", "name": "x" }, { "namespace": "b" },
    ] }));
    let Requesters::ServiceAccounts { named, namespaces } = accounts else {
        panic!("{accounts:?}")
    };
    assert_eq!(named.len(), 1);
    assert_eq!(namespaces, Some(Namespaces::Named(["b".to_owned()].into())));
    let Requesters::Delegates(agents) = requesters(json!({ "delegates": {
        "serviceAccounts": [{ "namespace": "agents", "name": "broker" }],
        "users": ["broker"],
        "for": labels,
    } })) else {
        panic!("delegates")
    };
    assert_eq!(agents.agents.len(), 2);
    assert_eq!(agents.act_for, labeled);
    assert_eq!(agents.request_in, ["agents".to_owned()].into());
}

/// The schema refuses what it can; this is the rest.
#[test]
fn an_error_names_the_rule_and_the_field() {
    let for_shop = json!({ "namespaces": ["shop"] });
    for (rule, expected) in [
        (
            allow(json!({ "spiffeIds": ["/ns/{name}"] })),
            "allow.spiffeIds: the path pattern",
        ),
        (
            allow(json!({ "spiffeIds": ["/a"], "defaultSpiffeId": "/*" })),
            "allow.defaultSpiffeId must not contain wildcards",
        ),
        (allow(json!({ "dnsNames": ["a..b"] })), "allow.dnsNames: "),
        (
            allow(json!({ "ipAddresses": ["10.0.0.1/8"] })),
            "allow.ipAddresses: ",
        ),
        (
            allow(json!({ "emailAddresses": ["example.org"] })),
            "allow.emailAddresses: ",
        ),
        (allow(json!({ "uris": ["https://a.b/?c"] })), "allow.uris: "),
        (
            allow(json!({ "otherNames": ["9.9"] })),
            "allow.otherNames must be",
        ),
        (
            allow(json!({ "subject": { "organizations": ["a{namespace}"] } })),
            "allow.subject.organizations: ",
        ),
        (allow(json!({ "usages": ["serving"] })), "allow.usages: "),
        (
            allow(json!({ "keys": [{ "algorithm": "RSA", "minSize": 1024 }] })),
            "allow.keys has minSize 1024; write at least 2048 for RSA",
        ),
        (
            allow(json!({ "keys": [{ "algorithm": "ECDSA", "minSize": 300 }] })),
            "allow.keys has minSize 300; write 256, 384 or 521 for ECDSA",
        ),
        (
            allow(json!({ "keys": [{ "algorithm": "ECDSA", "maxSize": 300 }] })),
            "allow.keys has maxSize 300; write 256, 384 or 521 for ECDSA",
        ),
        (
            delegates(json!({ "users": ["a"], "for": for_shop,
                "own": { "dnsNames": ["{namespace}.svc"], "spiffeId": "/a" } })),
            "requesters.delegates.own.dnsNames must not contain variables",
        ),
        (
            delegates(json!({ "users": ["a"], "for": for_shop,
                "own": { "dnsNames": ["a.svc"], "spiffeId": "/ns/{namespace}/sa/a" } })),
            "requesters.delegates.own.spiffeId must not contain variables",
        ),
        (
            json!({ "name": "shops", "preset": "Default", "requesters": { "pods": for_shop } }),
            "requesters must not be set with the preset Default",
        ),
        (
            json!({ "name": "shops", "preset": "LinkerdIdentity", "requesters": { "pods": for_shop } }),
            "preset ",
        ),
    ] {
        let error = read_in_trust_domain(rule.clone()).unwrap_err().to_string();
        let expected = format!("spec.policy.rules, rule shops: {expected}");
        assert!(error.starts_with(&expected), "{rule}: {error}");
    }
}

/// The schema does not know what a preset grants.
#[test]
fn a_preset_that_grants_ca_certificates_is_not_for_namespaces_by_label() {
    let labeled =
        json!({ "certificates": { "namespaceSelector": { "matchLabels": { "a": "b" } } } });
    let error = read_in_trust_domain(json!({
        "name": "linkerd", "preset": "LinkerdIdentity", "requesters": labeled,
    }));
    let error = error.unwrap_err().to_string();
    assert!(error.contains("must list namespaces by name"), "{error}");
}

/// It gives no name that does not depend on the namespace.
#[test]
fn the_preset_of_istiod_is_for_namespaces_by_label() {
    let mesh = |labels: Value| {
        read_in_trust_domain(
            json!({ "name": "mesh", "preset": "Istio", "requesters": { "delegates": {
            "serviceAccounts": [{ "namespace": "mesh", "name": "istiod" }],
            "for": { "namespaceSelector": labels },
        } } }),
        )
    };
    mesh(json!({})).unwrap();
    mesh(json!({ "matchLabels": { "mesh": "on" } })).unwrap();
}

#[test]
fn without_rules_the_preset_default_is_in_force() {
    let without = IssuerSpec {
        policy: None,
        ..spec(json!([rule(json!({}))]))
    };
    assert_eq!(rules(&without, None).unwrap(), default_rules(false));
    assert!(!leaves_default_out(&without));
    let with = spec(json!([rule(json!({})), { "name": "rest", "preset": "Default" }]));
    assert!(!leaves_default_out(&with));
    assert!(leaves_default_out(&spec(json!([rule(json!({}))]))));
}

/// Each has a rule in the schema's language that a user can write out.
#[test]
fn every_preset_can_be_used() {
    for preset in [
        Preset::Istio,
        Preset::IstioCsr,
        Preset::LinkerdIdentity,
        Preset::SpireUpstream,
        Preset::SpireNested,
        Preset::CsiDriverSpiffe,
        Preset::CsiDriverSpiffeOwnAccount,
        Preset::OpenServiceMesh,
        Preset::Default,
    ] {
        let read = read_in_trust_domain(json!({ "name": "mesh", "preset": preset }));
        assert!(!read.unwrap().is_empty(), "{preset:?}");
    }
}
