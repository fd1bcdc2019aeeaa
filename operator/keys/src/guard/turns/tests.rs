use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::FutureExt;
use futures::future::{BoxFuture, join_all};

use super::*;

/// One who waits, and who has a turn already if there was one.
type Waiter = BoxFuture<'static, Turn>;

fn waiter(turns: &Arc<Turns>, tenant: &'static str) -> Waiter {
    let turns = turns.clone();
    let mut waiter = async move { turns.acquire(tenant).await }.boxed();
    assert!(poll(&mut waiter).is_none(), "all turns are taken");
    waiter
}

fn poll(waiter: &mut Waiter) -> Option<Turn> {
    Pin::new(waiter).now_or_never()
}

fn full(at_once: u16) -> (Arc<Turns>, Vec<Turn>) {
    let turns = Arc::new(Turns::new(at_once));
    let taken = (0..at_once)
        .map(|_| turns.acquire("holder").now_or_never().unwrap())
        .collect();
    (turns, taken)
}

fn is_empty(turns: &Turns) -> bool {
    let state = turns.0.lock();
    state.taken == 0 && state.waiting == 0 && state.tenants.is_empty() && state.rotation.is_empty()
}

#[test]
fn no_more_than_allowed_at_once() {
    let (turns, mut taken) = full(3);
    let mut next = waiter(&turns, "a");
    assert_eq!(turns.waiting(), 1);
    taken.pop();
    assert_eq!(turns.waiting(), 0);
    let turn = poll(&mut next).unwrap();
    assert!(turns.acquire("a").now_or_never().is_none());
    drop((turn, taken));
    assert!(is_empty(&turns));
}

#[test]
fn a_tenant_with_a_thousand_is_in_the_way_for_one_turn() {
    let (turns, mut taken) = full(1);
    let mut many: Vec<_> = (0..1000).map(|_| waiter(&turns, "many")).collect();
    let mut one = waiter(&turns, "one");
    assert_eq!(turns.waiting(), 1001);
    taken.clear();
    let first = poll(&mut many[0]).unwrap();
    assert!(poll(&mut one).is_none());
    drop(first);
    assert!(
        poll(&mut one).is_some(),
        "the second release is for the one"
    );
}

#[test]
fn tenants_rotate_and_each_is_served_in_order() {
    let (turns, mut taken) = full(1);
    let mut waiters: Vec<_> = ["a", "a", "a", "b", "b", "c"]
        .into_iter()
        .enumerate()
        .map(|(number, tenant)| (number, waiter(&turns, tenant)))
        .collect();
    let mut order = Vec::new();
    while !waiters.is_empty() {
        taken.clear();
        let (index, turn) = waiters
            .iter_mut()
            .enumerate()
            .find_map(|(index, (_, waiter))| poll(waiter).map(|turn| (index, turn)))
            .unwrap();
        order.push(waiters.remove(index).0);
        taken.push(turn);
    }
    assert_eq!(order, [0, 3, 5, 1, 4, 2]);
    drop(taken);
    assert!(is_empty(&turns));
}

#[test]
fn who_leaves_gives_up_his_place() {
    let (turns, taken) = full(1);
    let mut waiters: Vec<_> = ["a", "a", "b", "c"].map(|name| waiter(&turns, name)).into();
    waiters.drain(..3);
    assert_eq!(turns.waiting(), 1);
    assert_eq!(turns.0.lock().tenants.len(), 1);
    drop(taken);
    drop(poll(&mut waiters[0]).unwrap());
    assert!(is_empty(&turns));
}

#[test]
fn who_leaves_with_a_turn_just_handed_over_passes_it_on() {
    let (turns, taken) = full(1);
    let (first, second) = (waiter(&turns, "a"), waiter(&turns, "b"));
    let mut third = waiter(&turns, "a");
    drop(taken);
    drop(first);
    drop(second);
    drop(poll(&mut third).unwrap());
    assert!(is_empty(&turns));
}

#[test]
fn turns_can_be_added_and_taken_away() {
    let (turns, mut taken) = full(2);
    let mut waiters: Vec<_> = (0..4).map(|_| waiter(&turns, "a")).collect();
    turns.allow(4);
    taken.extend(
        waiters
            .drain(..2)
            .map(|mut waiter| poll(&mut waiter).unwrap()),
    );
    turns.allow(0);
    taken.truncate(1);
    assert_eq!(turns.waiting(), 2, "one at once, and one is taken");
    taken.clear();
    assert_eq!(turns.waiting(), 1);
    drop(waiters);
    assert!(is_empty(&turns));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn threads_that_come_and_leave_lose_no_turn() {
    static TAKEN: AtomicUsize = AtomicUsize::new(0);
    let turns = Arc::new(Turns::new(3));
    let tasks = (0..64).map(|task: usize| {
        let turns = turns.clone();
        tokio::spawn(async move {
            let tenant = ["a", "b", "c", "d", "e"][task % 5];
            for round in 0..200 {
                let acquire = turns.acquire(tenant);
                let turn = if (task + round).is_multiple_of(3) {
                    // Gives up after a moment, wherever it stands then.
                    tokio::select! {
                        biased;
                        turn = acquire => turn,
                        () = tokio::task::yield_now() => continue,
                    }
                } else {
                    acquire.await
                };
                assert!(TAKEN.fetch_add(1, Ordering::SeqCst) < 3);
                tokio::task::yield_now().await;
                TAKEN.fetch_sub(1, Ordering::SeqCst);
                drop(turn);
            }
        })
    });
    for done in join_all(tasks).await {
        done.unwrap();
    }
    assert!(is_empty(&turns));
}
