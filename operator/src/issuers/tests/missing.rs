//! Objects that do not exist yet, because GitOps tools apply in any order.

use jiff::SignedDuration;
use serde_json::{Value, json};
use signet_api::{Existing, Manual, TrustedRootsSpec};
use signet_keys::{ErrorClass, PROBE};
use tokio::time::advance;

use super::issuer_ref::{parent, requested, sign, step};
use super::*;
use crate::fixtures::ca::Ca;
use crate::issuers::polling::{Polling, polling};

/// What the next reconcile waits for.
fn polls(round: &Round) -> Polling {
    polling(&round.decision.outcome, &round.facts, false)
}

/// An issuer whose chain is in this Secret or ConfigMap, and whose key exists.
fn with_chain_in(secret_name: Option<&str>, config_map_name: Option<&str>) -> World {
    let mut world = World::existing();
    world.spec.certificate.existing = Some(Existing {
        secret_name: secret_name.map(str::to_owned),
        config_map_name: config_map_name.map(str::to_owned),
    });
    world
}

#[tokio::test(start_paused = true)]
async fn a_missing_key_secret_is_waited_for() {
    let mut world = World::existing();
    for _ in 0..2 {
        let round = world.reconcile().await;
        waits(&round, IssuerReason::Key(ErrorClass::KeyNotFound));
        assert_eq!(polls(&round), Polling::Object);
    }
    let root = Ca::root("Root");
    world
        .secrets
        .put_pair("ca", &root.issue("Issuing"), &root.pem);
    advance(PROBE).await;
    ready(&world.reconcile().await);
}

#[tokio::test]
async fn a_missing_chain_is_waited_for() {
    let root = Ca::root("Root");
    let issuing = root.issue("Issuing");
    let mut world = with_chain_in(Some("chain"), None);
    world.secrets.put("ca", &[("tls.key", &issuing.key_pem())]);
    let round = world.reconcile().await;
    let message = waits(&round, IssuerReason::InvalidCa);
    assert!(
        message.starts_with("the Secret chain does not exist"),
        "{message}"
    );
    assert_eq!(polls(&round), Polling::Object);
    world.secrets.put_pair("chain", &issuing, &root.pem);
    ready(&world.reconcile().await);

    let mut world = with_chain_in(None, Some("chain"));
    world.secrets.put_new_key("ca");
    let message = waits(&world.reconcile().await, IssuerReason::InvalidCa);
    assert!(
        message.starts_with("the ConfigMap chain does not exist"),
        "{message}"
    );
}

/// Only another chain helps, which needs no change of the spec.
#[tokio::test]
async fn a_refused_chain_stalls_and_is_read_again() {
    let [root, other] = ["Root", "Other"].map(Ca::root);
    let issuing = root.issue("Issuing");
    let mut world = World::existing();
    world.secrets.put_pair("ca", &issuing, &other.pem);
    let round = world.reconcile().await;
    stalls(&round, IssuerReason::InvalidCa);
    assert_eq!(polls(&round), Polling::Change);
    world.secrets.put_pair("ca", &issuing, &root.pem);
    let round = world.reconcile().await;
    ready(&round);
    assert_eq!(polls(&round), Polling::Resync);
}

/// A CA was issued over the key. A restore may be under way, and later a person has to restore it.
#[tokio::test]
async fn a_lost_key_is_looked_for() {
    let mut world = signing(100).await;
    world.secrets.delete("ca");
    let round = world.reconcile().await;
    waits(&round, IssuerReason::Key(ErrorClass::KeyNotFound));
    assert_eq!(polls(&round), Polling::Object);
}

/// The person puts it there without a change of the spec, and should not wait for a resync.
#[tokio::test]
async fn the_chain_of_a_person_is_looked_for() {
    let mut world = World::manual(Manual {
        secret_name: Some("chain".to_owned()),
        ..Manual::default()
    });
    let round = world.reconcile().await;
    waits(&round, IssuerReason::WaitingForCertificate);
    assert_eq!(polls(&round), Polling::Object);
    let root = Ca::offline("Offline");
    let chain = |key: &str| root.certify("Issuing", key, 2031);
    let put = |world: &World, chain: &str| {
        let data = [("tls.crt", chain), ("ca.crt", root.pem.as_str())];
        world.secrets.put("chain", &data);
    };
    let key = world.secrets.text("ca", "tls.key");
    put(&world, "");
    let round = world.reconcile().await;
    waits(&round, IssuerReason::InvalidCa);
    assert_eq!(polls(&round), Polling::Object);
    put(&world, &chain(&key));
    assert_eq!(polls(&world.reconcile().await), Polling::Resync);

    // One that is refused while the CA signs.
    world.secrets.put_new_key("other");
    put(&world, &chain(&world.secrets.text("other", "tls.key")));
    let round = world.reconcile().await;
    ready(&round);
    assert_eq!(polls(&round), Polling::Change);
}

