//! What is published stays while a CA is lost.

use std::time::Duration;

use super::*;
use crate::fixtures::key;

/// Two roots are published, and the generation of the one that signs is lost.
async fn without_the_active_generation() -> (World, [String; 2]) {
    let mut world = signing(1000).await;
    let old = fingerprint(&world);
    world.spec.key = key::software("other");
    world.reconcile().await;
    world.pass(120 * DAY);
    assert_eq!(ready(&world.reconcile().await).number, 2);
    let lost = fingerprint(&world);
    world.objects.retain(|object| object.spec.generation == 1);
    assert_eq!(roots(&world), 2);
    (world, [old, lost])
}

#[tokio::test]
async fn the_active_generation_is_adopted_next_to_an_old_one() {
    let (mut world, [_, lost]) = without_the_active_generation().await;
    let round = world.reconcile().await;
    assert_eq!(
        ready(&round).number,
        3,
        "the number of the lost one stays taken"
    );
    assert_eq!((fingerprint(&world), roots(&world)), (lost, 2));
}

/// Also the root of the old generation stays where it is.
#[tokio::test]
async fn both_roots_stay_trusted_while_the_active_generation_is_lost() {
    let (mut world, [_, lost]) = without_the_active_generation().await;
    world.secrets.delete("other");
    let before = world.status.bundle.clone();
    let message = is_lost(&mut world).await;
    assert!(message.contains(&lost), "{message}");
    assert_eq!(world.status.bundle, before);
    world.spec.certificate.acknowledged_loss = Some(lost);
    ready(&world.reconcile().await);
    assert_eq!(roots(&world), 3);
}

/// An outage of the backend together with the loss must not erase what the status has.
#[tokio::test]
async fn the_status_keeps_its_traces_while_the_key_cannot_be_read() {
    let mut world = signing(1000).await;
    let (ca, bundle) = (world.status.ca.clone(), world.status.bundle.clone());
    world.objects.clear();
    world.secrets.put("ca", &[("tls.key", "no key")]);
    assert!(world.reconcile().await.decision.outcome.is_err());
    assert_eq!((&world.status.ca, &world.status.bundle), (&ca, &bundle));
}

/// A key may be compromised and its CA lost at the same time.
#[tokio::test]
async fn a_revoked_root_leaves_although_its_generation_is_lost() {
    let mut world = signing(1000).await;
    let key = root(&world).public_key().fingerprint();
    world.objects.clear();
    world.secrets.delete("ca");
    world = world.with(rotation(|rotation| rotation.revoked = vec![key]));
    world.reconcile().await;
    assert_eq!((roots(&world), world.bundles.bundle()), (0, None));
}

/// A tenant with a thousand issuers, each with a forged bundle of certificates that take long to
/// verify, must not hold up the thread that does everything else.
#[tokio::test]
async fn a_forged_bundle_object_is_read_in_its_namespaces_turn() {
    let world = signing(1000).await;
    assert!(world.bundles.object.is_some());
    let (observed, is_observed) = std::sync::mpsc::channel();
    let turn = Duration::from_millis(300);
    let of_another = (world.parsing).run("other", move || is_observed.recv_timeout(turn).is_ok());
    let observe = async {
        world.observe().await;
        let _ = observed.send(());
    };
    let (has_overtaken, ()) = futures::join!(of_another, observe);
    assert!(!has_overtaken.unwrap());
}
