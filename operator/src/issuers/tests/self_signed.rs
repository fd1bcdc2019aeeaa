use signet_api::SpiffeSpec;
use signet_keys::{ErrorClass, GeneratedKey, KeyBackend, KeyType};

use super::*;
use crate::issuers::decide::{Step, decide};

/// Requests meet an issuer whose key is being created, which may take seconds.
#[tokio::test]
async fn a_key_that_is_being_created_is_not_reported_as_missing() {
    let world = World::self_signed(100 * DAY);
    let decision = decide(&world.observe().await);
    assert!(matches!(decision.step, Some(Step::CreateKey(_))));
    let message = refused(&decision.outcome, (IssuerReason::Progressing, false));
    assert_eq!(message, "its key software/ca is being created");
    // Once it was tried in vain.
    let mut facts = world.observe().await;
    facts.may_create_key = false;
    let decision = decide(&facts);
    assert!(!matches!(decision.step, Some(Step::CreateKey(_))));
    let missing = (IssuerReason::Key(ErrorClass::KeyNotFound), false);
    refused(&decision.outcome, missing);
    // A Secret that exists is not changed.
    let world = World::self_signed(100 * DAY);
    world.secrets.put("ca", &[("other", "entry")]);
    let message = refused(&decide(&world.observe().await).outcome, missing);
    assert!(message.contains("has no tls.key"), "{message}");
}

#[tokio::test]
async fn creates_key_and_root_and_is_ready_in_one_reconcile() {
    let mut world = World::self_signed(100 * DAY);
    let round = world.reconcile().await;
    let ready = ready(&round);
    assert_eq!(
        (ready.number, ready.generation.as_str()),
        (1, "clusterissuer-corp-1")
    );
    assert_eq!(
        ready.chain.issuing().subject(),
        "CN=ClusterIssuer corp generation 1"
    );
    assert_eq!(world.status.bundle.as_deref(), Some(ready.bundle.pem()));
    let active = (1, Some(GenerationRole::Current), GenerationState::Active);
    assert_eq!(generations(&world.status), [active]);
}

/// Only publication justifies an activation, even of the first CA.
#[tokio::test]
async fn publishes_the_first_root_before_it_signs() {
    let mut world = World::self_signed(100 * DAY);
    world.reconcile().await;
    let first = world.written[0].status.as_ref().unwrap();
    assert_eq!(generations(first)[0].2, GenerationState::Prepared);
    assert!(first.bundle.is_some());
    assert_eq!(world.written.len(), 2);
    let events = world.written.iter().flat_map(|plan| &plan.events);
    let events: Vec<_> = events.map(|event| event.reason).collect();
    assert_eq!(events, ["Ready"], "what is under way is not reported");
}

#[tokio::test]
async fn changes_nothing_afterwards() {
    let mut world = signing(100).await;
    let before = world.specs();
    world.pass(60);
    world.reconcile().await;
    assert_eq!(world.specs(), before);
    assert_eq!(world.written, [super::super::status::StatusPlan::default()]);
}

/// One Secret may hold several keys, and its other entries stay as they are.
#[tokio::test]
async fn another_entry_of_the_secret_is_a_key_rotation() {
    let set_entry = |world: &mut World, entry: &str| {
        if let KeyBackend::Software(software) = &mut world.spec.key.backend {
            software.entry = Some(entry.to_owned());
        }
    };
    let mut world = World::self_signed(100 * DAY).with(|world| set_entry(world, "one"));
    ready(&world.reconcile().await);
    let one = world.secrets.text("ca", "one");
    let other = GeneratedKey::new(KeyType::EcdsaP256).unwrap();
    let entries = [("one", &*one), ("other", other.pem())];
    world.secrets.put("ca", &entries);
    set_entry(&mut world, "other");
    ready(&world.reconcile().await);
    let keys: Vec<_> = world.status.ca.iter().map(|ca| &*ca.key).collect();
    assert_eq!(keys, ["software/ca/one", "software/ca/other"]);
    let configs = world.objects.iter().map(|one| &one.spec.key.config);
    let configs: Vec<_> = configs.map(|config| config.backend().spec_hint()).collect();
    assert!(configs[0].ends_with("software.entry: one"), "{configs:?}");
    assert!(configs[1].ends_with("software.entry: other"), "{configs:?}");
}

