//! Which roots are trusted: those that the spec lists, and those that generations have pinned.

use serde_json::json;
use signet_api::conditions::{READY, find};
use signet_api::{Existing, RootTrust, TrustedRootsSpec};
use signet_core::ca::CaCertificate;
use signet_core::ca::offer::{Refusal, Remedy};

use super::issuer_ref::{requested, sign, step};
use super::*;
use crate::fixtures::{ca::Ca, key};
use crate::issuers::parents::not_ready;

/// Lists the roots in the Secret `roots`.
fn in_secret() -> TrustedRootsSpec {
    TrustedRootsSpec {
        secret_name: Some("roots".to_owned()),
        ..TrustedRootsSpec::default()
    }
}

fn put(world: &World, roots: &str) {
    world.secrets.put("roots", &[("ca.crt", roots)]);
}

pub(super) fn fingerprint(root: &Ca) -> String {
    let read = CaCertificate::all_from_pem(root.pem.as_bytes()).unwrap();
    hex::encode(read[0].fingerprint())
}

fn fingerprints(roots: &[&Ca]) -> TrustedRootsSpec {
    TrustedRootsSpec {
        fingerprints: roots.iter().map(|root| fingerprint(root)).collect(),
        ..TrustedRootsSpec::default()
    }
}

fn has(world: &World, root: &Ca) -> bool {
    let bundle = world.status.bundle.as_deref().unwrap_or_default();
    bundle.contains(&root.pem.replace("\r\n", "\n"))
}

fn ready_message(world: &World) -> String {
    let ready = find(&world.status.conditions, READY).unwrap();
    assert_eq!(ready.status, "True", "{ready:?}");
    ready.message.clone()
}

/// An issuer below this root, which its first generation pinned.
async fn below_pinned(root: &Ca) -> World {
    let mut world = World::existing();
    let issuing = root.issue("Issuing");
    world.secrets.put_pair("ca", &issuing, &root.pem);
    ready(&world.reconcile().await);
    let mut certificate = json!(world.objects[0].spec.certificate);
    certificate["trust"] = json!("Pinned");
    world.patch(1, &json!({ "certificate": certificate }));
    // Its object is not what vouches for the root.
    world.spec.certificate.existing = Some(Existing {
        secret_name: Some("other".to_owned()),
        config_map_name: None,
    });
    world
}

#[tokio::test]
async fn listed_roots_are_published_while_the_object_has_them() {
    let [first, second] = ["First", "Second"].map(Ca::root);
    let mut world = signing(1000).await;
    world.spec.certificate.trusted_roots = Some(in_secret());
    for (listed, is_in, is_out) in [(&first, &first, &second), (&second, &second, &first)] {
        put(&world, &listed.pem);
        ready(&world.reconcile().await);
        assert!(has(&world, is_in) && !has(&world, is_out));
        assert_eq!(roots(&world), 2);
    }
    world.spec.certificate.trusted_roots = None;
    world.reconcile().await;
    assert_eq!(roots(&world), 1, "only its own root is left");
    assert_eq!(world.objects.len(), 1, "a list starts no generation");
}

/// Someone deletes the object, or a restore has not brought it back yet.
#[tokio::test]
async fn a_missing_list_loses_no_published_root_and_is_reported() {
    let listed = Ca::root("Listed");
    let mut world = signing(1000).await;
    world.spec.certificate.trusted_roots = Some(in_secret());
    put(&world, &listed.pem);
    world.reconcile().await;
    world.secrets.delete("roots");
    let round = world.reconcile().await;
    assert!(has(&world, &listed));
    let message = ready_message(&world);
    let missing = "the Secret roots, which spec.certificate.trustedRoots names, does not exist";
    assert!(message.contains(missing), "{message}");
    assert!(round.facts.waits_for_more(), "it is read again soon");
}

#[tokio::test]
async fn a_list_that_holds_no_roots_is_reported() {
    let root = Ca::root("Root");
    let mut world = signing(1000).await;
    world.spec.certificate.trusted_roots = Some(in_secret());
    for (content, expected) in [
        (String::new(), "has no certificate in ca.crt"),
        (
            root.issue("Middle").pem,
            "lists CN=Middle, which is not self-signed",
        ),
        (
            crate::fixtures::ca::no_ca(),
            "cannot be used: the certificate of CN=web",
        ),
    ] {
        put(&world, &content);
        world.reconcile().await;
        let message = ready_message(&world);
        assert!(message.contains(expected), "{message}");
        assert_eq!(roots(&world), 1);
    }
}

/// A parent must not become trusted because its list is missing.
#[tokio::test]
async fn a_parent_waits_for_the_object_that_lists_its_roots() {
    let mut world = signing(1000).await;
    world.spec.certificate.trusted_roots = Some(in_secret());
    let facts = world.observe().await;
    let not_ready = facts.roots.of_parent(&[]).unwrap_err();
    let reason = (not_ready.reason, not_ready.stalled);
    assert_eq!(reason, (IssuerReason::TrustedRootsUnavailable, false));
    world.spec.certificate.follow_parent_roots = true;
    assert!(world.observe().await.roots.of_parent(&[]).is_ok());
}

