//! Another issuer signs: the CertificateRequest, and what it returns.

use signet_api::conditions::{ROTATING, find};
use signet_api::external::certificate_request::CertificateRequestSpec;
use signet_api::{CaRequest, IssuerRef};

use super::*;
use crate::fixtures::at;
use crate::fixtures::ca::{Ca, no_ca};

pub(super) fn parent() -> IssuerRef {
    serde_json::from_value(serde_json::json!({ "name": "root" })).unwrap()
}

/// An issuer whose request is created.
pub(super) async fn requested() -> World {
    let mut world = World::issuer_ref(parent());
    step(&mut world, 0).await;
    world
}

/// Reconciles after these seconds.
pub(super) async fn step(world: &mut World, seconds: i64) -> Round {
    world.pass(seconds);
    world.requests.at(world.now);
    world.reconcile().await
}

/// The name of the only request.
#[track_caller]
pub(super) fn name(world: &World) -> String {
    let [name] = world.requests.names().try_into().unwrap();
    name
}

/// Signs the only request for the key of the issuer.
pub(super) fn sign(world: &World, root: &Ca, year: i32) {
    let key = world.secrets.text("ca", "tls.key");
    let chain = root.certify("Issuing", &key, year);
    world
        .requests
        .sign(&name(world), &chain, &root.pem, world.now);
}

#[tokio::test]
async fn requests_its_certificate_once_and_waits_for_it() {
    let mut world = requested().await;
    let round = step(&mut world, 1).await;
    let message = waits(&round, IssuerReason::WaitingForParent);
    assert!(message.contains(&name(&world)), "{message}");
    assert!(message.contains("is not approved yet"), "{message}");
    assert_eq!(world.requests.created().len(), 1);
    assert_eq!(world.status.csr, None, "no person is asked");
    let poll = round.facts.poll_at.unwrap().duration_since(world.now);
    assert!(poll <= jiff::SignedDuration::from_secs(5), "{poll}");
}

#[tokio::test]
async fn signs_under_the_certificate_that_the_parent_returned_and_pins_its_root() {
    let (mut world, root) = (requested().await, Ca::offline("Parent"));
    sign(&world, &root, 2031);
    let round = step(&mut world, 1).await;
    assert_eq!(ready(&round).chain.issuing().subject(), "CN=Issuing");
    assert_eq!(world.status.bundle.as_deref(), Some(&*root.pem));
    let stored = world.specs()[0].certificate.clone().unwrap();
    assert_eq!(stored.trust, signet_api::RootTrust::Pinned);
}

/// Lifecycle of cert-manager's CA issuer: the chain without its root, and in `ca` an intermediate.
#[tokio::test]
async fn ca_is_only_a_hint() {
    let (root, key) = (Ca::offline("Parent"), |world: &World| {
        world.secrets.text("ca", "tls.key")
    });
    let middle = root.issue("Middle");
    for ca in [format!("{}{}", middle.pem, root.pem), root.pem.clone()] {
        let mut world = requested().await;
        let chain = middle.certify("Issuing", &key(&world), 2031) + &middle.pem;
        world.requests.sign(&name(&world), &chain, &ca, world.now);
        let round = step(&mut world, 1).await;
        let path = ready(&round).chain.path().len();
        assert_eq!(path, 3, "{ca}");
    }
    for ca in ["not PEM".to_owned(), no_ca(), middle.pem.clone()] {
        let mut world = requested().await;
        let chain = middle.certify("Issuing", &key(&world), 2031) + &middle.pem;
        world.requests.sign(&name(&world), &chain, &ca, world.now);
        let round = step(&mut world, 1).await;
        let message = waits(&round, IssuerReason::InvalidCa);
        assert!(message.contains("root above"), "{message}");
    }
}

/// (what the parent returns, the reason, a part of the message)
fn accidents(world: &World, root: &Ca) -> Vec<(String, IssuerReason, &'static str)> {
    let key = world.secrets.text("ca", "tls.key");
    let other = Ca::offline("Other").key_pem();
    vec![
        (
            root.certify("Issuing", &other, 2031),
            IssuerReason::KeyMismatch,
            "issuer's key",
        ),
        (no_ca(), IssuerReason::InvalidCa, "CA"),
        (
            root.certify("Issuing", &key, 2025),
            IssuerReason::CaExpired,
            "expired",
        ),
        (
            "nonsense".to_owned(),
            IssuerReason::InvalidCa,
            "certificate",
        ),
    ]
}

#[tokio::test]
async fn what_the_issuer_cannot_use_is_reported_and_requested_again_later() {
    let root = Ca::offline("Parent");
    for case in 0..4 {
        let mut world = requested().await;
        let first = name(&world);
        let (chain, reason, part) = accidents(&world, &root).swap_remove(case);
        world.requests.sign(&first, &chain, &root.pem, world.now);
        let round = step(&mut world, 1).await;
        let message = waits(&round, reason);
        assert!(
            message.contains(part) && message.contains(&first),
            "{message}"
        );
        assert_eq!(world.requests.names(), [&*first], "it stays readable");
        step(&mut world, 10).await;
        let second = name(&world);
        assert!(second.contains("-1-2-"), "{second}");
        sign(&world, &root, 2031);
        ready(&step(&mut world, 1).await);
    }
}

