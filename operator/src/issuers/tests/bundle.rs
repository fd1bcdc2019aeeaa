//! The trust bundle in the issuer's own object, and rotations that depend on it.

use std::time::Duration;

use signet_api::conditions::{BUNDLE_PUBLISHED, ROTATING, find};
use signet_api::duration::GoDuration;
use signet_api::{BundleKind, BundleSpec};
use signet_core::ca::lifecycle::MAX_BUNDLE;

use super::*;
use crate::fixtures::{ca, key};

/// The reason and the message of a condition.
#[track_caller]
fn condition(world: &World, type_: &str) -> (String, String) {
    let condition = find(&world.status.conditions, type_).unwrap();
    (condition.reason.clone(), condition.message.clone())
}

/// Whether the root of a generation is recorded as published.
fn is_published(world: &World, number: u32) -> bool {
    let specs = world.specs();
    let spec = specs.iter().find(|spec| spec.generation == number).unwrap();
    spec.published_at.is_some()
}

fn activation_delay(seconds: u64) -> impl FnOnce(&mut World) {
    rotation(move |rotation| {
        rotation.activation_delay = Some(GoDuration(Duration::from_secs(seconds)));
    })
}

/// An issuer that is to follow with the key in the Secret `other`, a minute after its publication.
async fn rotating() -> World {
    let mut world = signing(1000).await.with(activation_delay(60));
    world.spec.key = key::software("other");
    world
}

#[tokio::test]
async fn the_object_has_the_bundle_of_the_status_in_every_phase() {
    let mut world = rotating().await;
    for (seconds, signs, number_of_roots) in [(0, 1, 2), (61, 2, 2), (93 * DAY, 2, 1)] {
        world.pass(seconds);
        assert_eq!(ready(&world.reconcile().await).number, signs);
        assert_eq!(roots(&world), number_of_roots);
        assert_eq!(world.bundles.bundle(), world.status.bundle);
        assert_eq!(condition(&world, BUNDLE_PUBLISHED).0, "Published");
    }
}

/// Another client puts its own object in the place of the bundle: peers that read it do not trust
/// the next root.
#[tokio::test]
async fn a_foreign_object_holds_a_rotation_until_it_is_removed() {
    let mut world = rotating().await;
    world.bundles.put_foreign();
    for _ in 0..3 {
        let round = world.reconcile().await;
        assert_eq!(ready(&round).number, 1);
        assert!(!is_published(&world, 2));
        world.pass(DAY);
    }
    assert_eq!(roots(&world), 2, "the status has it");
    assert_eq!(world.bundles.bundle().as_deref(), Some("theirs"));
    let (reason, message) = condition(&world, ROTATING);
    assert_eq!(reason, "WaitingForPublication");
    assert_eq!(
        message,
        "clusterissuer-corp-2 waits until its root is published: the ConfigMap \
         signet-system/clusterissuer-corp-bundle exists, and Signet did not create it for this \
         issuer; delete it or rename it"
    );
    assert_eq!(condition(&world, BUNDLE_PUBLISHED).0, "ForeignObject");
    world.bundles.object = None;
    // The delay runs from now on.
    assert_eq!(ready(&world.reconcile().await).number, 1);
    assert!(is_published(&world, 2));
    assert_eq!(condition(&world, ROTATING).0, "WaitingForDelay");
    world.pass(61);
    assert_eq!(ready(&world.reconcile().await).number, 2);
}

/// A missing permission, a quota, a webhook.
#[tokio::test]
async fn an_object_that_cannot_be_written_holds_a_rotation() {
    let mut world = rotating().await;
    world.bundles.is_read_only = true;
    assert_eq!(ready(&world.reconcile().await).number, 1);
    assert!(!is_published(&world, 2));
    let (reason, message) = condition(&world, ROTATING);
    assert_eq!(reason, "WaitingForPublication");
    assert!(message.contains("waits until its root is published: the ConfigMap"));
    world.bundles.is_read_only = false;
    world.reconcile().await;
    assert!(is_published(&world, 2));
}

#[tokio::test]
async fn without_an_object_the_status_is_where_a_root_is_published() {
    let mut world = rotating().await;
    world.spec.bundle = Some(BundleSpec {
        kind: BundleKind::None,
        ..BundleSpec::default()
    });
    world.reconcile().await;
    assert!(is_published(&world, 2));
    assert_eq!(world.bundles.bundle(), None);
    assert!(find(&world.status.conditions, BUNDLE_PUBLISHED).is_none());
}