#[tokio::test]
async fn a_pin_is_reported_with_its_yaml_until_it_is_listed() {
    let root = Ca::root("Root");
    let mut world = below_pinned(&root).await;
    world.reconcile().await;
    let yaml = format!(
        "trustedRoots: {{fingerprints: [\"{}\"]}}",
        fingerprint(&root)
    );
    let message = ready_message(&world);
    assert!(message.contains(&yaml), "{message}");
    world.spec.certificate.trusted_roots = Some(fingerprints(&[&root]));
    world.reconcile().await;
    let message = ready_message(&world);
    assert!(!message.contains("pinned"), "{message}");
}

#[tokio::test]
async fn a_list_takes_the_place_of_pins() {
    let [root, other] = ["Root", "Other"].map(Ca::root);
    let mut world = below_pinned(&root).await;
    let facts = world.observe().await;
    assert_eq!(
        facts.roots.of_parent(&[]).unwrap().trusted().pinned.len(),
        1
    );
    world.spec.certificate.trusted_roots = Some(fingerprints(&[&other]));
    let facts = world.observe().await;
    let roots = facts.roots.of_parent(&[]).unwrap();
    let trusted = roots.trusted();
    assert!(trusted.pinned.is_empty() && trusted.certificates.is_empty());
    // With the certificate of a listed root, one over the same key is trusted too.
    world.spec.certificate.trusted_roots = Some(fingerprints(&[&other, &root]));
    let facts = world.observe().await;
    assert_eq!(
        facts
            .roots
            .of_parent(&[])
            .unwrap()
            .trusted()
            .certificates
            .len(),
        1
    );
}

/// Removing the list must not let the parent choose another root.
#[tokio::test]
async fn a_root_of_the_same_source_is_pinned_when_its_list_is_removed() {
    let root = Ca::root("Root");
    let mut world = World::existing();
    world
        .secrets
        .put_pair("ca", &root.issue("Issuing"), &root.pem);
    world.reconcile().await;
    let facts = world.observe().await;
    assert_eq!(
        facts.roots.of_parent(&[]).unwrap().trusted().pinned.len(),
        1
    );
}

/// The root may have left the bundle because its key was stolen.
#[tokio::test]
async fn the_bundle_of_an_issuer_of_signet_takes_the_place_of_pins() {
    let [root, other] = ["Root", "Other"].map(Ca::root);
    let world = below_pinned(&root).await;
    let bundle = CaCertificate::all_from_pem(other.pem.as_bytes()).unwrap();
    let roots = world.observe().await.roots.of_parent(&bundle).unwrap();
    assert!(roots.trusted().pinned.is_empty());
    assert_eq!(roots.trusted().certificates, bundle);
}

/// A key that was stolen must not vouch for the next root.
#[tokio::test]
async fn a_revoked_root_vouches_for_no_other() {
    let root = Ca::root("Root");
    let mut world = below_pinned(&root).await;
    let key = root.signer().public_key().fingerprint();
    world = world.with(rotation(|rotation| rotation.revoked = vec![key]));
    let facts = world.observe().await;
    assert!(
        facts
            .roots
            .of_parent(&[])
            .unwrap()
            .trusted()
            .pinned
            .is_empty()
    );
}

/// Roots that Signet created are trusted, and are not the first of a parent.
#[tokio::test]
async fn a_created_root_is_no_pin_of_another_source() {
    let mut world = signing(1000).await;
    world.spec.certificate.self_signed = None;
    world.spec.certificate.existing = Some(Existing::default());
    let facts = world.observe().await;
    let roots = facts.roots.of_parent(&[]).unwrap();
    let trusted = roots.trusted();
    assert_eq!((trusted.created.len(), trusted.pinned.len()), (1, 0));
}

#[test]
fn an_untrusted_root_stalls_unless_an_object_can_list_it() {
    let refusal = |remedy| Refusal::UntrustedRoot {
        subject: "CN=Root".to_owned(),
        fingerprint: "5f1d".to_owned(),
        remedy,
    };
    for (remedy, stalled) in [
        (Remedy::Spec("trustedRoots: {}".to_owned()), true),
        (Remedy::Object("the ConfigMap roots".to_owned()), false),
    ] {
        let not_ready = not_ready("the parent's certificate", &refusal(remedy));
        assert_eq!(not_ready.reason, IssuerReason::RootNotTrusted);
        assert_eq!(not_ready.stalled, stalled, "{not_ready:?}");
    }
}

