//! Keys that are dead, hang, or do not like what they are given.

use futures::FutureExt;
use futures::future::join_all;
use tokio::time::advance;

use super::key::{Answer, Bed, error};
use super::*;

#[tokio::test(start_paused = true)]
async fn an_attempt_that_hangs_ends_after_five_seconds() {
    let bed = Bed::new();
    bed.key.script(vec![Answer::Hangs]);
    let start = Instant::now();
    bed.sign().await.unwrap();
    let took = start.elapsed();
    assert!((ATTEMPT..ATTEMPT + Duration::from_millis(200)).contains(&took));
}

#[tokio::test(start_paused = true)]
async fn a_key_that_hangs_is_dead_soon_and_costs_no_more_than_the_deadline() {
    let bed = Bed::new();
    bed.key.always(Answer::Hangs);
    let start = Instant::now();
    let failed = bed.sign().await.unwrap_err();
    assert_eq!(failed.class, ErrorClass::Unreachable);
    assert_eq!(failed.code, "Timeout");
    assert!(start.elapsed() <= DEADLINE);
    assert_eq!(bed.key.calls().len(), 3);
    // Three counted, and the two that come next are one too many.
    let both = join_all([bed.sign(), bed.sign()]).await;
    assert!(both.iter().all(Result::is_err));
    assert!(bed.breaker.is_open());
    assert_eq!(bed.key.calls().len(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_key_that_hangs_under_load_is_dead_after_one_attempt() {
    let bed = Bed::new();
    bed.key.always(Answer::Hangs);
    let start = Instant::now();
    let failed = join_all((0..500).map(|_| bed.issue("a"))).await;
    assert!(failed.iter().all(Result::is_err));
    assert_eq!(bed.key.calls().len(), 8, "those that had a turn");
    // 5 s, and waiting calls failed immediately.
    assert_eq!(start.elapsed().as_secs(), ATTEMPT.as_secs());
    assert_eq!(bed.guard.waiting(), 0);
}

#[tokio::test(start_paused = true)]
async fn nothing_calls_a_dead_key_until_a_probe_finds_that_it_signs() {
    let bed = Bed::new();
    bed.key
        .script(vec![Answer::Fails(error(ErrorClass::CredentialsRefused))]);
    bed.key
        .trial_is(Answer::Fails(error(ErrorClass::Unreachable)));
    let refused = bed.sign().await.unwrap_err();
    assert_eq!(refused, error(ErrorClass::CredentialsRefused));
    for _ in 0..100 {
        let failed = bed.issue("a").await.unwrap_err();
        assert_eq!(failed.class, ErrorClass::CredentialsRefused);
        assert!(failed.message.ends_with("; Signet tries again by itself"));
        bed.sign().await.unwrap_err();
        bed.probe().await.unwrap_err();
    }
    assert_eq!((bed.key.calls().len(), bed.key.trials().len()), (1, 0));
    advance(PROBE).await;
    assert_eq!(bed.probe().await, Err(error(ErrorClass::Unreachable)));
    assert_eq!(
        bed.issue("a").await.unwrap_err().class,
        ErrorClass::Unreachable
    );
    bed.key.trial_is(Answer::Answers);
    advance(PROBE).await;
    assert_eq!(bed.probe().await, Ok(()));
    bed.issue("a").await.unwrap();
    assert_eq!((bed.key.calls().len(), bed.key.trials().len()), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn who_waits_to_try_again_is_told_when_the_key_is_dead() {
    let bed = Bed::new();
    let delay = Duration::from_secs(10);
    bed.key.script(vec![
        Answer::Fails(error(ErrorClass::Throttled(Some(delay)))),
        Answer::Fails(error(ErrorClass::KeyNotFound)),
    ]);
    let start = Instant::now();
    let mut waiting = bed.sign().boxed();
    assert!((&mut waiting).now_or_never().is_none());
    bed.sign().await.unwrap_err();
    assert_eq!(waiting.await.unwrap_err().class, ErrorClass::KeyNotFound);
    assert_eq!(start.elapsed(), Duration::ZERO);
    assert_eq!(bed.key.calls().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn refused_bytes_block_no_other_call() {
    let bed = Bed::new();
    let unusable = error(ErrorClass::KeyUnusable);
    bed.key.script(vec![Answer::Fails(unusable.clone()); 100]);
    for _ in 0..100 {
        assert_eq!(bed.sign().await.unwrap_err(), unusable);
    }
    bed.issue("a").await.unwrap();
    assert_eq!(bed.key.calls().len(), 101, "no attempt was made twice");
    assert_eq!(bed.key.trials().len(), 1, "and the key was tried once");
    advance(PROBE).await;
    bed.key.script(vec![Answer::Fails(unusable)]);
    bed.sign().await.unwrap_err();
    assert_eq!(bed.key.trials().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_key_that_signs_nothing_is_dead_at_once() {
    let bed = Bed::new();
    let unusable = Answer::Fails(error(ErrorClass::KeyUnusable));
    bed.key.always(unusable.clone());
    bed.key.trial_is(unusable);
    bed.sign().await.unwrap_err();
    assert!(bed.breaker.is_open());
    bed.sign().await.unwrap_err();
    assert_eq!(bed.key.calls().len(), 1);
}
