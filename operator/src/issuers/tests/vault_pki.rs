//! A PKI engine signs. Its server does not respond here; what it returned is stored by hand.

use serde_json::json;
use signet_api::{CaRequest, RootTrust, TrustedRootsSpec, VaultPkiSource};
use signet_core::issue::Csr;

use super::*;
use crate::fixtures::ca::Ca;

fn source() -> VaultPkiSource {
    serde_json::from_value(json!({
        "address": "https://127.0.0.1:1",
        "auth": { "tokenRef": { "name": "vault", "key": "token" } },
        "mount": "pki_int",
    }))
    .unwrap()
}

/// An issuer that has submitted its CSR.
async fn submitted() -> World {
    let mut world = World::vault_pki(source());
    world.secrets.put("vault", &[("token", "s.abc")]);
    let message = waits(&world.reconcile().await, IssuerReason::ParentUnavailable);
    assert!(
        message.contains("the Vault at https://127.0.0.1:1"),
        "{message}"
    );
    world
}

/// The CSR of the newest generation.
fn csr(world: &World) -> Csr {
    let spec = world.specs().pop().unwrap();
    Csr::from_pem(&spec.csr.unwrap()).unwrap()
}

/// The engine signs for the key of the issuer.
fn sign(world: &World, root: &Ca, year: i32) {
    let certificate = root.certify("Issuing", &world.secrets.text("ca", "tls.key"), year);
    world.respond(&csr(world), &format!("{certificate}{}", root.pem), None);
}

#[tokio::test]
async fn signs_under_the_certificate_that_the_engine_returned_and_pins_its_root() {
    let (mut world, root) = (submitted().await, Ca::offline("Root"));
    sign(&world, &root, 2031);
    let round = world.reconcile().await;
    assert_eq!(ready(&round).chain.issuing().subject(), "CN=Issuing");
    let trust = world.specs()[0].certificate.as_ref().unwrap().trust;
    assert_eq!(trust, RootTrust::Pinned);
    assert_eq!(world.status.bundle.as_deref(), Some(&*root.pem));
}

/// It is as large as a chain, and nothing reads it again.
#[tokio::test]
async fn what_the_engine_returned_is_forgotten_once_it_is_stored() {
    let (mut world, root) = (submitted().await, Ca::offline("Root"));
    sign(&world, &root, 2031);
    let submission = async |world: &World| world.observe().await.remembered.submission;
    assert!(submission(&world).await.is_some());
    ready(&world.reconcile().await);
    assert_eq!(submission(&world).await, None);
}

#[tokio::test]
async fn a_server_that_does_not_respond_is_called_again_with_a_growing_backoff() {
    let mut world = submitted().await;
    let mut waited = Vec::new();
    for _ in 0..7 {
        let attempt = world.observe().await.attempt.unwrap();
        waited.push(attempt.at.duration_since(world.now).as_secs());
        world.now = attempt.at;
        waits(&world.reconcile().await, IssuerReason::ParentUnavailable);
    }
    assert_eq!(waited, [2, 4, 8, 16, 32, 60, 60]);
    assert_eq!(world.objects.len(), 1);
}

/// Each certificate that was signed in vain stays in the mount.
#[tokio::test]
async fn a_certificate_that_cannot_be_used_is_requested_again_much_later() {
    let (mut world, root) = (submitted().await, Ca::offline("Root"));
    let other = root.issue("Other").pem;
    world.respond(&csr(&world), &format!("{other}{}", root.pem), None);
    let round = world.reconcile().await;
    let message = stalls(&round, IssuerReason::KeyMismatch);
    let place = "the certificate from the PKI issuer default at pki_int";
    assert!(message.contains(place), "{message}");
    let attempt = round.facts.attempt.unwrap();
    let wait = attempt.at.duration_since(world.now).as_secs();
    assert!(wait >= 60, "{wait}");
}

