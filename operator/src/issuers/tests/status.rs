use signet_api::conditions::{READY, RECONCILING, STALLED};
use signet_api::{
    AllowedRequesters, CaProfile, ClusterIssuer, ClusterIssuerSpec, GenerationState, IssuerKind,
    IssuerStatus, Profile, RequesterServiceAccount, SpiffeSpec,
};
use signet_core::ca::CaChain;
use signet_keys::{ErrorClass, KeyError, KeyType, Signer};

use super::super::decide::{Outcome, Step, decide};
use super::super::facts::Facts;
use super::super::reason::IssuerReason;
use super::super::status::{self as issuer_status, is_not_ready, only_rewords};
use super::{adopt, existing, self_signed};
use crate::fixtures::{DAY, NOW, at, ca, key};
use crate::plan::Plan;
use crate::sharing::{CaKeys, SharedCa};

fn object(facts: &Facts, status: Option<IssuerStatus>) -> ClusterIssuer {
    let mut object = ClusterIssuer::new("corp", ClusterIssuerSpec(facts.spec.clone()));
    object.metadata.generation = Some(7);
    object.status = status;
    object
}

/// An issuer that is ready, and its outcome.
fn ready() -> (Facts, Outcome) {
    let signer = key::signer(KeyType::EcdsaP256);
    let mut facts = self_signed(&signer);
    adopt(&mut facts, &ca::valid(&*signer, "Root"), 1);
    let outcome = outcome(&facts);
    (facts, outcome)
}

fn outcome(facts: &Facts) -> Outcome {
    match decide(facts) {
        Ok(Step::Ready(ready)) => Ok(ready),
        Ok(step) => panic!("{step:?}"),
        Err(not_ready) => Err(not_ready),
    }
}

fn waits(message: &str) -> Outcome {
    Err(IssuerReason::CaNotYetValid.waits(message))
}

fn stalls(message: &str) -> Outcome {
    Err(IssuerReason::KeyMismatch.stalls(message))
}

/// The plan for an issuer that shares no CA.
fn plan(object: &ClusterIssuer, facts: &Facts, outcome: &Outcome) -> Plan {
    issuer_status::plan(object, facts, outcome, None)
}

fn status(plan: Plan) -> IssuerStatus {
    serde_json::from_value(plan.status.unwrap()).unwrap()
}

#[test]
fn conditions_follow_kstatus() {
    let (facts, ready) = ready();
    for (outcome, expected, reason) in [
        (ready, ["True", "False", "False"], "Ready"),
        (waits("soon"), ["False", "True", "False"], "CaNotYetValid"),
        (stalls("never"), ["False", "False", "True"], "KeyMismatch"),
    ] {
        let status = status(plan(&object(&facts, None), &facts, &outcome));
        let types: Vec<_> = status
            .conditions
            .iter()
            .map(|one| one.type_.as_str())
            .collect();
        assert_eq!(types, [READY, RECONCILING, STALLED]);
        let values: Vec<_> = status
            .conditions
            .iter()
            .map(|one| one.status.as_str())
            .collect();
        assert_eq!(values, expected, "{reason}");
        for condition in &status.conditions {
            assert_eq!(condition.observed_generation, Some(7));
            assert_eq!(condition.reason, reason);
            assert_eq!(condition.last_transition_time.0, facts.now);
        }
    }
}

/// Nothing is written about an unavailable key twice, unless the write failed.
#[test]
fn is_not_ready_only_by_the_status_of_this_generation() {
    let (facts, ready) = ready();
    let with_status = |outcome: &Outcome| {
        let status = status(plan(&object(&facts, None), &facts, outcome));
        object(&facts, Some(status))
    };
    assert!(!is_not_ready(&object(&facts, None)));
    assert!(!is_not_ready(&with_status(&ready)));
    let mut not_ready = with_status(&waits("soon"));
    assert!(is_not_ready(&not_ready));
    not_ready.metadata.generation = Some(8);
    assert!(!is_not_ready(&not_ready), "of the generation before");
}

