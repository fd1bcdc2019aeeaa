//! What the spec forbids to create, and the root that it expects.

use signet_api::CreationMode;
use signet_api::conditions::{READY, find};
use signet_core::ca::CaCertificate;

use super::*;
use crate::fixtures::{ca, key};

fn fingerprint(world: &World) -> String {
    let bundle = world.status.bundle.as_deref().unwrap();
    let roots = CaCertificate::all_from_pem(bundle.as_bytes()).unwrap();
    hex::encode(roots[0].fingerprint())
}

#[tokio::test]
async fn forbidden_creation_creates_nothing_on_an_empty_cluster() {
    let mut world = World::self_signed(1000 * DAY);
    world.spec.certificate.creation = Some(CreationMode::Forbidden);
    for has_key in [false, true] {
        if has_key {
            world.secrets.put_new_key("ca");
            world.pass(10);
        }
        let message = stalls(&world.reconcile().await, IssuerReason::CreationForbidden);
        assert!(message.contains("creation is Forbidden"), "{message}");
        assert!(world.objects.is_empty());
        assert_eq!(world.secrets.is_empty(), !has_key);
    }
    world.spec.certificate.creation = None;
    ready(&world.reconcile().await);
}

#[tokio::test]
async fn forbidden_creation_adopts_renews_and_makes_no_other_root() {
    let mut world = signing(1000).await;
    world.spec.certificate.creation = Some(CreationMode::Forbidden);
    world.objects.clear();
    ready(&world.reconcile().await);
    world.pass(700 * DAY);
    world.reconcile().await;
    world.pass(300);
    assert_eq!(world.specs().len(), 2, "a renewal");
    world.spec.key = key::software("other");
    let round = world.reconcile().await;
    ready(&round);
    assert_eq!(world.specs().len(), 2);
    let message = find_ready(&world);
    assert!(
        message.contains("no root is created for the key in spec.key"),
        "{message}"
    );
}

fn find_ready(world: &World) -> String {
    let ready = find(&world.status.conditions, READY);
    ready.unwrap().message.clone()
}

/// A cluster that is rebuilt from Git comes back with the same root or not at all.
#[tokio::test]
async fn no_root_but_the_expected_one_is_created_or_adopted() {
    let mut world = World::self_signed(1000 * DAY);
    world.spec.certificate.expected_root = Some("0".repeat(64));
    let message = stalls(&world.reconcile().await, IssuerReason::CreationForbidden);
    assert!(
        message.contains("there is no CA with the root 0000"),
        "{message}"
    );
    assert!(world.objects.is_empty() && world.secrets.is_empty());

    for is_expected in [true, false] {
        let mut world = signing(1000).await;
        let own = fingerprint(&world);
        let expected = if is_expected { own } else { "0".repeat(64) };
        world.spec.certificate.expected_root = Some(expected);
        world.objects.clear();
        let round = world.reconcile().await;
        assert_eq!(round.decision.outcome.is_ok(), is_expected);
        assert_eq!(world.objects.len(), usize::from(is_expected));
    }
}

#[tokio::test]
async fn a_root_that_renews_the_expected_one_is_accepted() {
    let mut world = signing(1000).await;
    world.spec.certificate.expected_root = Some(fingerprint(&world));
    world.pass(700 * DAY);
    ready(&world.reconcile().await);
    world.pass(DAY);
    assert_eq!(ready(&world.reconcile().await).number, 2);
}

/// The CA that signs goes on: another root is expected of its successor.
#[tokio::test]
async fn an_unexpected_root_does_not_sign() {
    let mut world = World::existing();
    let ca = ca::Ca::root("Root");
    world.secrets.put_pair("ca", &ca, "");
    world.spec.certificate.expected_root = Some("0".repeat(64));
    let message = stalls(&world.reconcile().await, IssuerReason::InvalidCa);
    assert!(message.contains("expectedRoot is 0000"), "{message}");
    assert!(world.objects.is_empty());
}
