//! A person signs: the CSR in the status, and the chain that they put into an object.

use signet_api::conditions::{ROTATING, find};
use signet_api::{CaRequest, GenerationRole, GenerationState, Manual};
use signet_core::request::csr::Csr;
use signet_core::x509::basic_constraints::BasicConstraints;

use super::*;
use crate::fixtures::ca::Ca;

fn world() -> World {
    World::manual(Manual {
        secret_name: Some("chain".to_owned()),
        ..Manual::default()
    })
}

/// What the person does: they sign for the key of the issuer.
fn sign(world: &World, root: &Ca, year: i32) {
    let key = world.secrets.text("ca", "tls.key");
    let certificate = root.certify("Issuing", &key, year);
    put(world, &certificate, &root.pem);
}

fn put(world: &World, chain: &str, roots: &str) {
    world
        .secrets
        .put("chain", &[("tls.crt", chain), ("ca.crt", roots)]);
}

fn csr(world: &World) -> Csr {
    Csr::from_pem(world.status.csr.as_ref().unwrap().pem.as_bytes()).unwrap()
}

#[tokio::test]
async fn waits_for_a_person_with_the_csr_in_the_status() {
    let mut world = world();
    let round = world.reconcile().await;
    let message = waits(&round, IssuerReason::WaitingForCertificate);
    let pending = world.status.csr.clone().unwrap();
    assert!(message.contains(&pending.sha256), "{message}");
    assert!(message.contains("the Secret chain"), "{message}");
    assert_eq!(
        csr(&world).public_key.fingerprint(),
        world.objects[0].spec.key.fingerprint
    );
    let events = world.written.iter().flat_map(|plan| &plan.events);
    let reasons: Vec<_> = events.map(|event| event.reason).collect();
    assert_eq!(
        reasons,
        ["WaitingForCertificate", "CertificateRequested"],
        "{:?}",
        world.written
    );
    world.reconcile().await;
    assert_eq!(world.status.csr, Some(pending), "the CSR stays the same");
}

#[tokio::test]
async fn signs_under_the_chain_that_the_person_put_there() {
    let (mut world, root) = (world(), Ca::offline("Offline"));
    world.reconcile().await;
    sign(&world, &root, 2031);
    let round = world.reconcile().await;
    let ready = ready(&round);
    assert_eq!(ready.chain.issuing().subject(), "CN=Issuing");
    assert_eq!(world.status.bundle.as_deref(), Some(&*root.pem));
    assert_eq!(world.status.csr, None);
}

#[tokio::test]
async fn requests_what_the_spec_says() {
    let mut world = world().with(|world| {
        let manual = world.spec.certificate.manual.as_mut().unwrap();
        manual.request = CaRequest {
            subject: Some("CN=Issuing,O=Example".to_owned()),
            path_length: Some(1),
            name_constraints: None,
        };
    });
    world.reconcile().await;
    let requested = csr(&world);
    let extensions = &requested.extensions;
    let constraints = BasicConstraints {
        ca: true,
        path_length: Some(1),
    };
    assert_eq!(extensions.basic_constraints, Some(constraints));
    let first = world.status.csr.clone();
    let manual = world.spec.certificate.manual.as_mut().unwrap();
    manual.request.path_length = Some(0);
    world.reconcile().await;
    assert_eq!(world.status.csr.as_ref().unwrap().generation, 2);
    assert_ne!(world.status.csr, first, "another request has another CSR");
}

/// The old certificate is still in the object when the CSR of the renewal appears.
#[tokio::test]
async fn a_renewal_is_requested_in_time_while_the_ca_signs() {
    let (mut world, root) = (world(), Ca::offline("Offline"));
    world.reconcile().await;
    sign(&world, &root, 2031);
    let subject = ready(&world.reconcile().await)
        .chain
        .issuing()
        .subject_der()
        .to_vec();
    world.pass(1500 * DAY);
    let round = world.reconcile().await;
    ready(&round);
    assert_eq!(csr(&world).subject_der, subject, "it keeps its subject");
    let rotating = find(&world.status.conditions, ROTATING).unwrap();
    assert_eq!(rotating.reason, "WaitingForCertificate");
    assert!(rotating.message.contains("status.csr"), "{rotating:?}");
    sign(&world, &root, 2040);
    ready(&world.reconcile().await);
    let current = (2, Some(GenerationRole::Current), GenerationState::Active);
    assert_eq!(generations(&world.status)[0], current);
    assert_eq!(roots(&world), 1, "it is the same root");
}

#[tokio::test]
async fn a_certificate_that_the_person_renews_early_is_followed() {
    let (mut world, root) = (world(), Ca::offline("Offline"));
    world.reconcile().await;
    sign(&world, &root, 2031);
    world.reconcile().await;
    sign(&world, &root, 2033);
    let round = world.reconcile().await;
    assert_eq!(ready(&round).number, 2);
    world.reconcile().await;
    assert_eq!(world.objects.len(), 2, "and then it is known");
}

#[tokio::test]
async fn another_key_waits_for_its_own_certificate() {
    let (mut world, root) = (world(), Ca::offline("Offline"));
    world.reconcile().await;
    sign(&world, &root, 2031);
    world.reconcile().await;
    world.secrets.put_new_key("other");
    world.spec.key = crate::fixtures::key::software("other");
    let round = world.reconcile().await;
    assert_eq!(ready(&round).number, 1);
    assert_eq!(world.status.csr.as_ref().unwrap().generation, 2);
    assert_ne!(
        csr(&world).subject_der,
        ready(&round).chain.issuing().subject_der()
    );
    let certificate = root.certify("Other", &world.secrets.text("other", "tls.key"), 2031);
    put(&world, &certificate, &root.pem);
    assert_eq!(ready(&world.reconcile().await).number, 2);
}

#[tokio::test]
async fn reports_what_is_wrong_with_the_chain() {
    let (mut world, root) = (world(), Ca::offline("Offline"));
    world.reconcile().await;
    let other = root.issue("Other");
    for (chain, reason, part) in [
        (
            other.pem.as_str(),
            IssuerReason::KeyMismatch,
            "get the CSR in status.csr signed",
        ),
        (
            root.pem.as_str(),
            IssuerReason::KeyMismatch,
            "get the CSR in status.csr signed",
        ),
        ("", IssuerReason::InvalidCa, "has no tls.crt"),
        (
            "no PEM",
            IssuerReason::InvalidCa,
            "the chain in the Secret chain",
        ),
    ] {
        put(&world, chain, &root.pem);
        let message = waits(&world.reconcile().await, reason);
        assert!(message.contains(part), "{message}");
    }
    sign(&world, &root, 2031);
    ready(&world.reconcile().await);
}

/// Text between blocks, the lines of another system, and everything in one file.
#[tokio::test]
async fn reads_the_files_that_people_have() {
    let root = Ca::offline("Offline");
    for form in ["crlf", "text", "root in tls.crt"] {
        let mut world = world();
        world.reconcile().await;
        let key = world.secrets.text("ca", "tls.key");
        let certificate = root.certify("Issuing", &key, 2031);
        let text = format!("subject=CN = Issuing\n\n{certificate}\nissuer=CN = Offline\n");
        match form {
            "crlf" => put(&world, &certificate.replace('\n', "\r\n"), &root.pem),
            "text" => put(&world, &text, &root.pem),
            _ => put(&world, &format!("{}{certificate}", root.pem), &root.pem),
        }
        let round = world.reconcile().await;
        assert!(
            round.decision.outcome.is_ok(),
            "{form}: {:?}",
            round.decision.outcome
        );
    }
}
