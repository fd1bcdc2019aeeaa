//! When a key is looked at, connected to, and made to sign.

use signet_keys::{Checked, ErrorClass, KeyError, KeyPin, PROBE};
use tokio::time::advance;

use super::scripted::Bed;
use crate::connections::KeyEvent;

fn pinned(pin: &str) -> KeyPin {
    KeyPin {
        pin: Some(pin.to_owned()),
        ..KeyPin::default()
    }
}

/// A signer is made once.
#[tokio::test]
async fn a_key_is_connected_to_once_and_looked_at_after_that() {
    let bed = Bed::new();
    let first = bed.look(&KeyPin::default()).await.unwrap();
    assert_eq!(bed.asked(), (1, 0, 1), "and it has signed");
    for known in [KeyPin::default(), pinned("first"), pinned("first")] {
        let again = bed.look(&known).await.unwrap();
        assert!(std::sync::Arc::ptr_eq(&again.guard, &first.guard));
        assert_eq!(bed.asked(), (0, 1, 0));
    }
}

/// A permission to look at a key is none to sign with it.
#[tokio::test(start_paused = true)]
async fn a_key_that_does_not_sign_is_not_there_and_stays_so_until_it_signs() {
    let mut bed = Bed::new();
    let refused = KeyError::new(ErrorClass::CredentialsRefused, "no kms:Sign");
    *bed.script.refusal.lock().unwrap() = Some(refused.clone());
    assert_eq!(bed.look(&KeyPin::default()).await.unwrap_err(), refused);
    for _ in 0..10 {
        advance(PROBE).await;
        assert_eq!(bed.look(&KeyPin::default()).await.unwrap_err(), refused);
        assert!(bed.is_away());
    }
    assert_eq!(bed.changes.try_recv().unwrap().event, KeyEvent::Unavailable);
    assert!(bed.changes.try_recv().is_err(), "it was told once");
    *bed.script.refusal.lock().unwrap() = None;
    advance(PROBE).await;
    bed.look(&KeyPin::default()).await.unwrap();
    assert_eq!(bed.changes.try_recv().unwrap().event, KeyEvent::Available);
}

#[tokio::test(start_paused = true)]
async fn a_key_that_went_away_has_to_sign_before_it_is_back() {
    let bed = Bed::new();
    let key = bed.look(&KeyPin::default()).await.unwrap();
    let refused = KeyError::new(ErrorClass::CredentialsRefused, "no kms:Sign");
    *bed.script.refusal.lock().unwrap() = Some(refused.clone());
    key.guard.breaker().failed(&refused);
    bed.asked();
    advance(PROBE).await;
    assert_eq!(bed.look(&KeyPin::default()).await.unwrap_err(), refused);
    assert_eq!(bed.asked(), (0, 1, 1));
    assert!(bed.is_away());
    *bed.script.refusal.lock().unwrap() = None;
    advance(PROBE).await;
    bed.look(&KeyPin::default()).await.unwrap();
    assert!(!bed.is_away());
}

/// Some signatures are throttled in vain while others succeed, so the breaker never opens. Their
/// requests waited for up to five minutes each: nothing reported that the key had recovered.
#[tokio::test(start_paused = true)]
async fn a_key_that_recovers_without_having_been_unavailable_is_reported() {
    let mut bed = Bed::new();
    let key = bed.look(&KeyPin::default()).await.unwrap();
    let throttled = KeyError::new(ErrorClass::Throttled(None), "slow down");
    *bed.script.refusal.lock().unwrap() = Some(throttled.clone());
    assert_eq!(bed.sign(&key).await.unwrap_err(), throttled);
    assert!(!bed.is_away());
    assert!(bed.changes.try_recv().is_err());
    *bed.script.refusal.lock().unwrap() = None;
    bed.sign(&key).await.unwrap();
    assert_eq!(bed.changes.try_recv().unwrap().event, KeyEvent::Recovered);
    bed.sign(&key).await.unwrap();
    assert!(bed.changes.try_recv().is_err(), "once");
}

/// What does not pass by itself may be the connection's fault: a login that is gone, a key that
/// was replaced.
#[tokio::test(start_paused = true)]
async fn a_key_that_cannot_be_used_any_more_is_connected_to_anew() {
    for class in [ErrorClass::CredentialsRefused, ErrorClass::KeyUnusable] {
        let bed = Bed::new();
        bed.look(&KeyPin::default()).await.unwrap();
        *bed.script.look.lock().unwrap() = Some(Err(KeyError::new(class, "it changed")));
        bed.asked();
        bed.look(&KeyPin::default()).await.unwrap();
        assert_eq!(bed.asked(), (1, 1, 1), "{class:?}");
    }
    let bed = Bed::new();
    bed.look(&KeyPin::default()).await.unwrap();
    let away = KeyError::new(ErrorClass::Unreachable, "no route");
    *bed.script.look.lock().unwrap() = Some(Err(away.clone()));
    bed.asked();
    assert_eq!(bed.look(&KeyPin::default()).await.unwrap_err(), away);
    assert_eq!(bed.asked(), (0, 1, 0), "what may pass is waited for");
}

#[tokio::test]
async fn a_key_that_asks_for_it_is_connected_to_again_in_one_probe() {
    let bed = Bed::new();
    let key = bed.look(&KeyPin::default()).await.unwrap();
    *bed.script.look.lock().unwrap() = Some(Ok(Checked::Reconnect));
    for _ in 0..4 {
        let failure = KeyError::new(ErrorClass::Unreachable, "no route");
        key.guard.breaker().failed(&failure);
    }
    bed.asked();
    let again = bed.look(&KeyPin::default()).await.unwrap();
    assert_eq!(bed.asked(), (1, 1, 1));
    let late = KeyError::new(ErrorClass::CredentialsRefused, "of the old login");
    key.guard.breaker().failed(&late);
    assert!(!bed.is_away(), "what was connected before does not count");
    assert!(!again.guard.breaker().is_open());
}

/// The CA is gone, and with it the pin: the reference counts again.
#[tokio::test]
async fn a_ca_that_is_gone_sets_its_reference_free() {
    let bed = Bed::new();
    bed.look(&KeyPin::default()).await.unwrap();
    bed.leads_elsewhere();
    let kept = bed.look(&pinned("first")).await.unwrap();
    assert_eq!(kept.pin.as_deref(), Some("first"));
    let anew = bed.look(&KeyPin::default()).await.unwrap();
    assert_eq!(anew.pin.as_deref(), Some("second"));
}

/// Nothing is ever signed with a key that is not the CA's, and a trial neither.
#[tokio::test]
async fn a_key_that_is_not_the_cas_is_not_tried() {
    let bed = Bed::new();
    let known = KeyPin {
        fingerprint: Some("another".to_owned()),
        ..KeyPin::default()
    };
    bed.look(&known).await.unwrap();
    assert_eq!(bed.asked(), (1, 0, 0));
    // It has become the CA's: its certificate was put there.
    bed.look(&KeyPin::default()).await.unwrap();
    assert_eq!(bed.asked(), (0, 1, 1));
    bed.look(&KeyPin::default()).await.unwrap();
    assert_eq!(bed.asked(), (0, 1, 0), "once");
}
