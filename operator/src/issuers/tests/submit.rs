//! When a CSR is submitted to a parent. The facts about the parent are set by hand.

use signet_api::Manual;

use super::super::decide::{Step, Submit, decide};
use super::super::facts::Facts;
use super::super::parents::Attempt;
use super::*;
use crate::fixtures::{NOW, at};

/// An issuer whose first generation waits for its certificate.
async fn requested() -> Facts {
    let mut world = World::manual(Manual {
        secret_name: Some("chain".to_owned()),
        ..Manual::default()
    });
    world.reconcile().await;
    world.observe().await
}

fn attempt(number: u32, seconds: i64) -> Option<Attempt> {
    let at = at(seconds);
    Some(Attempt { number, at })
}

const fn submit(attempt: u32) -> Option<Step> {
    Some(Step::Submit(Submit {
        generation: 1,
        attempt,
    }))
}

#[tokio::test]
async fn submits_the_csr_of_the_next_generation_when_an_attempt_is_due() {
    let mut facts = requested().await;
    assert_eq!(decide(&facts).step, None, "nothing is to be submitted");
    facts.attempt = attempt(1, 0);
    assert_eq!(decide(&facts).step, submit(1));
    facts.attempt = attempt(2, 10);
    assert_eq!(decide(&facts).step, None, "the backoff is not over");
    facts.now = at(10);
    assert_eq!(decide(&facts).step, submit(2));
}

#[tokio::test]
async fn a_suspended_issuer_submits_nothing() {
    let mut facts = requested().await;
    facts.attempt = attempt(1, 0);
    (facts.spec.suspend, facts.rotation.suspend) = (true, true);
    assert_eq!(decide(&facts).step, None);
}

/// Its chain is stored, and nothing else waits for one.
#[tokio::test]
async fn a_certified_generation_is_not_submitted_again() {
    let mut world = signing(10).await;
    world.now = NOW;
    let mut facts = world.observe().await;
    facts.attempt = attempt(1, 0);
    assert_eq!(decide(&facts).step, None);
}

#[tokio::test]
async fn the_message_says_what_the_certificate_waits_for() {
    let mut facts = requested().await;
    facts.spec.certificate.manual = None;
    facts.spec.certificate.existing = Some(Default::default());
    facts.pending = Some("CertificateRequest web is not approved".to_owned());
    let outcome = decide(&facts).outcome;
    let message = refused(&outcome, (IssuerReason::WaitingForParent, false));
    assert!(
        message.contains("CertificateRequest web is not approved"),
        "{message}"
    );
}