#[tokio::test]
async fn a_certificate_that_ends_too_soon_is_reported() {
    let (mut world, root) = (requested().await, Ca::offline("Parent"));
    world.spec.profile = Some(Default::default());
    let profile = world.spec.profile.as_mut().unwrap();
    profile.min_duration = Some(signet_api::duration::GoDuration(
        std::time::Duration::from_secs(10 * 365 * 24 * 3600),
    ));
    sign(&world, &root, 2031);
    let round = step(&mut world, 1).await;
    let message = waits(&round, IssuerReason::InvalidCa);
    assert!(message.contains("must remain"), "{message}");
}

#[tokio::test]
async fn a_denied_request_stays_readable_and_the_backoff_grows() {
    let mut world = requested().await;
    let mut waited = Vec::new();
    for attempt in 1..=12_u32 {
        let last = name(&world);
        assert!(last.contains(&format!("-1-{attempt}-")), "{last}");
        let denied = ("Denied", "True", "policy");
        world
            .requests
            .condition(&last, denied, "not\nyou", world.now);
        let round = step(&mut world, 0).await;
        let message = waits(&round, IssuerReason::ParentRefused);
        assert!(message.contains(r#"was denied: "not\nyou""#), "{message}");
        let next = round.facts.attempt.unwrap().at;
        let wait = next.duration_since(world.now).as_secs();
        step(&mut world, wait - 1).await;
        assert_eq!(
            world.requests.created().len(),
            usize::try_from(attempt).unwrap()
        );
        step(&mut world, 1).await;
        waited.push(wait);
    }
    assert_eq!(waited[..4], [10, 20, 40, 80]);
    assert_eq!(waited.last(), Some(&20480));
    assert!(waited.iter().all(|wait| *wait <= 6 * 3600));
}

/// A person deletes the failed request when they have corrected its cause.
#[tokio::test]
async fn a_deleted_request_is_made_again() {
    let mut world = requested().await;
    let first = name(&world);
    world
        .requests
        .condition(&first, ("Denied", "True", "policy"), "no", world.now);
    step(&mut world, 5).await;
    world.requests.delete(&first);
    step(&mut world, 0).await;
    assert_eq!(world.requests.created(), [&*first, &first]);
}

/// What deletes every request at once must not have Signet make them in a loop.
#[tokio::test]
async fn a_request_that_is_deleted_again_and_again_is_made_ever_less_often() {
    let mut world = requested().await;
    for _ in 0..600 {
        if let [name] = &world.requests.names()[..] {
            world.requests.delete(name);
        }
        let round = step(&mut world, 1).await;
        waits(&round, IssuerReason::WaitingForParent);
    }
    let made = world.requests.created().len();
    assert!((5..=16).contains(&made), "{made}");
}

#[tokio::test]
async fn a_request_that_cannot_be_created_is_reported_and_tried_again() {
    let mut world = World::issuer_ref(parent());
    world
        .requests
        .refuse(Some("the ServiceAccount robot may not create them"));
    let round = step(&mut world, 0).await;
    let message = waits(&round, IssuerReason::WaitingForParent);
    assert!(message.contains("robot"), "{message}");
    world.requests.refuse(None);
    step(&mut world, 3).await;
    name(&world);
}

#[tokio::test]
async fn never_adopts_a_request_of_someone_else_under_its_name() {
    let mut first = requested().await;
    let taken = name(&first);
    first.requests.delete(&taken);
    let spec = CertificateRequestSpec::default();
    first.requests.put(&taken, &[], spec);
    let round = step(&mut first, 5).await;
    let [foreign, own] = first.requests.names().try_into().unwrap();
    assert_eq!(foreign, taken);
    assert!(own.contains("-1-2-"), "{own}");
    let message = waits(&round, IssuerReason::WaitingForParent);
    assert!(message.contains(&taken), "{message}");
    assert!(message.contains("not Signet's"), "{message}");
    // It would be signed at once.
    let root = Ca::offline("Evil");
    let key = first.secrets.text("ca", "tls.key");
    let chain = root.certify("Issuing", &key, 2031);
    first.requests.sign(&taken, &chain, &root.pem, first.now);
    waits(&step(&mut first, 1).await, IssuerReason::WaitingForParent);
}

/// The operator crashed between the request and everything else.
#[tokio::test]
async fn a_restarted_operator_adopts_its_own_request() {
    let world = requested().await;
    let mut restarted = World::issuer_ref(parent());
    restarted.objects.clone_from(&world.objects);
    restarted.secrets = world.secrets.clone();
    restarted.requests = world.requests.clone();
    let round = step(&mut restarted, 1).await;
    waits(&round, IssuerReason::WaitingForParent);
    assert_eq!(restarted.requests.created().len(), 1);
}

#[tokio::test]
async fn a_renewal_is_another_request_and_the_ca_signs_meanwhile() {
    let (mut world, root) = (requested().await, Ca::offline("Parent"));
    sign(&world, &root, 2031);
    ready(&step(&mut world, 1).await);
    let first = name(&world);
    let round = step(&mut world, 1500 * DAY).await;
    ready(&round);
    let names = world.requests.names();
    let [kept, second] = &names[..] else {
        panic!("{names:?}");
    };
    assert_eq!((kept, second.contains("-2-1-")), (&first, true));
    let rotating = find(&world.status.conditions, ROTATING).unwrap();
    assert!(rotating.message.contains(second), "{rotating:?}");
    let key = world.secrets.text("ca", "tls.key");
    let chain = root.certify("Issuing", &key, 2040);
    world.requests.sign(second, &chain, &root.pem, world.now);
    ready(&step(&mut world, 1).await);
    let current = (2, Some(GenerationRole::Current), GenerationState::Active);
    assert_eq!(generations(&world.status)[0], current);
    assert_eq!(roots(&world), 1, "it is the same root");
}

/// A parent's response must not plant a trust anchor.
#[tokio::test]
async fn another_root_waits_until_the_spec_trusts_it() {
    let (mut world, root) = (requested().await, Ca::offline("Parent"));
    sign(&world, &root, 2031);
    ready(&step(&mut world, 1).await);
    step(&mut world, 1500 * DAY).await;
    let names = world.requests.names();
    let key = world.secrets.text("ca", "tls.key");
    let evil = Ca::offline("Evil");
    let chain = evil.certify("Issuing", &key, 2040);
    world.requests.sign(&names[1], &chain, &evil.pem, world.now);
    let round = step(&mut world, 1).await;
    ready(&round);
    let refused = round.facts.offer.clone().unwrap().unwrap_err();
    assert!(refused.message.contains("is not trusted"), "{refused:?}");
    assert_eq!(world.status.bundle.as_deref(), Some(&*root.pem));
    step(&mut world, 3600).await;
    assert_eq!(
        world.requests.names(),
        names,
        "another request is of no use"
    );
}

#[tokio::test]
async fn another_request_in_the_spec_starts_another_generation() {
    let mut world = requested().await;
    let first = name(&world);
    let parent = world.spec.certificate.issuer_ref.as_mut().unwrap();
    parent.request = CaRequest {
        path_length: Some(1),
        ..CaRequest::default()
    };
    step(&mut world, 1).await;
    let second = name(&world);
    assert!(second.contains("-2-1-"), "{first} {second}");
    let parent = world.spec.certificate.issuer_ref.as_mut().unwrap();
    parent.duration = Some(signet_api::duration::GoDuration(
        std::time::Duration::from_secs(3600),
    ));
    step(&mut world, 1).await;
    let third = name(&world);
    assert!(third.contains("-3-1-"), "{second} {third}");
    assert_eq!(
        world.requests.get(&third).spec.duration.as_deref(),
        Some("1h0m0s")
    );
}

/// Users who may create requests must not be able to use the numbers up, nor have Signet delete what
/// is not its own.
#[tokio::test]
async fn a_hostile_number_in_the_name_of_a_request_does_not_count() {
    let mut world = World::issuer_ref(parent());
    let label = [("signet.dev/issuer", "clusterissuer-corp")];
    let names = [
        "clusterissuer-corp-4294967295-1-0123456789",
        "clusterissuer-corp-1002-1-0123456789",
        "clusterissuer-corp-1-4294967295-0123456789",
    ];
    for name in names {
        let spec = CertificateRequestSpec::default();
        world.requests.put(name, &label, spec);
    }
    step(&mut world, 0).await;
    let [made] = world.requests.created().try_into().unwrap();
    assert!(made.contains("-2-1-"), "{made}");
    let kept = world.requests.names();
    assert!(
        names.iter().all(|name| kept.contains(&(*name).to_owned())),
        "{kept:?}"
    );
}

/// After a restore, a request may be all that is left of a generation.
#[tokio::test]
async fn the_number_of_a_generation_is_above_those_in_the_names_of_requests() {
    let world = requested().await;
    let mut restored = World::issuer_ref(parent());
    restored.requests = world.requests.clone();
    let first = name(&world);
    step(&mut restored, 1).await;
    let made = restored.requests.created();
    assert_eq!(made.len(), 2);
    assert!(made[1].contains("-2-1-"), "{first} {made:?}");
}

#[tokio::test]
async fn a_suspended_issuer_requests_nothing() {
    let mut world = World::issuer_ref(parent()).with(|world| world.spec.suspend = true);
    waits(&step(&mut world, 0).await, IssuerReason::Suspended);
    assert_eq!(world.requests.created().len(), 0);
    world.spec.suspend = false;
    step(&mut world, 0).await;
    assert_eq!(at(0), world.now);
    name(&world);
}
