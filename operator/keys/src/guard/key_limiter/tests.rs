use futures::FutureExt;

use super::*;

fn limits(per_second: Option<u32>, max_in_flight: u16) -> Limits {
    Limits {
        per_second,
        max_in_flight,
        per_tenant: None,
    }
}

/// How many turns are free, and how many signatures go without a wait.
fn free(limiter: &KeyLimiter) -> (usize, usize) {
    let permits: Vec<_> = (0..100)
        .map_while(|_| limiter.permit("a").now_or_never())
        .collect();
    let paced = (0..100)
        .map_while(|_| limiter.wait_for_rate().now_or_never())
        .count();
    (permits.len(), paced)
}

#[tokio::test(start_paused = true)]
async fn a_key_is_shared_inside_its_scope_alone() {
    let limiters = KeyLimiters::default();
    let first = limiters.limiter("a", "key", limits(None, 2));
    let second = limiters.limiter("a", "key", limits(None, 2));
    let _turns = (first.permit("a").await, first.permit("a").await);
    assert!(second.permit("a").now_or_never().is_none());
    for (scope, key) in [("b", "key"), ("a", "other")] {
        let other = limiters.limiter(scope, key, limits(None, 2));
        assert!(other.permit("a").now_or_never().is_some());
    }
}

#[tokio::test(start_paused = true)]
async fn the_strictest_of_the_limits_in_use_hold() {
    let limiters = KeyLimiters::default();
    let first = limiters.limiter("", "key", limits(None, 8));
    assert_eq!(free(&first), (8, 100));
    let second = limiters.limiter("", "key", limits(Some(1), 9));
    assert_eq!(free(&first), (8, 1));
    let third = limiters.limiter("", "key", limits(Some(100), 3));
    assert_eq!(free(&second).0, 3);
    drop((first, third));
    assert_eq!(free(&second).0, 9, "what is not in use does not count");
}

/// The queue is fair, and the rate limiter behind it is not. A caller that held a permit for
/// a minute would run into the deadline of the request and lose its place.
#[tokio::test(start_paused = true)]
async fn no_permit_waits_longer_than_ten_seconds_for_the_rate() {
    let limiters = KeyLimiters::default();
    for (per_second, max_in_flight) in [(1, 10), (2, 20), (5, 50), (100, 64)] {
        let limiter = limiters.limiter("", "key", limits(Some(per_second), 64));
        assert_eq!(free(&limiter).0, max_in_flight, "{per_second}");
    }
}

#[test]
fn keys_without_gates_are_swept_out() {
    let limiters = KeyLimiters::default();
    for key in 0..100 {
        drop(limiters.limiter("", &key.to_string(), limits(None, 1)));
    }
    let _gate = limiters.limiter("", "last", limits(None, 1));
    assert_eq!(limiters.0.lock().len(), 1);
}
