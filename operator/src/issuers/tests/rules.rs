use std::time::Duration;

use signet_api::{CaProfile, IssuerKind, PolicySpec, Profile, SpiffeSpec};
use signet_core::ca::Limits;
use signet_core::issue::CaUrls;
use signet_core::policy::rule::Requesters;
use signet_core::policy::{self, IssuerPolicy, LifetimeLimits, Shortening, default_rules};
use signet_core::request::ServiceAccount;

use super::super::decide::decide;
use super::*;
use crate::fixtures::shop_ca;

#[tokio::test]
async fn rules_of_a_plain_cluster_issuer_are_those_of_its_ca() {
    let round = signing(100).await.reconcile().await;
    let ready = ready(&round);
    let expected = IssuerPolicy {
        namespace: None,
        reserved_namespaces: ["signet-system".to_owned()].into(),
        cert_manager: round.facts.cert_manager.clone(),
        limits: Limits::default(),
        ca_subjects: ready.chain.subjects().collect(),
        lifetimes: LifetimeLimits {
            max_leaf: None,
            max_ca: None,
            shortening: Shortening::AtLeast(Duration::from_secs(3600)),
        },
        ca: None,
        trust_domain: None,
        rules: default_rules(false),
    };
    assert_eq!(ready.policy, expected);
    assert_eq!(ready.urls, CaUrls::default());
}

/// An Issuer speaks only for its own namespace.
#[tokio::test]
async fn rules_of_an_issuer_have_its_namespace() {
    let mut facts = signing(100).await.observe().await;
    facts.name = shop_ca();
    assert_eq!(facts.name.kind, IssuerKind::Issuer);
    let ready = decide(&facts).outcome.unwrap();
    assert_eq!(ready.policy.namespace.as_deref(), Some("shop"));
}

/// A rule that allows CA certificates to a ServiceAccount.
pub(super) fn of_server(namespace: &str, name: &str) -> PolicySpec {
    serde_json::from_value(serde_json::json!({ "rules": [{
        "name": "cas",
        "requesters": { "serviceAccounts": [{ "namespace": namespace, "name": name }] },
        "allow": { "ca": {} },
    }] }))
    .unwrap()
}

/// The message names the rule and the field.
#[tokio::test]
async fn a_rule_that_cannot_be_read_stalls_the_issuer() {
    let mut world = signing(100).await;
    let mut policy = of_server("spire", "server");
    let allow = policy.rules[0].allow.as_mut().unwrap();
    allow.dns_names = vec!["a.**".to_owned()];
    world.spec.policy = Some(policy);
    let round = world.reconcile().await;
    let stalled = round.decision.outcome.as_ref().unwrap_err();
    assert!(stalled.stalled);
    let expected = "spec.policy.rules, rule cas: allow.dnsNames: ";
    assert!(stalled.message.starts_with(expected), "{}", stalled.message);
}

#[tokio::test]
async fn profile_and_trust_domain_become_rules() {
    let mut world = World::self_signed(100 * DAY);
    world.spec.profile = Some(Profile::default());
    world.spec.spiffe = Some(SpiffeSpec {
        trust_domain: "example.org".to_owned(),
    });
    let round = world.reconcile().await;
    assert_eq!(
        ready(&round).policy.ca,
        None,
        "CA requests are refused by default"
    );
    assert_eq!(ready(&round).policy.rules, default_rules(true));
    world.spec.profile = Some(Profile {
        ca: Some(CaProfile {
            max_duration: None,
            path_length: 2,
        }),
        ..Profile::default()
    });
    world.spec.policy = Some(of_server("spire", "server"));
    let round = world.reconcile().await;
    let policy = &ready(&round).policy;
    assert_eq!(policy.ca, Some(policy::CaProfile { path_length: 2 }));
    let named = Requesters::ServiceAccounts {
        named: [ServiceAccount {
            namespace: "spire".to_owned(),
            name: "server".to_owned(),
        }]
        .into(),
        namespaces: None,
    };
    assert_eq!(policy.rules[0].requesters, named);
    assert_eq!(policy.rules.len(), 1, "the preset Default is left out");
    let trust_domain = policy.trust_domain.as_ref().unwrap();
    assert_eq!(trust_domain.id().to_string(), "spiffe://example.org");
}

/// A CA stays trusted while certificates under it live, and so its name stays taken.
#[tokio::test]
async fn rules_have_the_subjects_of_every_generation() {
    let mut world = signing(1000).await;
    let first = world.observe().await.generations.stored[0]
        .chain
        .clone()
        .unwrap();
    world.spec.key = crate::fixtures::key::software("other");
    world.reconcile().await;
    world.pass(93 * DAY);
    let round = world.reconcile().await;
    let ready = ready(&round);
    assert_eq!(ready.number, 2);
    for ca in [&first, &ready.chain] {
        assert!(ready.policy.ca_subjects.matches(ca.issuing().subject_der()));
    }
}

/// PKI-7: what the CA's own chain allows.
#[tokio::test]
async fn the_path_length_is_that_of_the_chain() {
    let mut world = World::self_signed(100 * DAY);
    world
        .spec
        .certificate
        .self_signed
        .as_mut()
        .unwrap()
        .path_length = Some(1);
    let round = world.reconcile().await;
    assert_eq!(ready(&round).policy.limits.path_length(), Some(1));
}
