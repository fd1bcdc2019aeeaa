mod faults;
mod key;
mod self_test;
mod waiting;

use super::*;
use key::{Answer, Bed, error};

#[tokio::test(start_paused = true)]
async fn a_key_that_answers_is_asked_once() {
    let bed = Bed::new();
    let start = Instant::now();
    bed.sign().await.unwrap();
    assert_eq!(bed.key.calls().len(), 1);
    assert_eq!(start.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn what_passes_is_tried_again_with_growing_jittered_waits() {
    let (least, spread) = ([50, 100, 200, 400], 2);
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..20 {
        let bed = Bed::new();
        bed.key
            .script(vec![Answer::Fails(error(ErrorClass::InvalidResponse)); 4]);
        bed.sign().await.unwrap();
        let waits = bed.key.waits();
        assert_eq!(waits.len(), 4, "one wait before each further attempt");
        for (wait, least) in waits.iter().zip(least) {
            let least = Duration::from_millis(least);
            let longest = least * spread + Duration::from_millis(1);
            assert!((least..=longest).contains(wait), "{waits:?}");
        }
        seen.insert(waits);
    }
    assert!(seen.len() > 1, "the waits are drawn");
}

#[tokio::test(start_paused = true)]
async fn no_attempt_begins_that_could_end_after_the_deadline() {
    let bed = Bed::new();
    bed.key
        .always(Answer::Fails(error(ErrorClass::Throttled(None))));
    let start = Instant::now();
    let failed = bed.sign().await.unwrap_err();
    assert_eq!(failed, error(ErrorClass::Throttled(None)));
    assert!(start.elapsed() <= DEADLINE - ATTEMPT);
    // At the longest wait of 2 s each after the first few, and at the shortest of 1 s.
    let calls = bed.key.calls().len();
    assert!((11..=20).contains(&calls), "{calls}");
    let waits = bed.key.waits();
    let longest = Duration::from_millis(2001);
    assert!(waits.iter().all(|wait| *wait <= longest), "{waits:?}");
    assert!(!bed.breaker.is_open(), "one failure, not one an attempt");
}

#[tokio::test(start_paused = true)]
async fn a_key_that_throttles_is_dead_after_five_signatures_in_vain() {
    let bed = Bed::new();
    bed.key
        .always(Answer::Fails(error(ErrorClass::Throttled(None))));
    for _ in 0..5 {
        assert!(!bed.breaker.is_open());
        bed.sign().await.unwrap_err();
    }
    assert!(bed.breaker.is_open());
}

#[tokio::test(start_paused = true)]
async fn the_delay_that_the_key_asks_for_is_the_least_wait() {
    let bed = Bed::new();
    let delay = Duration::from_secs(7);
    bed.key.script(vec![
        Answer::Fails(error(ErrorClass::Throttled(Some(delay)))),
        Answer::Fails(error(ErrorClass::Throttled(Some(Duration::ZERO)))),
    ]);
    bed.sign().await.unwrap();
    let waits = bed.key.waits();
    assert_eq!(waits[0].as_secs(), 7);
    assert!(waits[1] >= Duration::from_millis(100), "{waits:?}");
}

#[tokio::test(start_paused = true)]
async fn a_delay_beyond_the_deadline_is_left_to_the_caller() {
    for delay in [DEADLINE, Duration::MAX] {
        let bed = Bed::new();
        let throttled = error(ErrorClass::Throttled(Some(delay)));
        bed.key.always(Answer::Fails(throttled.clone()));
        let start = Instant::now();
        assert_eq!(bed.sign().await.unwrap_err(), throttled);
        assert_eq!(start.elapsed(), Duration::ZERO);
        assert_eq!(bed.key.calls().len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn signatures_keep_the_pace_attempts_included() {
    let bed = Bed::with(Limits {
        per_second: Some(1),
        max_in_flight: 8,
        per_tenant: None,
    });
    bed.key
        .script(vec![Answer::Fails(error(ErrorClass::Unreachable)); 2]);
    for _ in 0..3 {
        bed.issue("a").await.unwrap();
    }
    let waits = bed.key.waits();
    let second = Duration::from_secs(1);
    assert_eq!(waits.len(), 4);
    assert!(waits.iter().all(|wait| *wait >= second), "{waits:?}");
}

#[tokio::test(start_paused = true)]
async fn debug_shows_no_key() {
    let bed = Bed::new();
    let shown = format!("{:?}", bed.guard);
    assert!(shown.starts_with("GuardedSigner { breaker: "), "{shown}");
    assert!(!shown.contains("ScriptedKey"), "{shown}");
}