/// A key that vanished is not created again: the CA over it would be another one.
#[tokio::test]
async fn never_recreates_a_missing_key() {
    let mut world = signing(100).await;
    world.secrets.delete("ca");
    let round = world.reconcile().await;
    let message = waits(&round, IssuerReason::Key(ErrorClass::KeyNotFound));
    let expected = "CAGeneration clusterissuer-corp-1 was issued over it, and Signet does not \
                    replace it";
    assert!(message.contains(expected), "{message}");
    world.pass(200 * DAY);
    stalls(&world.reconcile().await, IssuerReason::CaLost);
    assert_eq!(world.objects.len(), 1);
}

/// Another key under the name of the CA's key is not a rotation that someone asked for.
#[tokio::test]
async fn rejects_another_key_in_the_secret() {
    let mut world = signing(100).await;
    world.secrets.put_new_key("ca");
    let round = world.reconcile().await;
    let message = stalls(&round, IssuerReason::KeyMismatch);
    assert!(message.contains("restore that key"), "{message}");
    assert_eq!(world.objects.len(), 1);
}

#[tokio::test]
async fn never_replaces_an_unreadable_generation() {
    let mut world = signing(100).await;
    let bundle = world.status.bundle.clone();
    let mut certificate = world.objects[0].spec.certificate.clone().unwrap();
    certificate.chain = "nothing".to_owned();
    world.objects[0].spec.certificate = Some(certificate);
    let round = world.reconcile().await;
    let message = stalls(&round, IssuerReason::InvalidCa);
    assert!(
        message.contains("CAGeneration clusterissuer-corp-1"),
        "{message}"
    );
    assert_eq!((world.objects.len(), &world.status.bundle), (1, &bundle));
}

/// A generation is checked against the key each time it is loaded.
#[tokio::test]
async fn rejects_a_generation_of_another_key() {
    let mut world = signing(100).await;
    world.objects[0].spec.key.fingerprint = "0".repeat(64);
    let round = world.reconcile().await;
    let message = stalls(&round, IssuerReason::InvalidCa);
    assert!(
        message.contains("its certificate is for another key"),
        "{message}"
    );
}

/// Before anything is made: a key for a spec that cannot work would only be in the way.
#[tokio::test]
async fn names_an_invalid_spec_before_it_creates_a_key() {
    let invalid_subject = |world: &mut World| {
        let own = world.spec.certificate.self_signed.as_mut();
        own.unwrap().subject = Some("Example".to_owned());
    };
    let invalid_trust_domain = |world: &mut World| {
        let trust_domain = "spiffe://example.org".to_owned();
        world.spec.spiffe = Some(SpiffeSpec { trust_domain });
    };
    let no_source = |world: &mut World| world.spec.certificate.self_signed = None;
    let worlds = [
        (
            World::self_signed(DAY).with(invalid_subject),
            "selfSigned.subject \"Example\" is empty",
        ),
        (
            World::self_signed(DAY).with(invalid_trust_domain),
            "spec.spiffe.trustDomain: ",
        ),
        (
            World::self_signed(DAY).with(no_source),
            "must set exactly one",
        ),
    ];
    for (mut world, expected) in worlds {
        let round = world.reconcile().await;
        let message = match &round.decision.outcome {
            Err(not_ready) if not_ready.reason == IssuerReason::InvalidSpec => &not_ready.message,
            other => panic!("{other:?}"),
        };
        assert!(message.contains(expected), "{message}");
        assert!(world.objects.is_empty() && world.secrets.is_empty());
    }
}

/// A bundle of one trust domain must not have roots of another.
#[tokio::test]
async fn a_ca_of_another_trust_domain_never_signs() {
    for trust_domain in [None, Some("example.org")] {
        let spiffe = |name: &str| SpiffeSpec {
            trust_domain: name.to_owned(),
        };
        let mut world = World::self_signed(100 * DAY);
        world.spec.spiffe = trust_domain.map(spiffe);
        ready(&world.reconcile().await);
        world.spec.spiffe = Some(spiffe("example.com"));
        world.status = IssuerStatus::default();
        let round = world.reconcile().await;
        let message = stalls(&round, IssuerReason::TrustDomainChanged);
        assert!(message.contains("trust domain example.com"), "{message}");
        assert_eq!((world.objects.len(), &world.status.bundle), (1, &None));
    }
}
