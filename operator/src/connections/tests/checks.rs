//! When a key is checked, connected to, and self-tested.

use std::pin::pin;

use signet_keys::{Access, Checked, ErrorClass, KeyError, KeyPin, PROBE};
use tokio::time::{advance, timeout};

use super::scripted::Bed;
use super::{Cluster, MAX_CHECKS_PER_NAMESPACE, Role};
use crate::context::DEADLINE;
use crate::deadline::within;
use crate::fixtures::{corp, shop_ca, spec};
use crate::health::Health;

fn pinned(pin: &str) -> KeyPin {
    KeyPin {
        pin: Some(pin.to_owned()),
        ..KeyPin::default()
    }
}

/// A signer is made once.
#[tokio::test]
async fn connects_once_and_then_checks() {
    let bed = Bed::new();
    let first = bed.check(&KeyPin::default()).await.unwrap();
    assert_eq!(bed.calls(), (1, 0, 1), "and it has signed");
    for known in [KeyPin::default(), pinned("first"), pinned("first")] {
        let again = bed.check(&known).await.unwrap();
        assert!(std::sync::Arc::ptr_eq(&again.guard, &first.guard));
        assert_eq!(bed.calls(), (0, 1, 0));
    }
}

/// A permission to read a key does not allow signing with it.
#[tokio::test(start_paused = true)]
async fn is_unavailable_until_it_signs() {
    let mut bed = Bed::new();
    let refused = KeyError::new(ErrorClass::CredentialsRefused, "no kms:Sign");
    *bed.script.refusal.lock().unwrap() = Some(refused.clone());
    assert_eq!(bed.check(&KeyPin::default()).await.unwrap_err(), refused);
    for _ in 0..10 {
        advance(PROBE).await;
        assert_eq!(bed.check(&KeyPin::default()).await.unwrap_err(), refused);
        assert!(bed.is_unavailable());
    }
    assert_eq!(bed.issuers.try_recv().unwrap(), Some(corp()));
    assert!(bed.issuers.try_recv().is_err(), "once");
    assert!(bed.requests.try_recv().is_err(), "it does not sign");
    *bed.script.refusal.lock().unwrap() = None;
    advance(PROBE).await;
    bed.check(&KeyPin::default()).await.unwrap();
    assert_eq!(bed.issuers.try_recv().unwrap(), Some(corp()));
    assert_eq!(bed.requests.try_recv().unwrap(), Some(corp()));
}

#[tokio::test(start_paused = true)]
async fn is_available_again_only_when_it_signs() {
    let bed = Bed::new();
    let key = bed.check(&KeyPin::default()).await.unwrap();
    let refused = KeyError::new(ErrorClass::CredentialsRefused, "no kms:Sign");
    *bed.script.refusal.lock().unwrap() = Some(refused.clone());
    key.guard.breaker().failed(&refused);
    bed.calls();
    advance(PROBE).await;
    assert_eq!(bed.check(&KeyPin::default()).await.unwrap_err(), refused);
    assert_eq!(bed.calls(), (0, 1, 1));
    assert!(bed.is_unavailable());
    *bed.script.refusal.lock().unwrap() = None;
    advance(PROBE).await;
    bed.check(&KeyPin::default()).await.unwrap();
    assert!(!bed.is_unavailable());
}

/// Some signatures are throttled in vain while others succeed, so the breaker never opens. Their
/// requests waited for up to five minutes each: nothing reported that the key had recovered.
#[tokio::test(start_paused = true)]
async fn wakes_requests_of_a_key_that_recovers_without_having_been_unavailable() {
    let mut bed = Bed::new();
    let key = bed.check(&KeyPin::default()).await.unwrap();
    let throttled = KeyError::new(ErrorClass::Throttled(None), "slow down");
    *bed.script.refusal.lock().unwrap() = Some(throttled.clone());
    assert_eq!(bed.sign(&key).await.unwrap_err(), throttled);
    assert!(!bed.is_unavailable());
    assert!(bed.requests.try_recv().is_err());
    *bed.script.refusal.lock().unwrap() = None;
    bed.sign(&key).await.unwrap();
    assert_eq!(bed.requests.try_recv().unwrap(), Some(corp()));
    bed.sign(&key).await.unwrap();
    assert!(bed.requests.try_recv().is_err(), "once");
    assert!(bed.issuers.try_recv().is_err(), "the issuer stayed ready");
}