/// A parent's response must not plant a trust anchor.
#[tokio::test]
async fn another_root_waits_until_the_spec_lists_it_and_nothing_more_is_signed() {
    let [root, other] = ["Root", "Other"].map(Ca::offline);
    let mut world = submitted().await;
    sign(&world, &root, 2031);
    ready(&world.reconcile().await);
    world.pass(1500 * DAY);
    world.reconcile().await;
    sign(&world, &other, 2040);
    let round = world.reconcile().await;
    assert_eq!(ready(&round).number, 1);
    let refused = round.facts.refused().unwrap().clone();
    assert_eq!(refused.reason, IssuerReason::RootNotTrusted);
    assert_eq!(round.facts.attempt, None, "the certificate is kept");
    assert_eq!(roots(&world), 1);
    let fingerprints = [&root, &other].map(super::roots::fingerprint);
    world.spec.certificate.trusted_roots = Some(TrustedRootsSpec {
        fingerprints: fingerprints.to_vec(),
        ..TrustedRootsSpec::default()
    });
    world.reconcile().await;
    assert_eq!(roots(&world), 2);
}

/// Many mounts have no root. The spec can list it, and the chain is complete.
#[tokio::test]
async fn a_mount_without_its_root_needs_a_list_that_has_it() {
    let (mut world, root) = (submitted().await, Ca::offline("Root"));
    let certificate = root.certify("Issuing", &world.secrets.text("ca", "tls.key"), 2031);
    world.respond(&csr(&world), &certificate, None);
    let message = stalls(&world.reconcile().await, IssuerReason::InvalidCa);
    assert!(
        message.contains("the root above CN=Issuing is missing"),
        "{message}"
    );
    world.spec.certificate.trusted_roots = Some(TrustedRootsSpec {
        secret_name: Some("roots".to_owned()),
        ..TrustedRootsSpec::default()
    });
    world.secrets.put("roots", &[("ca.crt", &root.pem)]);
    ready(&world.reconcile().await);
}

/// Nothing is signed that could not be judged.
#[tokio::test]
async fn nothing_is_submitted_while_the_list_of_roots_is_missing() {
    let mut world = World::vault_pki(source());
    world.spec.certificate.trusted_roots = Some(TrustedRootsSpec {
        config_map_name: Some("roots".to_owned()),
        ..TrustedRootsSpec::default()
    });
    let round = world.reconcile().await;
    waits(&round, IssuerReason::TrustedRootsUnavailable);
    assert_eq!(round.facts.attempt, None);
}

#[tokio::test]
async fn another_source_or_request_starts_a_generation_and_another_login_does_not() {
    let mut world = submitted().await;
    sign(&world, &Ca::offline("Root"), 2031);
    ready(&world.reconcile().await);
    for (field, value, generations) in [
        (
            "auth",
            json!({ "tokenRef": { "name": "other", "key": "token" } }),
            1,
        ),
        ("caBundle", json!({ "inline": "x" }), 1),
        ("mount", json!("pki"), 2),
        ("issuerRef", json!("root-2026"), 3),
        ("duration", json!("24h"), 4),
    ] {
        let mut changed = json!(world.spec.certificate.vault_pki);
        changed[field] = value;
        world.spec.certificate.vault_pki = serde_json::from_value(changed).unwrap();
        ready(&world.reconcile().await);
        let numbers = world.specs().iter().map(|spec| spec.generation).max();
        assert_eq!(numbers, Some(generations), "{field}");
    }
}

#[test]
fn the_request_of_the_spec_is_read_beside_the_connection() {
    let read: VaultPkiSource = serde_json::from_value(json!({
        "address": "https://vault:8200",
        "auth": { "tokenRef": { "name": "vault", "key": "token" } },
        "issuerRef": "root-2026",
        "duration": "720h",
        "subject": "CN=Issuing",
        "pathLength": 0,
    }))
    .unwrap();
    assert_eq!(read.pki.issuer_ref, "root-2026");
    assert_eq!(read.duration(), std::time::Duration::from_secs(720 * 3600));
    let request = CaRequest {
        subject: Some("CN=Issuing".to_owned()),
        path_length: Some(0),
        name_constraints: None,
    };
    assert_eq!(read.request, request);
}
