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
            "none of its certificates is for the issuer's key; the first one is of CN=Other",
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
    waits(&round, IssuerReason::Key(ErrorClass::KeyNotFound));
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
        world.spec.certificate.allow_missing_root = true;
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

/// An issuer that signs under this CA, in a Secret of its own.
async fn signs(root: &ca::Ca, issuing: &ca::Ca) -> World {
    let mut world = World::existing();
    world.spec.certificate.existing = Some(Existing {
        secret_name: Some("chain".to_owned()),
        config_map_name: None,
    });
    world.secrets.put("ca", &[("tls.key", &issuing.key_pem())]);
    world.secrets.put_pair("chain", issuing, &root.pem);
    ready(&world.reconcile().await);
    world
}

/// Reconciles with this chain, which must leave the first generation in force.
async fn refused(world: &mut World, tls_crt: &str, ca_crt: &str) -> String {
    let data = [("tls.crt", tls_crt), ("ca.crt", ca_crt)];
    world.secrets.put("chain", &data);
    let round = world.reconcile().await;
    assert_eq!((ready(&round).number, world.objects.len()), (1, 1));
    world.status.conditions[0].message.clone()
}

#[tokio::test]
async fn each_reason_to_refuse_a_chain_has_its_message() {
    let root = ca::Ca::root("Root");
    let issuing = root.issue("Issuing");
    let mut world = signs(&root, &issuing).await;
    let changed = |change: fn(&mut rcgen::CertificateParams)| {
        let again = root.again(Some(&issuing), |params| {
            params.serial_number = Some(rcgen::SerialNumber::from(vec![7]));
            change(params);
        });
        again.pem
    };
    let unknown = |params: &mut rcgen::CertificateParams| {
        let oid = [1, 3, 6, 1, 4, 1, 99999, 1];
        let mut extension = rcgen::CustomExtension::from_oid_content(&oid, vec![5, 0]);
        extension.set_criticality(true);
        params.custom_extensions.push(extension);
    };
    let own_key = issuing.key_pem();
    for (tls_crt, expected) in [
        (
            changed(|params| params.not_after = rcgen::date_time_ymd(2026, 1, 2)),
            "the certificate of CN=Issuing expired at 2026-01-02T00:00:00Z",
        ),
        (
            changed(|params| params.not_before = rcgen::date_time_ymd(2026, 12, 31)),
            "the certificate of CN=Issuing is not valid before 2026-12-31T00:00:00Z",
        ),
        (
            changed(unknown),
            "has the critical extension 1.3.6.1.4.1.99999.1",
        ),
        (
            issuing.pem.clone() + &own_key,
            "holds a PEM block \"PRIVATE KEY\"",
        ),
    ] {
        let message = refused(&mut world, &tls_crt, &root.pem).await;
        assert!(message.starts_with("Signs as CN=Issuing"), "{message}");
        assert!(message.contains(expected), "{message}");
    }
}

/// A path without a root is not an anchor by accident.
#[tokio::test]
async fn a_path_without_a_root_needs_the_specs_consent() {
    let root = ca::Ca::root("Root");
    let issuing = root.issue("Issuing");
    let mut world = World::existing();
    world.secrets.put_pair("ca", &issuing, "");
    let message = stalls(&world.reconcile().await, IssuerReason::InvalidCa);
    assert!(message.contains("allowMissingRoot"), "{message}");
    world.spec.certificate.allow_missing_root = true;
    ready(&world.reconcile().await);
}

/// Roots of which none is above the CA must not make the CA itself the anchor.
#[tokio::test]
async fn an_unrelated_root_does_not_make_the_issuing_ca_an_anchor() {
    let [root, other] = ["Root", "Other"].map(ca::Ca::root);
    let issuing = root.issue("Issuing");
    let mut world = signs(&root, &issuing).await;
    let message = refused(&mut world, &issuing.pem, &other.pem).await;
    assert!(
        message.contains("none of the roots in it is above CN=Issuing"),
        "{message}"
    );
    assert_eq!(
        ready(&world.reconcile().await).chain.roots()[0].subject(),
        "CN=Root"
    );
    let mut world = World::existing();
    world.spec.certificate.allow_missing_root = true;
    world.secrets.put_pair("ca", &issuing, &other.pem);
    stalls(&world.reconcile().await, IssuerReason::InvalidCa);
}

/// The next root may be added before it is valid.
#[tokio::test]
async fn a_root_renewed_with_a_later_not_before_leaves_the_issuer_ready() {
    let root = ca::Ca::root("Root");
    let issuing = root.issue("Issuing");
    let later = root.again(None, |params| {
        params.not_before = rcgen::date_time_ymd(2026, 12, 1);
        params.not_after = rcgen::date_time_ymd(2030, 1, 1);
    });
    for ca_crt in [[&root, &later], [&later, &root]] {
        let mut world = signs(&root, &issuing).await;
        let ca_crt = ca_crt.map(|root| root.pem.clone()).concat();
        world.secrets.put_pair("chain", &issuing, &ca_crt);
        let round = world.reconcile().await;
        assert_eq!((ready(&round).number, world.objects.len()), (1, 1));
        assert_eq!(roots(&world), 2);
    }
}

#[tokio::test]
async fn waits_for_a_certificate_whose_parent_has_a_clock_ahead() {
    let root = ca::Ca::root("Root");
    let soon = root.again(Some(&root.issue("Issuing")), |params| {
        let noon = std::time::Duration::from_secs(12 * 3600);
        params.not_before = rcgen::date_time_ymd(2026, 9, 1) + noon + noon / 144;
    });
    let mut world = World::existing();
    world.secrets.put_pair("ca", &soon, &root.pem);
    let round = world.reconcile().await;
    let not_ready = round.decision.outcome.unwrap_err();
    assert_eq!(not_ready.reason, IssuerReason::CaNotYetValid);
    assert!(!not_ready.stalled, "{not_ready:?}");
    world.pass(301);
    ready(&world.reconcile().await);
}

#[tokio::test]
async fn usual_shortcomings_are_warnings_in_the_ready_message() {
    let root = ca::Ca::root("Root");
    let issuing = root.again(Some(&root.issue("Issuing")), |params| {
        params.key_usages = vec![rcgen::KeyUsagePurpose::KeyCertSign];
        let id = rcgen::string::Ia5String::try_from("spiffe://example.net").unwrap();
        params.subject_alt_names.push(rcgen::SanType::URI(id));
    });
    let mut world = World::existing();
    world.secrets.put_pair("ca", &issuing, &root.pem);
    ready(&world.reconcile().await);
    let message = &world.status.conditions[0].message;
    for expected in [
        "the certificate of CN=Issuing has no key usage cRLSign",
        "the CA certificate has the SPIFFE ID \"spiffe://example.net\"",
    ] {
        assert!(message.contains(expected), "{message}");
    }
}

/// What the CA forbids is part of the rules, and so is denied before anything is signed.
#[tokio::test]
async fn the_rules_have_the_limits_of_the_chain() {
    let root = ca::Ca::root("Root");
    let issuing = root.again(Some(&root.issue("Issuing")), |params| {
        params.name_constraints = Some(rcgen::NameConstraints {
            permitted_subtrees: vec![rcgen::GeneralSubtree::DnsName("example.org".to_owned())],
            excluded_subtrees: vec![],
        });
    });
    let mut world = World::existing();
    world.secrets.put_pair("ca", &issuing, &root.pem);
    let round = world.reconcile().await;
    let ready = ready(&round);
    assert_eq!(ready.policy.limits, ready.chain.limits());
    assert_ne!(ready.policy.limits, signet_core::ca::Limits::default());
}
