use std::time::Duration;

use signet_api::{
    AllowedRequesters, CaProfile, IssuerKind, Profile, RequesterCertificates,
    RequesterServiceAccount, SpiffeSpec,
};
use signet_core::ca::Limits;
use signet_core::issue::CaUrls;
use signet_core::policy::{self, LifetimeLimits, Rules, Shortening};
use signet_core::request::ServiceAccount;

use super::super::decide::decide;
use super::*;
use crate::fixtures::shop_ca;

#[tokio::test]
async fn rules_of_a_plain_cluster_issuer_are_those_of_its_ca() {
    let round = signing(100).await.reconcile().await;
    let ready = ready(&round);
    let expected = Rules {
        namespace: None,
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
    };
    assert_eq!(ready.rules, expected);
    assert_eq!(ready.urls, CaUrls::default());
}

/// An Issuer speaks only for its own namespace.
#[tokio::test]
async fn rules_of_an_issuer_have_its_namespace() {
    let mut facts = signing(100).await.observe().await;
    facts.name = shop_ca();
    assert_eq!(facts.name.kind, IssuerKind::Issuer);
    let ready = decide(&facts).outcome.unwrap();
    assert_eq!(ready.rules.namespace.as_deref(), Some("shop"));
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
        ready(&round).rules.ca,
        None,
        "CA requests are refused by default"
    );
    world.spec.profile = Some(Profile {
        ca: Some(CaProfile {
            max_duration: None,
            path_length: 2,
            allowed_requesters: Some(AllowedRequesters {
                service_accounts: vec![RequesterServiceAccount {
                    namespace: "spire".to_owned(),
                    name: "server".to_owned(),
                }],
                certificates: Some(RequesterCertificates {
                    namespaces: vec!["mesh".to_owned()],
                }),
            }),
        }),
        ..Profile::default()
    });
    let round = world.reconcile().await;
    let rules = &ready(&round).rules;
    let expected = policy::CaProfile {
        path_length: 2,
        allowed_requesters: Some(policy::AllowedRequesters {
            service_accounts: vec![ServiceAccount {
                namespace: "spire".to_owned(),
                name: "server".to_owned(),
            }],
            certificate_namespaces: vec!["mesh".to_owned()],
        }),
    };
    assert_eq!(rules.ca, Some(expected));
    let trust_domain = rules.trust_domain.as_ref().unwrap();
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
        assert!(ready.rules.ca_subjects.matches(ca.issuing().subject_der()));
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
    assert_eq!(ready(&round).rules.limits.path_length(), Some(1));
}
