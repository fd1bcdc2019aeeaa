//! What the Ready message warns of, and when an issuer is reconciled again.

use std::time::Duration;

use signet_api::conditions::{READY, find};
use signet_api::{CaRequest, Manual, NameConstraints, SpiffeSpec, Subtrees};

use super::shell::context;
use super::*;
use crate::fixtures::{ca::Ca, key};
use crate::issuers::requeue_after;
use crate::publish::Report;

fn ready_message(world: &World) -> String {
    find(&world.status.conditions, READY)
        .unwrap()
        .message
        .clone()
}

fn requesting(request: CaRequest) -> World {
    World::manual(Manual {
        secret_name: Some("chain".to_owned()),
        config_map_name: None,
        request,
    })
}

fn sign(world: &World, secret: &str, root: &Ca, name: &str) {
    let certificate = root.certify(name, &world.secrets.text(secret, "tls.key"), 2031);
    world
        .secrets
        .put("chain", &[("tls.crt", &certificate), ("ca.crt", &root.pem)]);
}

/// A person reads it before they get the CSR signed.
#[tokio::test]
async fn warns_of_uri_constraints_in_a_trust_domain_before_and_after_the_ca_signs() {
    let constraints = NameConstraints {
        permitted: Some(Subtrees {
            uri_domains: vec!["example.org".to_owned()],
            ..Subtrees::default()
        }),
        excluded: None,
    };
    let mut world = requesting(CaRequest {
        name_constraints: Some(constraints),
        ..CaRequest::default()
    });
    let warning = "with spec.certificate.manual.nameConstraints.uriDomains, peers which verify with \
                   rustls";
    world.reconcile().await;
    assert!(!ready_message(&world).contains(warning), "a plain CA");
    world.objects.clear();
    world.spec.spiffe = Some(SpiffeSpec {
        trust_domain: "example.org".to_owned(),
    });
    waits(
        &world.reconcile().await,
        IssuerReason::WaitingForCertificate,
    );
    assert!(ready_message(&world).contains(warning));
    // The parent left the constraints out, and a renewal would have them.
    sign(&world, "ca", &Ca::offline("Root"), "Issuing");
    ready(&world.reconcile().await);
    assert!(ready_message(&world).contains(warning));
}

#[tokio::test]
async fn warns_of_an_explicit_subject_that_two_keys_share() {
    let mut world = requesting(CaRequest {
        subject: Some("CN=Issuing".to_owned()),
        ..CaRequest::default()
    });
    let root = Ca::offline("Root");
    world.reconcile().await;
    sign(&world, "ca", &root, "Issuing");
    ready(&world.reconcile().await);
    let warning = "spec.certificate.manual.subject is that of clusterissuer-corp-1 and of \
                   clusterissuer-corp-2, which have different keys";
    assert!(!ready_message(&world).contains("different keys"));
    world.secrets.put_new_key("next");
    world.spec.key = key::software("next");
    ready(&world.reconcile().await);
    assert!(
        ready_message(&world).contains(warning),
        "before it is signed"
    );
    sign(&world, "next", &root, "Issuing");
    assert_eq!(ready(&world.reconcile().await).number, 2);
    assert!(
        ready_message(&world).contains(warning),
        "while both are valid"
    );
    world.pass(1000 * DAY);
    world.reconcile().await;
    assert!(!ready_message(&world).contains(warning));
}

/// The default subject is another one for each key.
#[tokio::test]
async fn a_default_subject_is_never_shared() {
    let mut world = signing(1000).await;
    world.spec.key = key::software("other");
    world.reconcile().await;
    assert!(!ready_message(&world).contains("different keys"));
}

/// A parent whose clock is ahead: without a time, the issuer would wait for its whole backoff.
#[tokio::test]
async fn is_reconciled_when_a_certificate_becomes_valid() {
    let mut world = requesting(CaRequest::default());
    // The fixtures are valid from 2026 on.
    world.now = "2025-12-31T23:55:00Z".parse().unwrap();
    world.reconcile().await;
    sign(&world, "ca", &Ca::offline("Root"), "Issuing");
    let round = world.reconcile().await;
    waits(&round, IssuerReason::CaNotYetValid);
    let (mut context, _) = context();
    context.settings.issuer_resync_interval = Duration::from_secs(3600);
    context.now = || "2025-12-31T23:55:00Z".parse().unwrap();
    let again = requeue_after(&world.object(), &round, &Report::default(), &context);
    assert_eq!(again, Duration::from_secs(300));
    world.pass(300);
    ready(&world.reconcile().await);
}
