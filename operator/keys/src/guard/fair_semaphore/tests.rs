use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::FutureExt;
use futures::future::{BoxFuture, join_all};

use super::*;

/// One who waits, and who has a turn already if there was one.
type Waiter = BoxFuture<'static, Permit>;

fn waiter(permits: &Arc<FairSemaphore>, tenant: &'static str) -> Waiter {
    let permits = permits.clone();
    let mut waiter = async move { permits.acquire(tenant).await }.boxed();
    assert!(poll(&mut waiter).is_none(), "all turns are taken");
    waiter
}

fn poll(waiter: &mut Waiter) -> Option<Permit> {
    Pin::new(waiter).now_or_never()
}

fn full(max_permits: u16) -> (Arc<FairSemaphore>, Vec<Permit>) {
    let permits = Arc::new(FairSemaphore::new(max_permits));
    let taken = (0..max_permits)
        .map(|_| permits.acquire("holder").now_or_never().unwrap())
        .collect();
    (permits, taken)
}

fn is_empty(permits: &FairSemaphore) -> bool {
    let state = permits.0.lock();
    state.taken == 0 && state.waiting.tenants().count() == 0
}

#[test]
fn no_more_than_allowed_at_once() {
    let (permits, mut taken) = full(3);
    let mut next = waiter(&permits, "a");
    assert_eq!(permits.waiting(), 1);
    taken.pop();
    assert_eq!(permits.waiting(), 0);
    let permit = poll(&mut next).unwrap();
    assert!(permits.acquire("a").now_or_never().is_none());
    drop((permit, taken));
    assert!(is_empty(&permits));
}

#[test]
fn a_tenant_with_a_thousand_is_in_the_way_for_one_turn() {
    let (permits, mut taken) = full(1);
    let mut many: Vec<_> = (0..1000).map(|_| waiter(&permits, "many")).collect();
    let mut one = waiter(&permits, "one");
    assert_eq!(permits.waiting(), 1001);
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
    let (permits, mut taken) = full(1);
    let mut waiters: Vec<_> = ["a", "a", "a", "b", "b", "c"]
        .into_iter()
        .enumerate()
        .map(|(number, tenant)| (number, waiter(&permits, tenant)))
        .collect();
    let mut order = Vec::new();
    while !waiters.is_empty() {
        taken.clear();
        let (index, permit) = waiters
            .iter_mut()
            .enumerate()
            .find_map(|(index, (_, waiter))| poll(waiter).map(|permit| (index, permit)))
            .unwrap();
        order.push(waiters.remove(index).0);
        taken.push(permit);
    }
    assert_eq!(order, [0, 3, 5, 1, 4, 2]);
    drop(taken);
    assert!(is_empty(&permits));
}

#[test]
fn who_leaves_gives_up_his_place() {
    let (permits, taken) = full(1);
    let mut waiters: Vec<_> = ["a", "a", "b", "c"]
        .map(|name| waiter(&permits, name))
        .into();
    waiters.drain(..3);
    assert_eq!(permits.waiting(), 1);
    assert_eq!(permits.0.lock().waiting.tenants().count(), 1);
    drop(taken);
    drop(poll(&mut waiters[0]).unwrap());
    assert!(is_empty(&permits));
}

#[test]
fn who_leaves_with_a_turn_just_handed_over_passes_it_on() {
    let (permits, taken) = full(1);
    let (first, second) = (waiter(&permits, "a"), waiter(&permits, "b"));
    let mut third = waiter(&permits, "a");
    drop(taken);
    drop(first);
    drop(second);
    drop(poll(&mut third).unwrap());
    assert!(is_empty(&permits));
}

#[test]
fn turns_can_be_added_and_taken_away() {
    let (permits, mut taken) = full(2);
    let mut waiters: Vec<_> = (0..4).map(|_| waiter(&permits, "a")).collect();
    permits.allow(4);
    taken.extend(
        waiters
            .drain(..2)
            .map(|mut waiter| poll(&mut waiter).unwrap()),
    );
    permits.allow(0);
    taken.truncate(1);
    assert_eq!(permits.waiting(), 2, "one at once, and one is taken");
    taken.clear();
    assert_eq!(permits.waiting(), 1);
    drop(waiters);
    assert!(is_empty(&permits));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn threads_that_come_and_leave_lose_no_turn() {
    static TAKEN: AtomicUsize = AtomicUsize::new(0);
    let permits = Arc::new(FairSemaphore::new(3));
    let tasks = (0..64).map(|task: usize| {
        let permits = permits.clone();
        tokio::spawn(async move {
            let tenant = ["a", "b", "c", "d", "e"][task % 5];
            for round in 0..200 {
                let acquire = permits.acquire(tenant);
                let permit = if (task + round).is_multiple_of(3) {
                    // Gives up after a moment, wherever it stands then.
                    tokio::select! {
                        biased;
                        permit = acquire => permit,
                        () = tokio::task::yield_now() => continue,
                    }
                } else {
                    acquire.await
                };
                assert!(TAKEN.fetch_add(1, Ordering::SeqCst) < 3);
                tokio::task::yield_now().await;
                TAKEN.fetch_sub(1, Ordering::SeqCst);
                drop(permit);
            }
        })
    });
    for done in join_all(tasks).await {
        done.unwrap();
    }
    assert!(is_empty(&permits));
}