#[test]
fn ready_message_has_subject_expiry_and_backend() {
    let (facts, outcome) = ready();
    let status = status(plan(&object(&facts, None), &facts, &outcome));
    let end = facts.generations[0].chain.as_ref().unwrap().not_after();
    assert_eq!(
        status.conditions[0].message,
        format!(
            "Signs as CN=Root until {end}; the key is in a Secret of this cluster, not in a KMS \
             or an HSM"
        )
    );
}

#[test]
fn reports_that_cert_managers_account_is_listed() {
    let (mut facts, _) = ready();
    let message = |facts: &Facts| {
        let status = status(plan(&object(facts, None), facts, &outcome(facts)));
        status.conditions[0].message.clone()
    };
    for (name, reported) in [("cert-manager", true), ("cainjector", false)] {
        facts.spec.profile = Some(Profile {
            ca: Some(CaProfile {
                path_length: 0,
                max_duration: None,
                allowed_requesters: Some(AllowedRequesters {
                    service_accounts: vec![RequesterServiceAccount {
                        namespace: "cert-manager".to_owned(),
                        name: name.to_owned(),
                    }],
                    certificates: None,
                }),
            }),
            ..Profile::default()
        });
        let message = message(&facts);
        let expected = "lists cert-manager's own account, which has no effect";
        assert_eq!(message.contains(expected), reported, "{message}");
    }
}

#[test]
fn writes_nothing_if_nothing_changed() {
    let (facts, ready) = ready();
    for outcome in [ready, waits("soon"), stalls("never")] {
        let status = status(plan(&object(&facts, None), &facts, &outcome));
        let later = facts_at(&facts, 60);
        assert_eq!(
            plan(&object(&facts, Some(status)), &later, &outcome),
            Plan::default()
        );
    }
}

fn facts_at(facts: &Facts, seconds: i64) -> Facts {
    Facts {
        now: at(seconds),
        ..facts.clone()
    }
}

/// The identity rules of a trust domain do not hold for a CA that a plain issuer uses too.
#[test]
fn reports_a_shared_ca() {
    let (facts, outcome) = ready();
    let shared = SharedCa {
        has_trust_domain: true,
        named: None,
        count: 1,
    };
    let alone = status(plan(&object(&facts, None), &facts, &outcome));
    let object = object(&facts, Some(alone));
    let plan = issuer_status::plan(&object, &facts, &outcome, Some(&shared));
    assert!(only_rewords(&object, &plan));
    assert_eq!(plan.event, None);
    let message = status(plan).conditions[0].message.clone();
    assert!(
        message.contains(&format!("; {shared}; the key is in a Secret")),
        "{message}"
    );
}

#[test]
fn readiness_and_new_specs_do_more_than_reword() {
    let (facts, ready) = ready();
    let before = status(plan(&object(&facts, None), &facts, &ready));
    let mut object = object(&facts, Some(before));
    assert!(
        !only_rewords(&object, &plan(&object, &facts, &ready)),
        "no change"
    );
    assert!(!only_rewords(
        &object,
        &plan(&object, &facts, &waits("soon"))
    ));
    object.metadata.generation = Some(8);
    assert!(!only_rewords(&object, &plan(&object, &facts, &ready)));
    object.status = None;
    assert!(!only_rewords(&object, &plan(&object, &facts, &ready)));
}

/// Certificates of an earlier CA may still be valid, and its root still trusted.
#[test]
fn ca_keys_are_those_of_every_ca_that_has_not_expired() {
    let [first, second, third] = [(); 3].map(|()| key::signer(KeyType::EcdsaP256));
    let mut facts = self_signed(&third);
    adopt(
        &mut facts,
        &ca::root(&*first, "Expired", at(-2 * DAY), DAY),
        1,
    );
    adopt(&mut facts, &ca::valid(&*second, "Old"), 2);
    adopt(&mut facts, &ca::valid(&*third, "New"), 3);
    let alive = [second, third].map(|key| key.public_key().fingerprint());
    let mut expected = CaKeys {
        has_trust_domain: false,
        path: alive.clone().into(),
        roots: alive.into(),
    };
    assert_eq!(facts.ca_keys(), expected);
    facts.spec.spiffe = Some(SpiffeSpec {
        trust_domain: "example.org".to_owned(),
    });
    expected.has_trust_domain = true;
    assert_eq!(facts.ca_keys(), expected);
}

