use super::*;
use crate::fixtures::{ca, key};

fn fingerprint(world: &World, number: u32) -> String {
    let mut objects = world.objects.iter();
    let object = objects
        .find(|object| object.spec.generation == number)
        .unwrap();
    object
        .spec
        .certificate
        .as_ref()
        .unwrap()
        .fingerprint
        .clone()
}

/// An issuer that is to follow with the key in the Secret `other`.
async fn rotating() -> World {
    let mut world = signing(1000).await;
    world.spec.key = key::software("other");
    world.reconcile().await;
    world
}

#[tokio::test]
async fn activates_the_next_generation_by_command() {
    let mut world = rotating().await;
    let next = fingerprint(&world, 2);
    world = world.with(rotation(|rotation| rotation.activate = Some(next)));
    assert_eq!(ready(&world.reconcile().await).number, 2);
}

#[tokio::test]
async fn reports_a_command_that_names_nothing() {
    let mut world = rotating().await;
    let unknown = "0".repeat(64);
    world = world.with(rotation(|rotation| rotation.activate = Some(unknown)));
    assert_eq!(ready(&world.reconcile().await).number, 1);
    let message = &world.status.conditions[0].message;
    assert!(
        message.contains("spec.rotation.activate is ignored"),
        "{message}"
    );
}

#[tokio::test]
async fn goes_back_to_an_earlier_key_and_certificate_and_forward_again() {
    let mut world = rotating().await;
    world.pass(93 * DAY);
    assert_eq!(ready(&world.reconcile().await).number, 2);
    let (first, second) = (fingerprint(&world, 1), fingerprint(&world, 2));
    world = world.with(rotation(|rotation| {
        rotation.rollback_to = Some(first.clone());
    }));
    let round = world.reconcile().await;
    assert_eq!(ready(&round).number, 3);
    assert_eq!(fingerprint(&world, 3), first);
    assert_eq!(world.objects[2].spec.key.config, key::software("ca"));
    let message = &world.status.conditions[0].message;
    assert!(
        message.contains("rollbackTo takes precedence over spec.key"),
        "{message}"
    );
    let before = world.specs();
    world.reconcile().await;
    assert_eq!(world.specs(), before, "it stays");
    world = world.with(rotation(|rotation| rotation.rollback_to = None));
    let round = world.reconcile().await;
    let forward = ready(&round).number;
    let key = &world.objects.last().unwrap().spec.key.config;
    assert_eq!(key, &key::software("other"));
    assert_ne!(fingerprint(&world, forward), second, "a new certificate");
}

#[tokio::test]
async fn a_requested_rotation_is_made_once() {
    let mut world = signing(1000).await;
    world = world.with(rotation(|rotation| {
        rotation.request_id = Some("2026-11".to_owned());
    }));
    assert_eq!(ready(&world.reconcile().await).number, 2);
    let before = world.specs();
    world.reconcile().await;
    assert_eq!(world.specs(), before);
}

/// The way out of a key that was replaced by intent.
#[tokio::test]
async fn a_requested_rotation_takes_the_key_that_was_replaced() {
    let mut world = signing(1000).await;
    world.secrets.put_new_key("ca");
    stalls(&world.reconcile().await, IssuerReason::KeyMismatch);
    world = world.with(rotation(|rotation| {
        rotation.request_id = Some("lost".to_owned());
    }));
    world.reconcile().await;
    let keys: Vec<_> = world
        .objects
        .iter()
        .map(|object| &object.spec.key.fingerprint)
        .collect();
    assert_eq!(keys.len(), 2);
    assert_ne!(keys[0], keys[1]);
}

