use signet_api::Existing;
use signet_keys::ErrorClass;

use super::*;
use crate::fixtures::{ca, key};

/// An issuer with an intermediate under this root, in the Secret `ca`.
fn below(root: &ca::Ca) -> World {
    let world = World::existing();
    world
        .secrets
        .put_pair("ca", &root.issue("Issuing"), &root.pem);
    world
}

#[tokio::test]
async fn adopts_a_pair_and_is_ready() {
    let root = ca::Ca::root("Root");
    let mut world = below(&root);
    let round = world.reconcile().await;
    let ready = ready(&round);
    assert_eq!(
        (ready.number, ready.chain.issuing().subject()),
        (1, "CN=Issuing")
    );
    assert_eq!(ready.bundle.pem(), root.pem.replace("\r\n", "\n"));
}

/// cert-manager writes a new key over the old one, which is gone: no overlap is possible.
#[tokio::test]
async fn a_new_pair_in_the_secret_signs_at_once_and_the_old_root_stays() {
    let [first, second] = ["First", "Second"].map(ca::Ca::root);
    let mut world = below(&first);
    world.reconcile().await;
    world
        .secrets
        .put_pair("ca", &second.issue("Issuing"), &second.pem);
    let round = world.reconcile().await;
    assert_eq!((ready(&round).number, roots(&world)), (2, 2));
    let events: Vec<_> = world.written.iter().flat_map(|plan| &plan.events).collect();
    assert_eq!(events.len(), 1, "it was ready before and after: {events:?}");
    assert!(events[0].warning, "no overlap was possible");
    assert!(
        events[0]
            .note
            .contains("in the place of clusterissuer-corp-1"),
        "{events:?}"
    );
}

/// A renewed certificate over the same key is a generation too, and needs no wait.
#[tokio::test]
async fn follows_a_certificate_that_was_renewed() {
    let root = ca::Ca::root("Root");
    let issuing = root.issue("Issuing");
    let mut world = World::existing();
    world.secrets.put_pair("ca", &issuing, &root.pem);
    world.reconcile().await;
    let renewed = root.renew(&issuing);
    world.secrets.put_pair("ca", &renewed, &root.pem);
    assert_eq!(
        (ready(&world.reconcile().await).number, roots(&world)),
        (2, 1)
    );
}

/// The key stays, and its certificate is of another root: that one is published first.
#[tokio::test]
async fn another_root_above_the_same_key_is_published_first() {
    let [first, second] = ["First", "Second"].map(ca::Ca::root);
    let issuing = first.issue("Issuing");
    let mut world = World::existing();
    world.secrets.put_pair("ca", &issuing, &first.pem);
    world.reconcile().await;
    world
        .secrets
        .put_pair("ca", &second.renew(&issuing), &second.pem);
    let round = world.reconcile().await;
    assert_eq!((ready(&round).number, roots(&world)), (1, 2));
    assert_eq!(generations(&world.status)[1].2, GenerationState::Published);
    world.pass(93 * DAY);
    assert_eq!(ready(&world.reconcile().await).number, 2);
}

/// The pair may be written in two halves. The key is gone, so nothing signs.
#[tokio::test]
async fn rejects_a_certificate_of_another_key_and_heals() {
    let root = ca::Ca::root("Root");
    let [one, other] = ["One", "Other"].map(|name| root.issue(name));
    let mut world = World::existing();
    world.secrets.put(
        "ca",
        &[("tls.key", &one.key_pem()), ("tls.crt", &other.pem)],
    );
    let message = stalls(&world.reconcile().await, IssuerReason::KeyMismatch);
    assert!(message.contains("CN=Other"), "{message}");
    assert!(world.objects.is_empty());
    world.secrets.put_pair("ca", &one, &root.pem);
    ready(&world.reconcile().await);
    world.secrets.put(
        "ca",
        &[("tls.key", &other.key_pem()), ("tls.crt", &one.pem)],
    );
    stalls(&world.reconcile().await, IssuerReason::KeyMismatch);
}

