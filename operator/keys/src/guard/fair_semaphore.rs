//! A semaphore whose queue is fair between tenants.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex};

use tokio::sync::oneshot;

use crate::lock::lock;

/// A semaphore. Tenants that wait are served round-robin, and the requests of one tenant in their
/// order, so that a thousand requests of one tenant delay another's by one permit.
#[derive(Debug)]
pub struct FairSemaphore(Arc<Queue>);

/// A permit, released when it is dropped.
#[must_use = "a permit is released when it is dropped"]
pub struct Permit(Arc<Queue>);

#[derive(Debug)]
struct Queue(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    max_permits: usize,
    taken: usize,
    waiting: usize,
    /// The last number; numbers order both the waiting and the rotation.
    last: u64,
    tenants: HashMap<Arc<str>, Tenant>,
    /// The tenants that wait, the next one first.
    rotation: BTreeMap<u64, Arc<str>>,
}

/// A tenant that waits. It is removed with its last request.
#[derive(Debug)]
struct Tenant {
    /// Its place in the rotation.
    place: u64,
    waiting: BTreeMap<u64, oneshot::Sender<Permit>>,
}

impl FairSemaphore {
    /// A semaphore with this many permits, and at least one.
    pub fn new(max_permits: u16) -> Self {
        let permits = Self(Arc::new(Queue(Mutex::default())));
        permits.allow(max_permits);
        permits
    }

    /// Changes the number of permits. Those that are taken stay valid.
    pub fn allow(&self, max_permits: u16) {
        let free = {
            let mut state = lock(&self.0.0);
            state.max_permits = usize::from(max_permits.max(1));
            std::iter::from_fn(|| state.next()).collect::<Vec<_>>()
        };
        for waiter in free {
            self.0.hand_to(waiter);
        }
    }

    /// Waits for a permit for this tenant. Dropping the future leaves the queue.
    pub async fn acquire(&self, tenant: &str) -> Permit {
        loop {
            let (sender, receiver) = oneshot::channel();
            // Dropped before the receiver: first no permit is handed over any more, and then a
            // permit that was handed over is dropped with the receiver, which releases it.
            let _place = {
                let mut state = lock(&self.0.0);
                if state.taken < state.max_permits {
                    state.taken += 1;
                    return Permit(self.0.clone());
                }
                Place {
                    queue: &self.0,
                    tenant,
                    number: state.push(tenant, sender),
                }
            };
            // A sender is dropped only with its place, so this is always a permit.
            if let Ok(permit) = receiver.await {
                return permit;
            }
        }
    }

    /// How many requests wait.
    pub fn waiting(&self) -> usize {
        lock(&self.0.0).waiting
    }
}

impl Queue {
    /// Hands over a permit that is counted already. If the receiver is gone, it is released by
    /// being dropped. Not under the lock, since dropping a permit takes it.
    fn hand_to(self: &Arc<Self>, waiter: oneshot::Sender<Permit>) {
        drop(waiter.send(Permit(self.clone())));
    }
}

impl State {
    fn number(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    fn push(&mut self, tenant: &str, sender: oneshot::Sender<Permit>) -> u64 {
        let number = self.number();
        self.waiting += 1;
        if let Some(tenant) = self.tenants.get_mut(tenant) {
            tenant.waiting.insert(number, sender);
            return number;
        }
        let (name, place) = (Arc::<str>::from(tenant), self.number());
        self.rotation.insert(place, name.clone());
        let waiting = BTreeMap::from([(number, sender)]);
        self.tenants.insert(name, Tenant { place, waiting });
        number
    }

    /// Takes a permit for the next request, if there are both.
    fn next(&mut self) -> Option<oneshot::Sender<Permit>> {
        if self.taken >= self.max_permits {
            return None;
        }
        let waiter = self.pop()?;
        self.taken += 1;
        Some(waiter)
    }

    /// Removes the next request from the queue.
    fn pop(&mut self) -> Option<oneshot::Sender<Permit>> {
        let (_, name) = self.rotation.pop_first()?;
        let place = self.number();
        let tenant = self.tenants.get_mut(&name)?;
        let (_, sender) = tenant.waiting.pop_first()?;
        self.waiting -= 1;
        if tenant.waiting.is_empty() {
            self.tenants.remove(&name);
        } else {
            tenant.place = place;
            self.rotation.insert(place, name);
        }
        Some(sender)
    }

    /// Takes out one that does not wait any more, if it is still there.
    fn remove(&mut self, name: &str, number: u64) -> Option<oneshot::Sender<Permit>> {
        let tenant = self.tenants.get_mut(name)?;
        let sender = tenant.waiting.remove(&number)?;
        self.waiting -= 1;
        if tenant.waiting.is_empty() {
            self.rotation.remove(&tenant.place);
            self.tenants.remove(name);
        }
        Some(sender)
    }
}

/// A place in the queue, given up when it is dropped.
struct Place<'a> {
    queue: &'a Queue,
    tenant: &'a str,
    number: u64,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let sender = lock(&self.queue.0).remove(self.tenant, self.number);
        drop(sender);
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let next = {
            let mut state = lock(&self.0.0);
            state.taken -= 1;
            state.next()
        };
        if let Some(waiter) = next {
            self.0.hand_to(waiter);
        }
    }
}

impl fmt::Debug for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit").finish_non_exhaustive()
    }
}