#[tokio::test]
async fn a_revoked_key_stops_signing_and_its_root_leaves_with_the_entry_of_its_successor() {
    let mut world = signing(1000).await;
    let key = world.objects[0].spec.key.fingerprint.clone();
    let revoked = key.clone();
    world = world.with(rotation(|rotation| rotation.revoked = vec![revoked]));
    let message = stalls(&world.reconcile().await, IssuerReason::KeyRevoked);
    assert!(message.contains(&key), "{message}");
    assert_eq!(
        (roots(&world), generations(&world.status)[0].2),
        (0, GenerationState::Revoked)
    );
    world.spec.key = key::software("other");
    let round = world.reconcile().await;
    assert_eq!((ready(&round).number, roots(&world)), (2, 1));
    let bundles = world.written.iter().filter_map(|plan| plan.status.as_ref());
    assert!(bundles.into_iter().all(|status| status.bundle.is_some()));
}

#[tokio::test]
async fn a_suspended_issuer_signs_nothing_and_is_neither_reconciling_nor_stalled() {
    let mut world = rotating().await;
    world.spec.suspend = true;
    world.pass(100 * DAY);
    let round = world.reconcile().await;
    let message = waits(&round, IssuerReason::Suspended);
    assert!(message.contains("remove spec.suspend"), "{message}");
    let conditions = &world.status.conditions;
    let statuses: Vec<_> = conditions
        .iter()
        .map(|one| (one.type_.as_str(), one.status.as_str()))
        .collect();
    let expected = [
        ("Ready", "False"),
        ("Reconciling", "False"),
        ("Stalled", "False"),
    ];
    assert_eq!(statuses[..3], expected);
    assert_eq!(roots(&world), 2, "the bundle stays");
    world.spec.suspend = false;
    assert_eq!(ready(&world.reconcile().await).number, 2);
}

/// The condition is the list for the owner of the CA above.
#[tokio::test]
async fn the_certificates_over_a_revoked_key_are_listed_for_their_parent() {
    let root = ca::Ca::root("Root");
    let mut world = World::existing();
    let issuing = root.issue("Issuing");
    world.secrets.put_pair("ca", &issuing, &root.pem);
    ready(&world.reconcile().await);
    world
        .secrets
        .put_pair("ca", &root.renew(&issuing), &root.pem);
    ready(&world.reconcile().await);
    let key = world.specs()[0].key.fingerprint.clone();
    assert_eq!(key, world.specs()[1].key.fingerprint, "two of one key");
    world = world.with(rotation(|rotation| rotation.revoked = vec![key.clone()]));
    let round = world.reconcile().await;
    stalls(&round, IssuerReason::KeyRevoked);
    let message = &world.status.conditions[0].message;
    for one in &round.facts.generations.stored {
        let serial = one.chain.as_ref().unwrap().issuing().serial_number();
        let line = format!("serial number {} of CN=Root", hex::encode(serial));
        assert!(message.contains(&line), "{message}");
    }
    let events: Vec<_> = world.written.iter().flat_map(|plan| &plan.events).collect();
    let revoked = events
        .iter()
        .find(|event| event.action == "Revoke")
        .unwrap();
    assert!(revoked.note.contains(&key) && revoked.note.contains("of CN=Root"));
    assert_eq!(roots(&world), 1, "the parent's root is not over that key");
    // The list stays while a successor signs, and the event is not repeated.
    let other = root.issue("Other");
    world.secrets.put_pair("other", &other, &root.pem);
    world.spec.key = key::software("other");
    ready(&world.reconcile().await);
    let message = &world.status.conditions[0].message;
    assert!(message.contains("of CN=Root"), "{message}");
    let events = world.written.iter().flat_map(|plan| &plan.events);
    assert!(events.into_iter().all(|event| event.action != "Revoke"));
}

/// No one above it can revoke a root that signed itself.
#[tokio::test]
async fn a_root_is_not_listed_for_a_parent() {
    let mut world = signing(1000).await;
    let key = world.specs()[0].key.fingerprint.clone();
    world = world.with(rotation(|rotation| rotation.revoked = vec![key]));
    let message = stalls(&world.reconcile().await, IssuerReason::KeyRevoked);
    assert!(!message.contains("serial number"), "{message}");
}
