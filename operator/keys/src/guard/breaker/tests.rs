mod probes;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use tokio::time::{Instant, advance};

use super::*;
use crate::error::ErrorClass;

/// A [`BreakerEvent`] without its error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Event {
    Opened,
    Closed,
    Recovered,
}

type Events = Arc<Mutex<Vec<Event>>>;

impl From<BreakerEvent<'_>> for Event {
    fn from(event: BreakerEvent<'_>) -> Self {
        match event {
            BreakerEvent::Opened(_) => Self::Opened,
            BreakerEvent::Closed => Self::Closed,
            BreakerEvent::Recovered => Self::Recovered,
        }
    }
}

/// A breaker, and what it reported.
fn breaker() -> (Arc<Breaker>, Events) {
    let events = Events::default();
    let log = events.clone();
    let report = move |event: BreakerEvent<'_>| log.lock().push(event.into());
    (Arc::new(Breaker::new(Box::new(report))), events)
}

fn unreachable() -> KeyError {
    KeyError::new(ErrorClass::Unreachable, "no route")
}

fn refused() -> KeyError {
    KeyError::new(ErrorClass::CredentialsRefused, "wrong PIN")
}

fn open() -> (Arc<Breaker>, Events) {
    let (breaker, told) = breaker();
    breaker.failed(&refused());
    (breaker, told)
}

#[tokio::test(start_paused = true)]
async fn what_may_pass_opens_it_at_the_fifth_time_in_a_row() {
    let (breaker, told) = breaker();
    for _ in 0..4 {
        breaker.failed(&unreachable());
    }
    breaker.succeeded();
    for _ in 0..4 {
        breaker.failed(&unreachable());
        assert_eq!(breaker.admit(), Ok(()));
    }
    assert_eq!(*told.lock(), [Event::Recovered]);
    breaker.failed(&unreachable());
    assert!(breaker.is_open());
    let error = breaker.admit().unwrap_err();
    assert_eq!(error.class, ErrorClass::Unreachable);
    assert_eq!(error.message, "no route; Signet tries again by itself");
    assert_eq!(breaker.last_error(), Some(unreachable()));
    breaker.failed(&unreachable());
    let reported = [Event::Recovered, Event::Opened];
    assert_eq!(*told.lock(), reported, "reported once");
}

#[tokio::test(start_paused = true)]
async fn what_does_not_pass_by_itself_opens_it_at_once() {
    for class in [
        ErrorClass::CredentialsRefused,
        ErrorClass::KeyUnusable,
        ErrorClass::KeyNotFound,
    ] {
        let (breaker, told) = breaker();
        breaker.failed(&KeyError::new(class, ""));
        assert_eq!(breaker.admit().unwrap_err().class, class);
        assert_eq!(*told.lock(), [Event::Opened]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_lesser_reason_does_not_hide_the_one_that_opened_it() {
    let (breaker, _) = open();
    breaker.failed(&unreachable());
    breaker.succeeded();
    assert_eq!(breaker.last_error(), Some(refused()));
    assert_eq!(breaker.admit().unwrap_err().class, refused().class);
    advance(PROBE).await;
    let probed: Result<(), _> = breaker.probe(async { Err(unreachable()) }).await;
    assert_eq!(probed, Err(unreachable()));
    assert_eq!(breaker.last_error(), Some(unreachable()), "the probe knows");
}

#[tokio::test(start_paused = true)]
async fn waiting_calls_learn_of_it_immediately() {
    let (breaker, _) = breaker();
    assert_eq!(breaker.unless_open(async { 7 }).await, Ok(7));
    let waiters: Vec<_> = (0..100)
        .map(|_| {
            let breaker = breaker.clone();
            tokio::spawn(async move { breaker.unless_open(std::future::pending::<()>()).await })
        })
        .collect();
    tokio::task::yield_now().await;
    let start = Instant::now();
    breaker.failed(&refused());
    for waiter in waiters {
        assert_eq!(waiter.await.unwrap(), Err(breaker.admit().unwrap_err()));
    }
    assert_eq!(start.elapsed(), Duration::ZERO);
    assert!(breaker.unless_open(async {}).await.is_err(), "also later");
}

/// A key that throttles one signature while it makes others never opens its breaker. The one that
/// failed is waiting all the same.
#[tokio::test(start_paused = true)]
async fn reports_the_first_success_after_failures_that_did_not_open_it() {
    let (breaker, told) = breaker();
    breaker.succeeded();
    assert!(told.lock().is_empty(), "nothing failed before");
    breaker.failed(&KeyError::new(ErrorClass::Throttled(None), "slow down"));
    breaker.succeeded();
    breaker.succeeded();
    assert_eq!(*told.lock(), [Event::Recovered]);
}

/// A key that was replaced by another may be read as before, while it signs nothing that verifies.
#[tokio::test(start_paused = true)]
async fn a_check_that_succeeds_does_not_hide_signatures_that_fail() {
    let (breaker, told) = breaker();
    let invalid = KeyError::new(ErrorClass::InvalidResponse, "another key's signature");
    for _ in 0..5 {
        assert!(!breaker.is_open());
        breaker.failed(&invalid);
        let _ = breaker.probe(async { Ok(()) }).await;
    }
    assert!(breaker.is_open());
    assert_eq!(*told.lock(), [Event::Opened]);
}

#[test]
fn who_is_told_may_ask() {
    let own: Arc<Mutex<Option<Arc<Breaker>>>> = Arc::default();
    let seen = Arc::new(AtomicUsize::new(0));
    let breaker = Arc::new(Breaker::new(Box::new({
        let (own, seen) = (own.clone(), seen.clone());
        move |event: BreakerEvent<'_>| {
            let breaker = own.lock().take().unwrap();
            assert_eq!(event, BreakerEvent::Opened(&refused()));
            assert!(breaker.is_open());
            breaker.succeeded();
            assert!(breaker.admit().is_err());
            seen.fetch_add(1, Ordering::SeqCst);
        }
    })));
    *own.lock() = Some(breaker.clone());
    breaker.failed(&refused());
    assert_eq!(seen.load(Ordering::SeqCst), 1);
}
