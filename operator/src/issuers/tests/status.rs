use signet_api::conditions::{READY, RECONCILING, ROTATING, STALLED};
use signet_api::{ClusterIssuer, IssuerKind, IssuerStatus, SpiffeSpec};
use signet_keys::{ErrorClass, KeyError};

use super::super::decide::decide;
use super::super::outcome::Outcome;
use super::super::reason::IssuerReason;
use super::super::status::{self as issuer_status, Others, StatusPlan, is_not_ready, only_rewords};
use super::rules::of_server;
use super::*;
use crate::fixtures::at;
use crate::publish::Report;
use crate::sharing::{CaKeys, SharedCa};

/// An issuer that is ready, as it was observed and without a status.
async fn observed() -> (ClusterIssuer, Round) {
    let mut world = signing(100).await;
    let round = world.reconcile().await;
    let mut object = world.object();
    object.status = None;
    (object, round)
}

fn waiting(round: Round, message: &str) -> Round {
    with(round, Err(IssuerReason::CaNotYetValid.waits(message)))
}

fn stalled(round: Round, message: &str) -> Round {
    with(round, Err(IssuerReason::KeyMismatch.stalls(message)))
}

fn with(mut round: Round, outcome: Outcome) -> Round {
    round.decision.outcome = outcome;
    round
}

fn plan(object: &ClusterIssuer, round: &Round) -> StatusPlan {
    plan_shared(object, round, None)
}

fn plan_shared(object: &ClusterIssuer, round: &Round, shared: Option<&SharedCa>) -> StatusPlan {
    let others = Others {
        shared: shared.cloned(),
        ..Others::default()
    };
    issuer_status::plan(object, round, &others, (&Report::default(), None))
}

fn status(plan: StatusPlan) -> IssuerStatus {
    plan.status.unwrap()
}

#[tokio::test]
async fn conditions_follow_kstatus() {
    for (place, expected, reason) in [
        (0, ["True", "False", "False", "False"], "Ready"),
        (1, ["False", "True", "False", "False"], "CaNotYetValid"),
        (2, ["False", "False", "True", "False"], "KeyMismatch"),
    ] {
        let (object, round) = observed().await;
        let round = match place {
            0 => round,
            1 => waiting(round, "soon"),
            _ => stalled(round, "never"),
        };
        let status = status(plan(&object, &round));
        assert_eq!(status.observed_generation, Some(7));
        let conditions = status.conditions.iter();
        let types: Vec<_> = conditions.clone().map(|one| one.type_.as_str()).collect();
        assert_eq!(types, [READY, RECONCILING, STALLED, ROTATING]);
        let values: Vec<_> = conditions.clone().map(|one| one.status.as_str()).collect();
        assert_eq!(values, expected, "{reason}");
        for condition in conditions.take(3) {
            assert_eq!(condition.observed_generation, Some(7));
            assert_eq!(condition.reason, reason);
            assert_eq!(condition.last_transition_time.0, round.facts.now);
        }
    }
}

/// Nothing is written about an unavailable key twice, unless the write failed.
#[tokio::test]
async fn is_not_ready_only_by_the_status_of_this_generation() {
    let (mut object, round) = observed().await;
    assert!(!is_not_ready(&object));
    object.status = plan(&object, &round).status;
    assert!(!is_not_ready(&object));
    object.status = plan(&object, &waiting(round, "soon")).status;
    assert!(is_not_ready(&object));
    object.metadata.generation = Some(8);
    assert!(!is_not_ready(&object), "of the generation before");
}

#[tokio::test]
async fn ready_message_has_subject_expiry_and_backend() {
    let (object, round) = observed().await;
    let end = ready(&round).chain.not_after();
    assert_eq!(
        status(plan(&object, &round)).conditions[0].message,
        format!(
            "Signs as CN=ClusterIssuer corp generation 1 until {end}; the key is in a Secret of \
             this cluster, not in a KMS or an HSM"
        )
    );
}