/// A subject may be as long as a certificate.
#[test]
fn a_long_subject_leaves_room_for_the_warnings() {
    let signer = key::signer(KeyType::EcdsaP256);
    let units = format!(",OU={}", "x".repeat(60)).repeat(30);
    let chain = ca::valid(&*signer, &format!("Root{units}"));
    let mut facts = existing(&signer, chain.clone());
    adopt(&mut facts, &chain, 1);
    let shared = SharedCa {
        has_trust_domain: false,
        named: None,
        count: 1,
    };
    let plan = issuer_status::plan(
        &object(&facts, None),
        &facts,
        &outcome(&facts),
        Some(&shared),
    );
    let message = &status(plan).conditions[0].message;
    assert!(message.contains(&shared.to_string()), "{message}");
    assert!(message.len() < 3000, "the subject is cut");
}

/// A new spec that changes nothing is still reported as observed.
#[test]
fn writes_another_generation_of_the_spec_without_an_event() {
    let (facts, outcome) = ready();
    let before = status(plan(&object(&facts, None), &facts, &outcome));
    let mut object = object(&facts, Some(before));
    object.metadata.generation = Some(8);
    let plan = plan(&object, &facts_at(&facts, 60), &outcome);
    assert_eq!(plan.event, None);
    for condition in status(plan).conditions {
        assert_eq!(condition.observed_generation, Some(8));
        assert_eq!(condition.last_transition_time.0, at(0));
    }
}

#[test]
fn publishes_an_event_only_if_readiness_or_its_reason_changes() {
    let (facts, ready) = ready();
    let mut before = None;
    for (outcome, warning) in [
        (waits("soon"), Some(true)),
        (waits("rather soon"), None),
        (stalls("never"), Some(true)),
        (stalls("not ever"), None),
        (ready, Some(false)),
    ] {
        let plan = plan(&object(&facts, before), &facts, &outcome);
        assert_eq!(
            plan.event.as_ref().map(|event| event.warning),
            warning,
            "{outcome:?}"
        );
        before = Some(status(plan));
    }
}

#[test]
fn the_transition_time_changes_only_with_the_status() {
    let (facts, ready) = ready();
    let first = status(plan(&object(&facts, None), &facts, &stalls("a")));
    let later = facts_at(&facts, 60);
    let second = status(plan(
        &object(&facts, Some(first.clone())),
        &later,
        &waits("b"),
    ));
    let times: Vec<_> = second
        .conditions
        .iter()
        .map(|one| one.last_transition_time.0)
        .collect();
    assert_eq!(
        times,
        [at(0), at(60), at(60)],
        "Ready stayed False, the others changed"
    );
    let third = status(plan(&object(&facts, Some(first)), &later, &ready));
    assert_eq!(third.conditions[0].last_transition_time.0, at(60));
}

