//! A semaphore whose queue is fair between tenants.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::oneshot;

use crate::fair_queue::FairQueue;

/// A semaphore. Tenants that wait are served round-robin, and the requests of one tenant in their
/// order, so that a thousand requests of one tenant delay another's by one permit.
#[derive(Debug)]
pub struct FairSemaphore(Arc<Mutex<State>>);

/// A permit, released when it is dropped.
#[must_use = "a permit is released when it is dropped"]
#[derive(Debug)]
pub struct Permit(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    max_permits: usize,
    taken: usize,
    /// The last number of a request that had to wait.
    last: u64,
    waiting: FairQueue<oneshot::Sender<Permit>>,
}

impl FairSemaphore {
    /// A semaphore with this many permits, and at least one.
    pub fn new(max_permits: u16) -> Self {
        let permits = Self(Arc::default());
        permits.allow(max_permits);
        permits
    }

    /// Changes the number of permits. Those that are taken stay valid.
    pub fn allow(&self, max_permits: u16) {
        self.0.lock().max_permits = usize::from(max_permits.max(1));
        hand_out(&self.0);
    }

    /// Waits for a permit for this tenant. Dropping the future leaves the queue.
    pub async fn acquire(&self, tenant: &str) -> Permit {
        loop {
            let (sender, receiver) = oneshot::channel();
            // Dropped before the receiver: first no permit is handed over any more, and then a
            // permit that was handed over is dropped with the receiver, which releases it.
            let _place = {
                let mut state = self.0.lock();
                if state.taken < state.max_permits {
                    state.taken += 1;
                    return Permit(self.0.clone());
                }
                state.last += 1;
                let number = state.last;
                state.waiting.push(tenant, number, sender);
                Place(&self.0, tenant, number)
            };
            // A sender is dropped only with its place, so this is always a permit.
            if let Ok(permit) = receiver.await {
                return permit;
            }
        }
    }

    /// How many requests wait.
    pub fn waiting(&self) -> usize {
        self.0.lock().waiting.len()
    }
}

/// Hands the free permits to the requests that wait. A permit whose receiver is gone is released
/// by being dropped, so it is not sent under the lock.
fn hand_out(semaphore: &Arc<Mutex<State>>) {
    loop {
        let next = next(&mut semaphore.lock());
        let Some(waiter) = next else { return };
        drop(waiter.send(Permit(semaphore.clone())));
    }
}

/// Takes a permit for the next request, if there are both.
fn next(state: &mut State) -> Option<oneshot::Sender<Permit>> {
    if state.taken >= state.max_permits {
        return None;
    }
    let (_, waiter) = state.waiting.pop()?;
    state.taken += 1;
    Some(waiter)
}

/// The place of a tenant's request with this number in the queue, given up when it is dropped.
struct Place<'a>(&'a Mutex<State>, &'a str, u64);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.lock().waiting.remove(self.1, self.2);
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.lock().taken -= 1;
        hand_out(&self.0);
    }
}
