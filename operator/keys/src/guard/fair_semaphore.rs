//! A few things at a time, and a queue for them that is fair between tenants.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

/// At most so many turns at the same time. Tenants that wait are served in rotation, and each
/// tenant's own in the order in which they came, so that a thousand of one tenant are in the way
/// of another for one turn and not for a thousand.
#[derive(Debug)]
pub struct FairSemaphore(Arc<Queue>);

/// A turn. Dropping it ends it.
#[must_use = "a turn ends when it is dropped"]
pub struct Permit(Arc<Queue>);

#[derive(Debug)]
struct Queue(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    at_once: usize,
    taken: usize,
    waiting: usize,
    /// The last number; numbers order both the waiting and the rotation.
    last: u64,
    tenants: HashMap<Arc<str>, Tenant>,
    /// The tenants that wait, the next one first.
    rotation: BTreeMap<u64, Arc<str>>,
}

/// A tenant that waits. There is none without anybody waiting.
#[derive(Debug)]
struct Tenant {
    /// Its place in the rotation.
    place: u64,
    waiting: BTreeMap<u64, oneshot::Sender<Permit>>,
}

impl FairSemaphore {
    /// At most so many turns at the same time, and at least one.
    pub fn new(at_once: u16) -> Self {
        let permits = Self(Arc::new(Queue(Mutex::default())));
        permits.allow(at_once);
        permits
    }

    /// Allows another number of turns from now on. Those that are taken are not ended.
    pub fn allow(&self, at_once: u16) {
        let free = {
            let mut state = self.0.lock();
            state.at_once = usize::from(at_once.max(1));
            std::iter::from_fn(|| state.next()).collect::<Vec<_>>()
        };
        for waiter in free {
            self.0.hand_to(waiter);
        }
    }

    /// Waits for a turn of this tenant. Dropping the future gives up its place.
    pub async fn acquire(&self, tenant: &str) -> Permit {
        loop {
            let (sender, receiver) = oneshot::channel();
            // Dropped before the receiver: first nobody hands over a turn any more, and then a
            // turn that was handed over is dropped with the receiver, which ends it.
            let _place = {
                let mut state = self.0.lock();
                if state.taken < state.at_once {
                    state.taken += 1;
                    return Permit(self.0.clone());
                }
                Place {
                    queue: &self.0,
                    tenant,
                    number: state.push(tenant, sender),
                }
            };
            // A sender is dropped with its place alone, so that this is always a turn.
            if let Ok(permit) = receiver.await {
                return permit;
            }
        }
    }

    /// How many wait.
    pub fn waiting(&self) -> usize {
        self.0.lock().waiting
    }
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands over a turn that is counted already. If nobody takes it, it ends by being dropped.
    /// Not under the lock, since dropping a turn takes it.
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

    /// Takes a turn for the next one that waits, if there are both.
    fn next(&mut self) -> Option<oneshot::Sender<Permit>> {
        if self.taken >= self.at_once {
            return None;
        }
        let waiter = self.pop()?;
        self.taken += 1;
        Some(waiter)
    }

    /// Takes out the next one in turn.
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
        let sender = self.queue.lock().remove(self.tenant, self.number);
        drop(sender);
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let next = {
            let mut state = self.0.lock();
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
