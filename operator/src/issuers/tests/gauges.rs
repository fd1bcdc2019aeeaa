//! What metrics report about a CA.

use jiff::Timestamp;
use signet_api::{ActivationMode, Manual};

use super::*;
use crate::fixtures::NOW;
use crate::fixtures::ca::Ca;
use crate::issuers::gauges::gauges;
use crate::metrics::CaGauges;

fn of(round: &Round) -> CaGauges {
    gauges(&round.facts, round.decision.plan.as_ref())
}

/// When the current CA signs no more, with the default of `minDuration`.
fn an_hour_before(gauges: &CaGauges) -> Option<i64> {
    Some(gauges.expiry? - 3600)
}

/// The alert on the expiry of a CA must not end when its key is lost.
#[tokio::test]
async fn an_issuer_without_its_key_reports_its_ca() {
    let mut world = signing(100).await;
    let before = of(&world.reconcile().await);
    assert_eq!(before.expiry, before.generations[0].expiry);
    assert_eq!(before.generations[0].state, "Active");
    assert!(before.expiry.is_some() && before.person_deadline.is_none());
    world.secrets.delete("ca");
    let round = world.reconcile().await;
    assert!(round.decision.outcome.is_err());
    assert_eq!(of(&round), before);
}

#[tokio::test]
async fn a_person_must_sign_at_once_without_a_ca_and_before_its_end_with_one() {
    let mut world = World::manual(Manual {
        secret_name: Some("chain".to_owned()),
        ..Manual::default()
    });
    let first = of(&world.reconcile().await);
    assert_eq!(first.person_deadline, Some(NOW.as_second()));
    assert_eq!(first.generations[0].state, "Requested");
    assert_eq!(first.generations[0].expiry, None);
    let root = Ca::offline("Offline");
    let chain = root.certify("Issuing", &world.secrets.text("ca", "tls.key"), 2031);
    world
        .secrets
        .put("chain", &[("tls.crt", &chain), ("ca.crt", &root.pem)]);
    assert_eq!(of(&world.reconcile().await).person_deadline, None);
    // Another key needs another signature.
    world.secrets.put_new_key("next");
    world.spec.key = crate::fixtures::key::software("next");
    let renewal = of(&world.reconcile().await);
    assert_eq!(renewal.person_deadline, an_hour_before(&renewal));
    assert!(renewal.person_deadline > Some(NOW.as_second()));
}

#[tokio::test]
async fn a_person_must_activate_a_generation_whose_activation_is_manual() {
    let mut world = signing(100).await;
    world.spec.key = crate::fixtures::key::software("next");
    rotation(|rotation| rotation.activation = Some(ActivationMode::Manual))(&mut world);
    let round = world.reconcile().await;
    ready(&round);
    let gauges = of(&round);
    assert_eq!(gauges.person_deadline, an_hour_before(&gauges));
    let states: Vec<_> = gauges.generations.iter().map(|one| one.state).collect();
    assert_eq!(states, ["Active", "Published"]);
}

/// A CA from 2026 to the end of 2031, and the same until 2035.
#[tokio::test]
async fn a_chain_that_exists_has_a_deadline_only_when_it_was_not_renewed_in_time() {
    let mut world = World::existing();
    let root = Ca::offline("Offline");
    let issuing = root.issue("Issuing");
    let until = |year| {
        root.again(Some(&issuing), |params| {
            params.not_before = rcgen::date_time_ymd(2026, 1, 1);
            params.not_after = rcgen::date_time_ymd(year, 1, 1);
        })
    };
    world.secrets.put_pair("ca", &until(2032), &root.pem);
    let at = |text: &str| text.parse::<Timestamp>().unwrap();
    let now = |world: &mut World, text: &str| world.now = at(text);
    // Two thirds of six years, when cert-manager renews.
    now(&mut world, "2030-01-02T00:00:00Z");
    let spare = of(&world.reconcile().await);
    assert_eq!(spare.expiry, Some(at("2032-01-01T00:00:00Z").as_second()));
    assert_eq!(spare.person_deadline, None);
    now(&mut world, "2031-01-02T00:00:00Z");
    let late = of(&world.reconcile().await);
    assert_eq!(late.person_deadline, an_hour_before(&late));
    now(&mut world, "2032-01-02T00:00:00Z");
    let ended = of(&world.reconcile().await);
    assert_eq!(ended.person_deadline, Some(world.now.as_second()));
    world.secrets.put_pair("ca", &until(2040), &root.pem);
    let renewed = of(&world.reconcile().await);
    assert_eq!(renewed.expiry, Some(at("2040-01-01T00:00:00Z").as_second()));
    assert_eq!(renewed.person_deadline, None);
}