/// Three generations, one signing: what was, what is, and what may be again.
#[test]
fn lists_the_active_generation_first() {
    let [first, second, third] = [(); 3].map(|()| key::signer(KeyType::EcdsaP256));
    let expired = ca::root(&*first, "First", at(-2 * DAY), DAY);
    let active = ca::valid(&*second, "Second");
    let mut facts = existing(&second, active.clone());
    adopt(&mut facts, &expired, 1);
    adopt(&mut facts, &active, 2);
    adopt(&mut facts, &ca::valid(&*third, "Third"), 3);
    let written = status(plan(&object(&facts, None), &facts, &outcome(&facts)));
    let summaries: Vec<_> = written
        .ca
        .iter()
        .map(|ca| (ca.name.as_str(), ca.state))
        .collect();
    assert_eq!(
        summaries,
        [
            ("clusterissuer-corp-2", GenerationState::Active),
            ("clusterissuer-corp-3", GenerationState::Inactive),
            ("clusterissuer-corp-1", GenerationState::Expired),
        ]
    );
    let ca = &written.ca[0];
    assert_eq!(
        (ca.key.as_str(), ca.subject.as_str()),
        ("software/ca", "CN=Second")
    );
    assert_eq!(ca.fingerprint, hex::encode(active.issuing().fingerprint()));
    assert_eq!(ca.not_before.0, active.not_before());
    assert_eq!(ca.not_after.0, active.not_after());
    let none_signs = status(plan(&object(&facts, None), &facts, &stalls("never")));
    assert!(
        none_signs
            .ca
            .iter()
            .all(|ca| ca.state != GenerationState::Active)
    );
}

/// A root stays trusted until the last leaf under it has expired.
#[test]
fn the_bundle_has_every_valid_root_once() {
    let [first, second] = [(); 2].map(|()| key::signer(KeyType::EcdsaP256));
    let pem = |chain: &CaChain| chain.issuing().pem();
    let (old, new) = (
        ca::root(&*first, "Old", at(-DAY), 2 * DAY),
        ca::valid(&*second, "New"),
    );
    let mut facts = existing(&second, new.clone());
    adopt(&mut facts, &old, 1);
    adopt(&mut facts, &new, 2);
    adopt(&mut facts, &new, 3);
    assert_eq!(facts.bundle().pem(), [pem(&new), pem(&old)].concat());
    facts.now = old.not_after();
    assert_eq!(facts.bundle().pem(), pem(&new));
    facts.now = new.not_after();
    assert_eq!(facts.bundle().pem(), "");
    let written = status(plan(&object(&facts, None), &facts, &outcome(&facts)));
    assert_eq!(written.bundle, None);
}

#[test]
fn omits_an_unreadable_generation() {
    let (mut facts, _) = ready();
    facts.generations[0].chain = CaChain::from_pem(b"", None, NOW);
    let written = status(plan(&object(&facts, None), &facts, &stalls("broken")));
    assert!(written.ca.is_empty() && written.bundle.is_none());
}

/// No secret reaches a status.
#[test]
fn the_status_never_contains_a_key() {
    let generated = signet_keys::GeneratedKey::new(KeyType::EcdsaP256).unwrap();
    let (_, pem) = generated.secret_entry();
    let signer = key::signer_of(pem);
    let signer: &dyn Signer = &*signer;
    let mut facts = self_signed(&key::signer_of(pem));
    adopt(&mut facts, &ca::valid(signer, "Root"), 1);
    let plan = plan(&object(&facts, None), &facts, &outcome(&facts));
    let shown = format!("{plan:?} {facts:?}");
    for line in pem.lines().filter(|line| !line.starts_with('-')) {
        assert!(!shown.contains(line));
    }
}

/// What is at an address is for administrators: a tenant who names one must not learn it.
#[test]
fn shows_the_cause_of_a_cluster_issuer_only() {
    let signer = key::signer(KeyType::EcdsaP256);
    let mut facts = self_signed(&signer);
    let error = KeyError::new(ErrorClass::Unreachable, "the Vault does not answer");
    facts.key = Err(error.caused_by("connection refused"));
    for kind in [IssuerKind::ClusterIssuer, IssuerKind::Issuer] {
        facts.name.kind = kind;
        let plan = plan(&object(&facts, None), &facts, &outcome(&facts));
        assert!(!plan.event.as_ref().unwrap().note.contains("refused"));
        let status = plan.status.unwrap().to_string();
        let shown = status.contains("connection refused");
        assert_eq!(shown, kind == IssuerKind::ClusterIssuer, "{status}");
    }
}
