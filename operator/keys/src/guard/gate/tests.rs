use futures::FutureExt;

use super::*;

fn limits(per_second: Option<u32>, at_once: u16) -> Limits {
    Limits {
        per_second,
        at_once,
    }
}

/// How many turns are free, and how many signatures go without a wait.
fn free(gate: &Gate) -> (usize, usize) {
    let turns: Vec<_> = (0..100)
        .map_while(|_| gate.turn("a").now_or_never())
        .collect();
    let paced = (0..100).map_while(|_| gate.pace().now_or_never()).count();
    (turns.len(), paced)
}

#[tokio::test(start_paused = true)]
async fn a_key_is_shared_inside_its_scope_alone() {
    let gates = Gates::default();
    let first = gates.gate("a", "key", limits(None, 2));
    let second = gates.gate("a", "key", limits(None, 2));
    let _turns = (first.turn("a").await, first.turn("a").await);
    assert!(second.turn("a").now_or_never().is_none());
    for (scope, key) in [("b", "key"), ("a", "other")] {
        let other = gates.gate(scope, key, limits(None, 2));
        assert!(other.turn("a").now_or_never().is_some());
    }
}

#[tokio::test(start_paused = true)]
async fn the_strictest_of_the_limits_in_use_hold() {
    let gates = Gates::default();
    let first = gates.gate("", "key", limits(None, 8));
    assert_eq!(free(&first), (8, 100));
    let second = gates.gate("", "key", limits(Some(1), 9));
    assert_eq!(free(&first), (8, 1));
    let third = gates.gate("", "key", limits(Some(100), 3));
    assert_eq!(free(&second).0, 3);
    drop((first, third));
    assert_eq!(free(&second).0, 9, "what is not in use does not count");
}

/// The queue is fair, and the pace behind it is none. Whoever held a turn for
/// a minute would run into the deadline of the request and lose its place.
#[tokio::test(start_paused = true)]
async fn nobody_holds_a_turn_for_longer_than_ten_seconds_to_keep_the_pace() {
    let gates = Gates::default();
    for (per_second, at_once) in [(1, 10), (2, 20), (5, 50), (100, 64)] {
        let gate = gates.gate("", "key", limits(Some(per_second), 64));
        assert_eq!(free(&gate).0, at_once, "{per_second}");
    }
}

#[test]
fn keys_without_gates_are_swept_out() {
    let gates = Gates::default();
    for key in 0..100 {
        drop(gates.gate("", &key.to_string(), limits(None, 1)));
    }
    let _gate = gates.gate("", "last", limits(None, 1));
    assert_eq!(gates.0.lock().unwrap().len(), 1);
}