/// In a Secret of its own, a wrong certificate leaves the current one in force.
#[tokio::test]
async fn a_certificate_that_is_refused_leaves_the_current_one_in_force() {
    let root = ca::Ca::root("Root");
    let issuing = root.issue("Issuing");
    let mut world = World::existing();
    world.spec.certificate.existing = Some(Existing {
        secret_name: Some("chain".to_owned()),
        config_map_name: None,
    });
    world.secrets.put("ca", &[("tls.key", &issuing.key_pem())]);
    world.secrets.put_pair("chain", &issuing, &root.pem);
    ready(&world.reconcile().await);
    for (wrong, expected) in [
        (ca::no_ca(), "is not a CA certificate"),
        (
            root.issue("Other").pem,
            "does not match the CA certificate CN=Other",
        ),
    ] {
        world.secrets.put("chain", &[("tls.crt", &wrong)]);
        let round = world.reconcile().await;
        assert_eq!((ready(&round).number, roots(&world)), (1, 1));
        let message = &world.status.conditions[0].message;
        assert!(message.contains(expected), "{message}");
    }
}

#[tokio::test]
async fn rejects_a_certificate_that_is_not_a_ca() {
    let mut world = World::existing();
    let pair = ca::Ca::root("Root");
    for (tls_crt, expected) in [
        (String::new(), "it holds no PEM block CERTIFICATE"),
        (ca::no_ca(), "is not a CA certificate"),
    ] {
        world
            .secrets
            .put("ca", &[("tls.key", &pair.key_pem()), ("tls.crt", &tls_crt)]);
        let message = stalls(&world.reconcile().await, IssuerReason::InvalidCa);
        assert!(message.contains(expected), "{message}");
    }
}

#[tokio::test]
async fn never_creates_a_key_for_an_existing_certificate() {
    let mut world = World::existing();
    let round = world.reconcile().await;
    stalls(&round, IssuerReason::Key(ErrorClass::KeyNotFound));
    assert!(world.objects.is_empty());
}

/// A root that is added to `ca.crt` is trusted, and the CA stays the same one.
#[tokio::test]
async fn an_added_root_makes_no_second_generation() {
    let [root, other] = ["Root", "Other"].map(ca::Ca::root);
    let issuing = root.issue("Issuing");
    let mut world = World::existing();
    world.secrets.put_pair("ca", &issuing, &root.pem);
    world.reconcile().await;
    world
        .secrets
        .put_pair("ca", &issuing, &(root.pem.clone() + &other.pem));
    let round = world.reconcile().await;
    assert_eq!((ready(&round).number, roots(&world)), (1, 2));
    assert_eq!(world.objects.len(), 1);
}

/// However the chain is put together, the generation that is written reads back as the same path;
/// otherwise each round would adopt it again.
#[tokio::test]
async fn adopts_every_form_of_chain_once() {
    let root = ca::Ca::root("Root");
    let top = root.issue("Top");
    let issuing = top.issue("Issuing");
    let files = |parts: &[&ca::Ca]| {
        parts
            .iter()
            .map(|part| part.pem.as_str())
            .collect::<String>()
    };
    for (tls_crt, ca_crt) in [
        (files(&[&issuing, &top]), files(&[&root])),
        (files(&[&issuing, &top, &root]), String::new()),
        (files(&[&issuing, &root, &top]), String::new()),
        (files(&[&issuing]), files(&[&root, &top])),
        (files(&[&issuing, &top]), String::new()),
        (files(&[&issuing, &top, &root]), files(&[&root])),
    ] {
        let mut world = World::existing();
        let key = issuing.key_pem();
        world.secrets.put(
            "ca",
            &[
                ("tls.key", &key),
                ("tls.crt", &tls_crt),
                ("ca.crt", &ca_crt),
            ],
        );
        ready(&world.reconcile().await);
        world.reconcile().await;
        assert_eq!((world.objects.len(), roots(&world)), (1, 1));
    }
}

/// The move from one source to the other starts another generation, with overlap.
#[tokio::test]
async fn another_source_is_another_generation() {
    let root = ca::Ca::root("Root");
    let mut world = below(&root);
    world.reconcile().await;
    world.spec.certificate = World::self_signed(1000 * DAY).spec.certificate;
    world.spec.key = key::software("ca");
    let round = world.reconcile().await;
    assert_eq!((ready(&round).number, roots(&world)), (1, 2));
    assert_eq!(generations(&world.status)[1].1, Some(GenerationRole::Next));
}