#[tokio::test]
async fn reports_that_cert_managers_account_is_listed() {
    for (name, reported) in [("cert-manager", true), ("cainjector", false)] {
        let mut world = signing(100).await;
        world.spec.policy = Some(of_server("cert-manager", name));
        world.reconcile().await;
        let message = &world.status.conditions[0].message;
        let expected = "lists cert-manager's own account, which has no effect";
        assert_eq!(message.contains(expected), reported, "{message}");
    }
}

#[tokio::test]
async fn writes_nothing_if_nothing_changed() {
    for place in 0..3 {
        let (mut object, round) = observed().await;
        let mut round = match place {
            0 => round,
            1 => waiting(round, "soon"),
            _ => stalled(round, "never"),
        };
        object.status = plan(&object, &round).status;
        round.facts.now = at(60);
        assert_eq!(plan(&object, &round), StatusPlan::default());
    }
}

/// The identity rules of a trust domain do not hold for a CA that a plain issuer uses too.
#[tokio::test]
async fn reports_a_shared_ca() {
    let (mut object, round) = observed().await;
    let shared = SharedCa {
        has_trust_domain: true,
        named: None,
        count: 1,
    };
    object.status = plan(&object, &round).status;
    let plan = plan_shared(&object, &round, Some(&shared));
    assert!(only_rewords(&object, &plan));
    assert_eq!(plan.events, []);
    let message = status(plan).conditions[0].message.clone();
    assert!(
        message.contains(&format!("; {shared}; the key is in a Secret")),
        "{message}"
    );
}

#[tokio::test]
async fn readiness_and_new_specs_do_more_than_reword() {
    let (mut object, round) = observed().await;
    object.status = plan(&object, &round).status;
    assert!(!only_rewords(&object, &plan(&object, &round)), "no change");
    object.metadata.generation = Some(8);
    assert!(!only_rewords(&object, &plan(&object, &round)));
    object.metadata.generation = Some(7);
    let round = waiting(round, "soon");
    assert!(!only_rewords(&object, &plan(&object, &round)));
    object.status = None;
    assert!(!only_rewords(&object, &plan(&object, &round)));
}

/// Certificates of an earlier CA may still be valid, and its root still trusted.
#[tokio::test]
async fn ca_keys_are_those_of_every_ca_that_has_not_ended() {
    let mut world = signing(1000).await;
    world.spec.key = crate::fixtures::key::software("other");
    world.reconcile().await;
    world.pass(93 * DAY);
    let facts = world.reconcile().await.facts;
    let both: Vec<_> = world
        .objects
        .iter()
        .map(|one| one.spec.key.fingerprint.clone())
        .collect();
    let both: std::collections::BTreeSet<_> = both.into_iter().collect();
    let mut expected = CaKeys {
        trust_domain: None,
        path: both.clone(),
        roots: both,
    };
    assert_eq!(facts.ca_keys(), expected);
    world.pass(93 * DAY);
    let facts = world.reconcile().await.facts;
    let newest: std::collections::BTreeSet<_> =
        [world.objects[1].spec.key.fingerprint.clone()].into();
    expected.path.clone_from(&newest);
    expected.roots = newest;
    assert_eq!(facts.ca_keys(), expected);
}

/// A new spec that changes nothing is still reported as observed.
#[tokio::test]
async fn writes_another_generation_of_the_spec_without_an_event() {
    let (mut object, mut round) = observed().await;
    object.status = plan(&object, &round).status;
    object.metadata.generation = Some(8);
    round.facts.now = at(60);
    let plan = plan(&object, &round);
    assert_eq!(plan.events, []);
    let status = status(plan);
    assert_eq!(status.observed_generation, Some(8));
    for condition in status.conditions {
        assert_eq!(condition.observed_generation, Some(8));
        assert_eq!(condition.last_transition_time.0, at(0));
    }
}