/// Nothing is lost by the first CA, and the successor of a revoked one cannot wait.
#[tokio::test]
async fn an_object_holds_neither_the_first_ca_nor_the_successor_of_a_revoked_one() {
    let mut world = World::self_signed(1000 * DAY);
    world.bundles.put_foreign();
    assert_eq!(ready(&world.reconcile().await).number, 1);
    assert_eq!(condition(&world, BUNDLE_PUBLISHED).0, "ForeignObject");
    let revoked = world.specs()[0].key.fingerprint.clone();
    world.spec.key = key::software("other");
    world = world.with(rotation(|rotation| rotation.revoked = vec![revoked]));
    assert_eq!(ready(&world.reconcile().await).number, 2);
}

/// A renewal under the root that signs changes nothing for those who verify.
#[tokio::test]
async fn an_object_does_not_hold_a_renewal_under_the_same_root() {
    let root = ca::Ca::root("Root");
    let issuing = root.issue("Issuing");
    let mut world = World::existing();
    world.secrets.put_pair("ca", &issuing, &root.pem);
    world.bundles.put_foreign();
    ready(&world.reconcile().await);
    let renewed = root.renew(&issuing);
    world.secrets.put_pair("ca", &renewed, &root.pem);
    assert_eq!(ready(&world.reconcile().await).number, 2);
}

#[tokio::test]
async fn the_object_is_deleted_when_nothing_trusted_remains() {
    let mut world = signing(1000).await;
    assert!(world.bundles.bundle().is_some());
    let revoked = world.specs()[0].key.fingerprint.clone();
    world = world.with(rotation(|rotation| rotation.revoked = vec![revoked]));
    stalls(&world.reconcile().await, IssuerReason::KeyRevoked);
    assert_eq!(world.status.bundle, None);
    assert_eq!(world.bundles.bundle(), None);
}

/// A restore brought back the object and nothing else yet.
#[tokio::test]
async fn an_object_stays_while_there_is_no_ca() {
    let mut world = signing(1000).await;
    let bundle = world.bundles.bundle();
    world.objects.clear();
    world.status = IssuerStatus::default();
    world.spec.suspend = true;
    world.reconcile().await;
    assert_eq!(world.bundles.bundle(), bundle);
}

/// While the roots that the spec names cannot be read, an empty bundle says nothing.
#[tokio::test]
async fn an_object_stays_while_what_the_spec_names_cannot_be_read() {
    let root = ca::Ca::root("Root");
    let mut world = World::existing();
    world
        .secrets
        .put_pair("ca", &root.issue("Issuing"), &root.pem);
    ready(&world.reconcile().await);
    let bundle = world.bundles.bundle();
    world.secrets.delete("ca");
    world.status = IssuerStatus::default();
    world.pass(100_000 * DAY);
    world.reconcile().await;
    assert_eq!(world.bundles.bundle(), bundle);
}

/// Adds roots to one until no other fits into a bundle.
fn full(root: &ca::Ca) -> String {
    let mut pem = root.pem.clone();
    for number in 0.. {
        let other = ca::Ca::root(&number.to_string()).pem;
        if pem.len() + other.len() > MAX_BUNDLE {
            break;
        }
        pem.push_str(&other);
    }
    pem
}

/// 20 roots are one bundle in the status, and 40 certificates in a ConfigMap and a Secret.
#[test]
fn the_roots_in_two_objects_are_read_back() {
    let roots: String = (0..20)
        .map(|number| ca::Ca::root(&number.to_string()).pem)
        .collect();
    assert_eq!(super::super::bundle::in_status(&roots).len(), 20);
    let in_objects = roots.repeat(2);
    assert_eq!(super::super::bundle::in_status(&in_objects).len(), 40);
}

/// Every request carries the bundle.
#[tokio::test]
async fn a_bundle_above_16_kib_takes_in_no_root_and_holds_the_rotation() {
    let [first, second] = ["First", "Second"].map(ca::Ca::root);
    let mut world = World::existing();
    let issuing = first.issue("Issuing");
    world.secrets.put_pair("ca", &issuing, &first.pem);
    assert_eq!(ready(&world.reconcile().await).number, 1);
    let bundle = world.status.bundle.clone();
    world.spec.key = key::software("next");
    let issuing = second.issue("Issuing");
    world.secrets.put_pair("next", &issuing, &full(&second));
    assert_eq!(ready(&world.reconcile().await).number, 1);
    assert_eq!(world.status.bundle, bundle);
    assert_eq!(world.bundles.bundle(), bundle);
    assert_eq!(condition(&world, BUNDLE_PUBLISHED).0, "BundleTooLarge");
    assert_eq!(condition(&world, ROTATING).0, "BundleTooLarge");
    assert!(!is_published(&world, 2));
    world.secrets.put_pair("next", &issuing, &second.pem);
    world.reconcile().await;
    assert!(is_published(&world, 2));
}
