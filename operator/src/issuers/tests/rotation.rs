use std::time::Duration;

use signet_api::conditions::{ROTATING, find};
use signet_api::duration::GoDuration;

use super::*;
use crate::fixtures::key;

fn key_in(secret: &'static str) -> impl FnOnce(&mut World) {
    move |world| world.spec.key = key::software(secret)
}

fn rotating(world: &World) -> (String, String) {
    let condition = find(&world.status.conditions, ROTATING).unwrap();
    (condition.reason.clone(), condition.message.clone())
}

#[tokio::test]
async fn renews_a_root_in_time_over_the_same_key_and_subject() {
    let mut world = signing(1000).await;
    world.pass(600 * DAY);
    assert_eq!(ready(&world.reconcile().await).number, 1, "not yet");
    let first = world.objects[0].spec.clone();
    world.pass(70 * DAY);
    let round = world.reconcile().await;
    let renewed = ready(&round);
    assert_eq!(renewed.number, 2, "a root over the same key needs no wait");
    assert_eq!(world.objects[1].spec.key, first.key);
    assert_eq!(
        renewed.chain.issuing().subject(),
        "CN=ClusterIssuer corp generation 1"
    );
    assert_eq!(
        roots(&world),
        2,
        "certificates under the first are still valid"
    );
    let events = world.written.iter().flat_map(|plan| &plan.events);
    let events: Vec<_> = events.map(|event| (event.reason, event.warning)).collect();
    assert_eq!(events, [("Activated", false)]);
    world.pass(94 * DAY);
    ready(&world.reconcile().await);
    assert_eq!(roots(&world), 1);
}

#[tokio::test]
async fn another_key_is_published_first_and_signs_after_the_delay() {
    let mut world = signing(1000).await.with(key_in("other"));
    world = world.with(rotation(|rotation| {
        rotation.activation_delay = Some(GoDuration(Duration::from_secs(60)));
    }));
    let round = world.reconcile().await;
    assert_eq!((ready(&round).number, roots(&world)), (1, 2));
    let expected = [
        (1, Some(GenerationRole::Current), GenerationState::Active),
        (2, Some(GenerationRole::Next), GenerationState::Published),
    ];
    assert_eq!(generations(&world.status), expected);
    assert_eq!(rotating(&world).0, "WaitingForDelay");
    world.pass(61);
    let round = world.reconcile().await;
    let second = ready(&round);
    assert_eq!((second.number, roots(&world)), (2, 2), "the old root stays");
    assert!(
        second
            .bundle
            .pem()
            .starts_with(&second.chain.issuing().pem())
    );
    assert_eq!(
        second.chain.issuing().subject(),
        "CN=ClusterIssuer corp generation 2"
    );
    let states: Vec<_> = generations(&world.status)
        .into_iter()
        .map(|one| (one.0, one.2))
        .collect();
    assert_eq!(
        states,
        [(2, GenerationState::Active), (1, GenerationState::Old)]
    );
    assert_eq!(rotating(&world).0, "NoRotation");
    // The default record is 92 days.
    world.pass(91 * DAY);
    world.reconcile().await;
    assert_eq!(roots(&world), 2);
    world.pass(2 * DAY);
    world.reconcile().await;
    assert_eq!(roots(&world), 1);
}

#[tokio::test]
async fn without_a_delay_the_recorded_leaves_have_to_expire() {
    let mut world = signing(1000).await.with(key_in("other"));
    world.reconcile().await;
    let (reason, message) = rotating(&world);
    assert_eq!(reason, "WaitingForLeaves");
    assert!(
        message.contains("leaves of up to 2208 h under generation 1"),
        "{message}"
    );
    world.pass(93 * DAY);
    assert_eq!(ready(&world.reconcile().await).number, 2);
}

/// The old key is no longer used or probed.
#[tokio::test]
async fn an_old_key_may_go_after_the_rotation() {
    let mut world = signing(1000).await.with(key_in("other"));
    world.reconcile().await;
    world.pass(93 * DAY);
    world.reconcile().await;
    world.secrets.delete("ca");
    let round = world.reconcile().await;
    assert_eq!((ready(&round).number, roots(&world)), (2, 2));
}

/// The issuer signs while the next key cannot be used.
#[tokio::test]
async fn a_next_key_that_cannot_be_used_leaves_the_current_one_in_force() {
    let mut world = signing(1000).await.with(key_in("other"));
    world.secrets.put("other", &[("tls.key", "garbage")]);
    let round = world.reconcile().await;
    assert_eq!(ready(&round).number, 1);
    let message = &world.status.conditions[0].message;
    assert!(
        message.contains("the next key cannot be used: "),
        "{message}"
    );
    // It was there once, and then nothing is activated without it.
    world.secrets.put_new_key("other");
    world.reconcile().await;
    world.secrets.delete("other");
    world.pass(100 * DAY);
    assert_eq!(ready(&world.reconcile().await).number, 1);
}

#[tokio::test]
async fn a_spec_that_goes_back_abandons_the_next_generation() {
    let mut world = signing(1000).await.with(key_in("other"));
    world.reconcile().await;
    world = world.with(key_in("ca"));
    let round = world.reconcile().await;
    assert_eq!((ready(&round).number, roots(&world)), (1, 1));
    assert_eq!(generations(&world.status)[1].2, GenerationState::Expired);
}

/// Another name for the same key is not another CA.
#[tokio::test]
async fn keeps_the_certificate_when_its_key_has_another_name() {
    let mut world = signing(1000).await;
    let pem = world.secrets.text("ca", "tls.key");
    world.secrets.put("same", &[("tls.key", &pem)]);
    world = world.with(key_in("same"));
    let round = world.reconcile().await;
    assert_eq!((ready(&round).number, roots(&world)), (2, 1));
    let [first, second] = [0, 1].map(|place: usize| world.objects[place].spec.clone());
    assert_eq!(first.certificate, second.certificate);
    assert_eq!(second.key.config, key::software("same"));
    world.secrets.delete("ca");
    ready(&world.reconcile().await);
}

/// A changed spec is never ignored.
#[tokio::test]
async fn another_subject_is_another_root() {
    let mut world = signing(1000).await.with(|world| {
        let own = world.spec.certificate.self_signed.as_mut().unwrap();
        own.subject = Some("CN=Other".to_owned());
    });
    world.reconcile().await;
    assert_eq!(generations(&world.status)[1].2, GenerationState::Published);
    world.pass(93 * DAY);
    let round = world.reconcile().await;
    assert_eq!(ready(&round).chain.issuing().subject(), "CN=Other");
}

#[tokio::test]
async fn only_the_last_generations_are_kept() {
    let mut world = World::self_signed(10 * HOUR);
    let limit = rotation(|rotation| rotation.revision_history_limit = Some(1));
    world = world.with(limit);
    for _ in 0..60 {
        ready(&world.reconcile().await);
        world.pass(2 * HOUR);
    }
    let newest = world
        .objects
        .iter()
        .map(|object| object.spec.generation)
        .max();
    assert!(newest > Some(8), "{newest:?}");
    assert!(world.objects.len() <= 5, "{}", world.objects.len());
}