#[tokio::test]
async fn publishes_an_event_only_if_readiness_or_its_reason_changes() {
    let (mut object, round) = observed().await;
    let signs = round.decision.outcome.clone();
    let waits = |message: &str| Err(IssuerReason::CaNotYetValid.waits(message));
    let stalls = |message: &str| Err(IssuerReason::KeyMismatch.stalls(message));
    let mut round = round;
    for (outcome, warning) in [
        (waits("soon"), vec![true]),
        (waits("rather soon"), vec![]),
        (stalls("never"), vec![true]),
        (stalls("not ever"), vec![]),
        (signs, vec![false]),
    ] {
        round = with(round, outcome);
        let plan = plan(&object, &round);
        let warnings: Vec<_> = plan.events.iter().map(|event| event.warning).collect();
        assert_eq!(warnings, warning, "{:?}", round.decision.outcome);
        object.status = plan.status;
    }
}

#[tokio::test]
async fn the_transition_time_changes_only_with_the_status() {
    let (mut object, round) = observed().await;
    let signs = round.decision.outcome.clone();
    let round = stalled(round, "a");
    object.status = plan(&object, &round).status;
    let mut round = waiting(round, "b");
    round.facts.now = at(60);
    let second = status(plan(&object, &round));
    let times: Vec<_> = second
        .conditions
        .iter()
        .map(|one| one.last_transition_time.0)
        .collect();
    assert_eq!(
        times,
        [at(0), at(60), at(60), at(0)],
        "Ready stayed False, Reconciling and Stalled changed"
    );
    let third = status(plan(&object, &with(round, signs)));
    assert_eq!(third.conditions[0].last_transition_time.0, at(60));
}

/// The bundle does not lose a root because its generation cannot be read.
#[tokio::test]
async fn an_unreadable_old_generation_keeps_its_root_in_the_bundle() {
    let mut world = signing(1000).await;
    world.spec.key = crate::fixtures::key::software("other");
    world.reconcile().await;
    world.pass(93 * DAY);
    world.reconcile().await;
    let mut certificate = world.objects[0].spec.certificate.clone().unwrap();
    certificate.chain = "nothing".to_owned();
    world.objects[0].spec.certificate = Some(certificate);
    let round = world.reconcile().await;
    assert_eq!((ready(&round).number, roots(&world)), (2, 2));
    let message = &world.status.conditions[0].message;
    assert!(
        message.contains("CAGeneration clusterissuer-corp-1 is not valid"),
        "{message}"
    );
}

/// No secret reaches a status.
#[tokio::test]
async fn the_status_never_contains_a_key() {
    let mut world = signing(100).await;
    let round = world.reconcile().await;
    let pem = world.secrets.text("ca", "tls.key");
    let shown = format!("{:?} {round:?} {:?}", world.status, world.objects);
    for line in pem.lines().filter(|line| !line.starts_with('-')) {
        assert!(!shown.contains(line));
    }
}

/// What is at an address is for administrators: a tenant who names one must not learn it.
#[tokio::test]
async fn shows_the_cause_of_a_cluster_issuer_only() {
    let (object, mut round) = observed().await;
    let error = KeyError::new(ErrorClass::Unreachable, "the Vault does not answer");
    round.facts.keys.active = Some(Err(error.caused_by("connection refused")));
    for kind in [
        IssuerKind::ClusterIssuer,
        IssuerKind::Issuer,
        IssuerKind::MeshCA,
    ] {
        round.facts.name.kind = kind;
        round.decision = decide(&round.facts);
        let plan = plan(&object, &round);
        assert!(!plan.events[0].note.contains("refused"));
        let status = format!("{:?}", plan.status);
        let shown = status.contains("connection refused");
        assert_eq!(shown, kind == IssuerKind::ClusterIssuer, "{status}");
    }
}

#[tokio::test]
async fn a_trust_domain_is_part_of_the_keys_that_are_compared() {
    let mut world = World::self_signed(100 * DAY);
    world.spec.spiffe = Some(SpiffeSpec {
        trust_domain: "example.org".to_owned(),
    });
    assert!(
        world
            .reconcile()
            .await
            .facts
            .ca_keys()
            .trust_domain
            .is_some()
    );
}
