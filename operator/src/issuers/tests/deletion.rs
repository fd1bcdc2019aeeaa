//! What is reported about an issuer that is deleted, and about one that continues with its CA.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use signet_api::{ClusterIssuer, IssuerStatus};
use signet_core::ca::lifecycle::all_expired_at;

use super::*;
use crate::fixtures::NOW;
use crate::issuers::deletion::{adopted, deleted};

fn reported(world: &World) -> Option<String> {
    let event = deleted(&world.object(), "signet-system", world.now)?;
    assert!(event.warning, "{event:?}");
    Some(event.note)
}

#[tokio::test]
async fn a_deletion_is_reported_while_certificates_may_be_valid() {
    let mut world = World::self_signed(100 * DAY);
    assert_eq!(reported(&world), None, "it never signed");
    ready(&world.reconcile().await);
    let note = reported(&world).unwrap();
    for expected in [
        "CAGenerations clusterissuer-corp-1,",
        "key software/ca ",
        "trust bundle clusterissuer-corp-bundle ",
        "namespace signet-system.",
    ] {
        assert!(note.contains(expected), "{note}");
    }
    world.pass(101 * DAY);
    assert_eq!(reported(&world), None, "all have expired");
}

#[tokio::test]
async fn an_issuer_that_continues_with_older_generations_says_so_once() {
    let mut world = signing(100).await;
    let mut round = world.reconcile().await;
    assert_eq!(round.highest_before, 1);
    let created = |seconds: i64| -> ClusterIssuer {
        let mut object = world.object();
        let at = NOW + jiff::SignedDuration::from_secs(seconds);
        object.metadata.creation_timestamp = Some(Time(at));
        object
    };
    let new = IssuerStatus {
        observed_generation: Some(-1),
        ..IssuerStatus::default()
    };
    let event = adopted(&created(60), &new, &round).unwrap();
    assert!(event.note.contains("clusterissuer-corp-1"), "{event:?}");
    assert!(
        adopted(&created(0), &new, &round).is_some(),
        "the same second"
    );
    assert_eq!(adopted(&created(-60), &new, &round), None, "its own");
    assert_eq!(adopted(&created(60), &world.status, &round), None);
    round.highest_before = 0;
    assert_eq!(adopted(&created(0), &new, &round), None, "of this round");
}

/// By the records, and not only when the CA itself has expired.
#[tokio::test]
async fn everything_has_expired_when_the_longest_recorded_lifetime_has_passed() {
    let mut world = signing(1000).await;
    let round = world.reconcile().await;
    let facts = &round.facts.generations.facts;
    let longest = facts[0].lifetimes.longest().unwrap();
    let end = all_expired_at(facts, world.now).unwrap();
    assert!(end > world.now + longest, "with an allowance for clocks");
    let ca_end = facts[0].certified.as_ref().unwrap().not_after;
    assert!(end < ca_end, "{end}");
    let long_after = world.now + jiff::SignedDuration::from_secs(999 * DAY);
    assert_eq!(all_expired_at(facts, long_after), Some(ca_end));
    let mut unused = facts.clone();
    unused[0].activated = None;
    assert_eq!(all_expired_at(&unused, world.now), None);
}