/// The object of a manual or existing source is trusted, and a list adds to it.
#[tokio::test]
async fn a_list_adds_to_the_roots_in_the_object_of_the_source() {
    let [root, other] = ["Root", "Other"].map(Ca::root);
    let mut world = World::existing();
    world
        .secrets
        .put_pair("ca", &root.issue("Issuing"), &root.pem);
    world.spec.certificate.trusted_roots = Some(in_secret());
    put(&world, &other.pem);
    ready(&world.reconcile().await);
    assert!(has(&world, &root) && has(&world, &other));
    // A key that the spec names next is not affected by the list either.
    world.spec.key = key::software("next");
    world
        .secrets
        .put_pair("next", &root.issue("Next"), &root.pem);
    assert_eq!(ready(&world.reconcile().await).number, 2);
}

/// The certificate is kept meanwhile: no other one is requested.
#[tokio::test]
async fn a_root_that_is_not_listed_waits_with_its_fingerprint_and_the_yaml() {
    let [root, other] = ["Root", "Other"].map(Ca::offline);
    let mut world = requested().await;
    world.spec.certificate.trusted_roots = Some(fingerprints(&[&other]));
    sign(&world, &root, 2031);
    let message = stalls(&step(&mut world, 1).await, IssuerReason::RootNotTrusted);
    let (own, listed) = (fingerprint(&root), fingerprint(&other));
    let named = format!("CN=Root with SHA-256 {own} is not trusted");
    assert!(message.contains(&named), "{message}");
    let (_, yaml) = message
        .split_once("set in spec.certificate: trustedRoots: ")
        .unwrap();
    assert!(yaml.contains(&own) && yaml.contains(&listed), "{message}");
    assert_eq!(world.status.bundle, None);
    world.spec.certificate.trusted_roots = Some(fingerprints(&[&other, &root]));
    ready(&step(&mut world, 1).await);
    let certificate = world.specs()[0].certificate.clone().unwrap();
    assert_eq!(certificate.trust, RootTrust::Listed);
    assert_eq!(world.requests.names().len(), 1);
}

#[tokio::test]
async fn a_list_in_an_object_is_waited_for_and_followed() {
    let [root, other] = ["Root", "Other"].map(Ca::offline);
    let mut world = requested().await;
    world.spec.certificate.trusted_roots = Some(in_secret());
    sign(&world, &root, 2031);
    waits(
        &step(&mut world, 1).await,
        IssuerReason::TrustedRootsUnavailable,
    );
    put(&world, &other.pem);
    let message = waits(&step(&mut world, 1).await, IssuerReason::RootNotTrusted);
    assert!(
        message.contains("add it to ca.crt of the Secret roots"),
        "{message}"
    );
    assert!(has(&world, &other) && !has(&world, &root));
    put(&world, &root.pem);
    ready(&step(&mut world, 1).await);
    assert!(has(&world, &root) && !has(&world, &other));
}

#[tokio::test]
async fn another_root_is_published_and_used_if_the_spec_follows_the_parent() {
    let [first, second] = ["First", "Second"].map(Ca::offline);
    let mut world = requested().await;
    sign(&world, &first, 2031);
    ready(&step(&mut world, 1).await);
    world.spec.certificate.follow_parent_roots = true;
    // It is due to be renewed.
    step(&mut world, 1500 * DAY).await;
    let names = world.requests.names();
    let key = world.secrets.text("ca", "tls.key");
    let chain = second.certify("Issuing", &key, 2040);
    let requests = &world.requests;
    requests.sign(&names[1], &chain, &second.pem, world.now);
    step(&mut world, 1).await;
    assert!(has(&world, &first) && has(&world, &second));
    let message = ready_message(&world);
    assert!(!message.contains("pinned on first use"), "{message}");
}

/// A thief of the root's key may answer next.
#[tokio::test]
async fn an_answer_after_the_pinned_root_was_revoked_plants_no_trust_anchor() {
    let [first, planted] = ["First", "Planted"].map(Ca::offline);
    let mut world = requested().await;
    sign(&world, &first, 2031);
    ready(&step(&mut world, 1).await);
    let stolen = first.signer().public_key().fingerprint();
    world = world.with(rotation(|rotation| rotation.revoked = vec![stolen]));
    step(&mut world, 1500 * DAY).await;
    let name = world.requests.names().pop().unwrap();
    let key = world.secrets.text("ca", "tls.key");
    let chain = planted.certify("Issuing", &key, 2040);
    let requests = &world.requests;
    requests.sign(&name, &chain, &planted.pem, world.now);
    let round = step(&mut world, 1).await;
    let refused = round.facts.refused().map(|refused| refused.reason);
    assert_eq!(refused, Some(IssuerReason::RootNotTrusted));
    assert!(!has(&world, &planted));
    world.spec.certificate.trusted_roots = Some(fingerprints(&[&planted]));
    step(&mut world, 1).await;
    assert!(has(&world, &planted), "it is listed");
}
