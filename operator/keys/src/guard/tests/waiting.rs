//! Waiting for a turn at a key.

use futures::FutureExt;
use futures::future::join_all;

use super::key::{Answer, Bed, error};
use super::*;

const ONE_AT_ONCE: Limits = Limits {
    per_second: None,
    max_in_flight: 1,
    per_tenant: None,
};

#[tokio::test(start_paused = true)]
async fn turns_go_round_between_tenants() {
    let bed = Bed::with(ONE_AT_ONCE);
    let taken = bed.guard.permit("many").await.unwrap();
    let mut many: Vec<_> = (0..1000)
        .map(|_| bed.guard.permit("many").boxed())
        .collect();
    for wait in &mut many {
        assert!(wait.now_or_never().is_none());
    }
    let mut one = bed.guard.permit("one").boxed();
    assert!((&mut one).now_or_never().is_none());
    assert_eq!(bed.guard.waiting(), 1001);
    drop(taken);
    drop((&mut many[0]).now_or_never().unwrap().unwrap());
    assert!((&mut one).now_or_never().is_some());
}

#[tokio::test(start_paused = true)]
async fn all_who_wait_are_told_when_the_key_is_dead() {
    let bed = Bed::with(ONE_AT_ONCE);
    let taken = bed.guard.permit("a").await.unwrap();
    let waiting = join_all((0..100).map(|_| bed.guard.permit("b")));
    let ((), waited) = tokio::join!(
        async {
            assert_eq!(bed.guard.waiting(), 0, "they are polled after this");
            tokio::task::yield_now().await;
            assert_eq!(bed.guard.waiting(), 100);
            bed.breaker.failed(&error(ErrorClass::KeyNotFound));
        },
        waiting
    );
    for permit in waited {
        assert_eq!(permit.unwrap_err().class, ErrorClass::KeyNotFound);
    }
    assert_eq!(bed.guard.waiting(), 0);
    drop(taken);
    assert!(
        bed.guard.permit("c").await.is_err(),
        "also with a free turn"
    );
    tokio::time::advance(PROBE).await;
    bed.probe().await.unwrap();
    drop(bed.guard.permit("c").await.unwrap());
}

/// Also those count who have a place and are held back by the rate.
#[tokio::test(start_paused = true)]
async fn who_is_held_back_by_the_rate_waits() {
    let bed = Bed::with(Limits {
        per_second: Some(1),
        max_in_flight: 8,
        per_tenant: None,
    });
    let mut permits: Vec<_> = (0..3).map(|_| bed.guard.permit("a").boxed()).collect();
    let polled = permits.iter_mut().map(|permit| permit.now_or_never());
    let given = polled.filter(Option::is_some).count();
    assert_eq!((given, bed.guard.waiting()), (1, 2));
    drop(permits);
    assert_eq!(bed.guard.waiting(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_burst_goes_on_when_the_key_is_back() {
    let bed = Bed::with(ONE_AT_ONCE);
    bed.key
        .always(Answer::Fails(error(ErrorClass::Unreachable)));
    let failed = join_all((0..50).map(|_| bed.issue("a"))).await;
    assert!(failed.iter().all(Result::is_err));
    assert_eq!(bed.key.calls().len(), 5);
    bed.key.always(Answer::Answers);
    tokio::time::advance(PROBE).await;
    bed.probe().await.unwrap();
    let issued = join_all((0..50).map(|_| bed.issue("a"))).await;
    assert!(issued.iter().all(Result::is_ok));
}