/// The key that is to follow may be applied after the spec that names it.
#[tokio::test]
async fn the_missing_key_of_a_rotation_is_looked_for_while_the_ca_signs() {
    let root = Ca::root("Root");
    let mut world = World::existing();
    world
        .secrets
        .put_pair("ca", &root.issue("Issuing"), &root.pem);
    ready(&world.reconcile().await);
    world.spec.key = crate::fixtures::key::software("next");
    let round = world.reconcile().await;
    ready(&round);
    assert_eq!(polls(&round), Polling::Object);
}

/// Neither a missing key nor an invalid spec makes a suspended issuer reconciling or stalled.
#[tokio::test]
async fn a_suspended_issuer_is_suspended_whatever_it_waits_for() {
    let mut world = World::existing().with(|world| world.spec.suspend = true);
    waits(&world.reconcile().await, IssuerReason::Suspended);
    world.spec.certificate.existing = None;
    let message = waits(&world.reconcile().await, IssuerReason::Suspended);
    assert!(
        message.contains("spec.certificate must set exactly one"),
        "{message}"
    );
}

/// An object with roots, by these fields of `spec.certificate.trustedRoots`.
fn listed(object: &Value) -> Option<TrustedRootsSpec> {
    Some(serde_json::from_value(object.clone()).unwrap())
}

#[tokio::test]
async fn a_missing_list_of_roots_is_waited_for() {
    for object in [
        json!({ "secretName": "roots" }),
        json!({ "configMapName": "roots" }),
    ] {
        let (mut world, root) = (requested().await, Ca::offline("Parent"));
        world.spec.certificate.trusted_roots = listed(&object);
        sign(&world, &root, 2031);
        let round = step(&mut world, 3600).await;
        waits(&round, IssuerReason::TrustedRootsUnavailable);
        assert_eq!(polls(&round), Polling::Object);
        world.spec.certificate.trusted_roots = listed(&json!({ "secretName": "roots" }));
        world.secrets.put("roots", &[("ca.crt", &root.pem)]);
        ready(&step(&mut world, 1).await);
    }
}

#[tokio::test]
async fn a_missing_list_of_roots_is_looked_for_while_the_ca_signs() {
    let mut world = signing(1000).await;
    world.spec.certificate.trusted_roots = listed(&json!({ "secretName": "roots" }));
    let round = world.reconcile().await;
    ready(&round);
    assert_eq!(polls(&round), Polling::Object);
    // It exists, and has to be corrected.
    world.secrets.put("roots", &[("ca.crt", "no PEM")]);
    let round = world.reconcile().await;
    ready(&round);
    assert_eq!(polls(&round), Polling::Change);
}

/// When the next reconcile is due, at the latest.
fn due(round: &Round) -> SignedDuration {
    let times = [round.facts.poll_at, round.facts.attempt.map(|it| it.at)];
    let next = times.into_iter().flatten().min().unwrap();
    next.duration_since(round.facts.now)
}

/// The account of an Issuer's requests and its Role are applied in any order.
#[tokio::test]
async fn a_missing_service_account_or_role_for_requests_is_waited_for() {
    for (account, role, missing) in [(true, true, "does not exist"), (false, true, "may not")] {
        let mut world = World::issuer_ref(parent());
        world.requests.lack(account, role);
        for _ in 0..40 {
            let round = step(&mut world, 5).await;
            let message = waits(&round, IssuerReason::WaitingForParent);
            assert!(message.contains(missing), "{message}");
            assert!(due(&round) <= SignedDuration::from_secs(5), "{message}");
        }
        world.requests.lack(false, false);
        step(&mut world, 5).await;
        assert_eq!(world.requests.names().len(), 1);
    }
}

#[tokio::test]
async fn a_missing_credential_for_the_pki_engine_is_waited_for() {
    let source = json!({
        "address": "https://127.0.0.1:1", "mount": "pki_int",
        "auth": { "tokenRef": { "name": "vault", "key": "token" } },
    });
    let mut world = World::vault_pki(serde_json::from_value(source).unwrap());
    for _ in 0..40 {
        let round = world.reconcile().await;
        let message = waits(&round, IssuerReason::ParentDenied);
        assert!(message.contains("Secret vault"), "{message}");
        assert!(due(&round) <= SignedDuration::from_secs(5), "{message}");
        assert_eq!(polls(&round), Polling::Object);
        world.pass(5);
    }
    world.secrets.put("vault", &[("token", "s.abc")]);
    // The server is called.
    waits(&world.reconcile().await, IssuerReason::ParentUnavailable);
}

/// The condition says what is missing and who can change it; a key that someone puts there is used.
#[tokio::test(start_paused = true)]
async fn a_key_is_not_created_where_the_operator_may_not() {
    let mut world = World::self_signed(100 * DAY);
    world.creates_keys = false;
    let round = world.reconcile().await;
    let message = waits(&round, IssuerReason::Key(ErrorClass::KeyNotFound));
    for part in [
        "the Secret ca does not exist",
        "namespacedIssuers.createKeys",
    ] {
        assert!(message.contains(part), "{message}");
    }
    assert!(world.made.is_empty());
    world.secrets.put_new_key("ca");
    advance(PROBE).await;
    let round = world.reconcile().await;
    assert!(round.decision.outcome.is_ok());
}