/// An error that is not transient may be the connection's: a login that is gone, a key that
/// was replaced.
#[tokio::test(start_paused = true)]
async fn reconnects_to_a_key_that_cannot_be_used() {
    for class in [ErrorClass::CredentialsRefused, ErrorClass::KeyUnusable] {
        let bed = Bed::new();
        bed.check(&KeyPin::default()).await.unwrap();
        *bed.script.check.lock().unwrap() = Some(Err(KeyError::new(class, "it changed")));
        bed.calls();
        bed.check(&KeyPin::default()).await.unwrap();
        assert_eq!(bed.calls(), (1, 1, 1), "{class:?}");
    }
    let bed = Bed::new();
    bed.check(&KeyPin::default()).await.unwrap();
    let unreachable = KeyError::new(ErrorClass::Unreachable, "no route");
    *bed.script.check.lock().unwrap() = Some(Err(unreachable.clone()));
    bed.calls();
    assert_eq!(
        bed.check(&KeyPin::default()).await.unwrap_err(),
        unreachable
    );
    assert_eq!(bed.calls(), (0, 1, 0), "what may pass is waited for");
}

#[tokio::test]
async fn reconnects_within_one_probe() {
    let bed = Bed::new();
    let key = bed.check(&KeyPin::default()).await.unwrap();
    *bed.script.check.lock().unwrap() = Some(Ok(Checked::Reconnect));
    for _ in 0..4 {
        let failure = KeyError::new(ErrorClass::Unreachable, "no route");
        key.guard.breaker().failed(&failure);
    }
    bed.calls();
    let again = bed.check(&KeyPin::default()).await.unwrap();
    assert_eq!(bed.calls(), (1, 1, 1));
    let late = KeyError::new(ErrorClass::CredentialsRefused, "of the old login");
    key.guard.breaker().failed(&late);
    assert!(
        !bed.is_unavailable(),
        "what was connected before does not count"
    );
    assert!(!again.guard.breaker().is_open());
}

/// The CA is gone, and with it the pin: the reference counts again.
#[tokio::test]
async fn resolves_the_reference_again_without_a_ca() {
    let bed = Bed::new();
    bed.check(&KeyPin::default()).await.unwrap();
    bed.leads_elsewhere();
    let kept = bed.check(&pinned("first")).await.unwrap();
    assert_eq!(kept.pin.as_deref(), Some("first"));
    let resolved = bed.check(&KeyPin::default()).await.unwrap();
    assert_eq!(resolved.pin.as_deref(), Some("second"));
}

/// Nothing is ever signed with a key that is not the CA's, and a trial neither.
#[tokio::test]
async fn never_tests_a_key_that_is_not_the_cas() {
    let bed = Bed::new();
    let known = KeyPin {
        fingerprint: Some("another".to_owned()),
        ..KeyPin::default()
    };
    bed.check(&known).await.unwrap();
    assert_eq!(bed.calls(), (1, 0, 0));
    // It has become the CA's: its certificate was put there.
    bed.check(&KeyPin::default()).await.unwrap();
    assert_eq!(bed.calls(), (0, 1, 1));
    bed.check(&KeyPin::default()).await.unwrap();
    assert_eq!(bed.calls(), (0, 1, 0), "once");
}

/// A namespace may have hundreds of Issuers with keys that take 20 s to fail.
#[tokio::test(start_paused = true)]
async fn the_wait_for_slow_keys_of_the_namespace_is_not_held_against_an_issuer() {
    let (connections, cluster) = (super::connections(), Cluster::new());
    let tenant = Some("shop".to_owned());
    let mut before = Vec::new();
    for _ in 0..MAX_CHECKS_PER_NAMESPACE {
        before.push(connections.checks.enter("shop".to_owned()).await);
    }
    let access = Access {
        tenant,
        ..cluster.access()
    };
    let (issuer, spec, known) = (shop_ca(), spec("ca"), KeyPin::default());
    let key = connections.key(
        (&issuer, "uid"),
        Role::Active,
        (&spec.key, None),
        &access,
        &known,
        false,
    );
    let health = Health::default();
    let mut checked = pin!(within(DEADLINE, &health, key));
    timeout(10 * DEADLINE, &mut checked).await.unwrap_err();
    drop(before);
    checked.await.unwrap().unwrap();
}
