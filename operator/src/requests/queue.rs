//! Which requests are reconciled next: a queue for each issuer, fair between tenants.
//!
//! A request that waits costs an entry here and nothing else. Only as many are reconciled at once as
//! their issuer can sign, so that a backlog of one issuer neither delays another's requests nor makes
//! each of its own more expensive.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::Instant;

use signet_keys::FairQueue;

use crate::issuer_name::IssuerName;

/// The requests that are to be reconciled, and those that are being reconciled.
#[derive(Debug)]
pub(super) struct Queue<R> {
    requests: HashMap<R, State>,
    issuers: HashMap<IssuerName, Lane<R>>,
    /// The last number of an entry.
    last: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Queued,
    Running,
    /// It changed while it was reconciled, and is reconciled again.
    Changed,
}

#[derive(Debug)]
struct Lane<R> {
    /// Each with the time at which it was added.
    queued: FairQueue<(R, Instant)>,
    running: usize,
}

impl<R> Default for Queue<R> {
    fn default() -> Self {
        Self {
            requests: HashMap::new(),
            issuers: HashMap::new(),
            last: 0,
        }
    }
}

impl<R: Clone + Eq + Hash> Queue<R> {
    /// Adds a request to an issuer, and returns whether it is new. One that is queued stays where it
    /// is, and [`Self::finish`] reports one that is being reconciled.
    pub(super) fn push(&mut self, request: &R, issuer: &IssuerName, tenant: &str) -> bool {
        match self.requests.get_mut(request) {
            Some(State::Queued) => return false,
            Some(state) => {
                *state = State::Changed;
                return false;
            }
            None => self.requests.insert(request.clone(), State::Queued),
        };
        self.last += 1;
        let lane = self.issuers.entry(issuer.clone()).or_insert_with(|| Lane {
            queued: FairQueue::default(),
            running: 0,
        });
        let entry = (request.clone(), Instant::now());
        lane.queued.push(tenant, self.last, entry);
        true
    }

    /// Takes the next request to an issuer with the time at which it was added, if fewer than `limit`
    /// are being reconciled, of a tenant that may be served now.
    pub(super) fn start(
        &mut self,
        issuer: &IssuerName,
        limit: usize,
        may_be_served: impl FnMut(&str) -> bool,
    ) -> Option<(R, Instant)> {
        let lane = self.issuers.get_mut(issuer)?;
        if lane.running >= limit.max(1) {
            return None;
        }
        let (_, (request, since)) = lane.queued.pop_of(may_be_served)?;
        lane.running += 1;
        self.requests.insert(request.clone(), State::Running);
        Some((request, since))
    }

    /// Drops what is queued, and returns the issuer of each.
    pub(super) fn drain(&mut self) -> Vec<IssuerName> {
        let lanes = std::mem::take(&mut self.issuers);
        let issuers = lanes
            .into_iter()
            .flat_map(|(issuer, lane)| vec![issuer; lane.queued.len()]);
        issuers.collect()
    }

    /// Ends the reconcile of a request, and returns whether it changed meanwhile.
    pub(super) fn finish(&mut self, request: &R, issuer: &IssuerName) -> bool {
        if let Some(lane) = self.issuers.get_mut(issuer) {
            lane.running -= 1;
            if lane.running == 0 && lane.queued.is_empty() {
                self.issuers.remove(issuer);
            }
        }
        self.requests.remove(request) == Some(State::Changed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{corp, issuer};

    fn drain(
        queue: &mut Queue<&'static str>,
        issuer: &IssuerName,
        limit: usize,
    ) -> Vec<&'static str> {
        std::iter::from_fn(|| Some(queue.start(issuer, limit, |_| true)?.0)).collect()
    }

    #[test]
    fn tenants_take_turns_and_the_limit_holds() {
        let mut queue = Queue::default();
        for (request, tenant) in [("a1", "a"), ("a2", "a"), ("a3", "a"), ("b1", "b")] {
            queue.push(&request, &corp(), tenant);
        }
        assert_eq!(drain(&mut queue, &corp(), 2), ["a1", "b1"]);
        assert_eq!(queue.start(&corp(), 2, |_| true), None);
        assert!(!queue.finish(&"b1", &corp()));
        assert_eq!(drain(&mut queue, &corp(), 2), ["a2"]);
        // A limit that was lowered holds back what is queued, and nothing else.
        assert!(!queue.finish(&"a1", &corp()));
        assert_eq!(queue.start(&corp(), 1, |_| true), None);
        assert!(!queue.finish(&"a2", &corp()));
        assert_eq!(drain(&mut queue, &corp(), 0), ["a3"], "at least one");
    }

    #[test]
    fn a_request_is_queued_once_and_reconciled_once_at_a_time() {
        let mut queue = Queue::default();
        queue.push(&"a", &corp(), "t");
        queue.push(&"a", &corp(), "t");
        assert_eq!(drain(&mut queue, &corp(), 8), ["a"]);
        queue.push(&"a", &corp(), "t");
        assert_eq!(drain(&mut queue, &corp(), 8), [""; 0]);
        assert!(queue.finish(&"a", &corp()), "it changed meanwhile");
        queue.push(&"a", &corp(), "t");
        assert_eq!(drain(&mut queue, &corp(), 8), ["a"]);
        assert!(!queue.finish(&"a", &corp()));
        assert!(queue.issuers.is_empty() && queue.requests.is_empty());
    }

    #[test]
    fn a_tenant_that_used_up_its_rate_delays_no_other() {
        let mut queue = Queue::default();
        for (request, tenant) in [("a1", "a"), ("a2", "a"), ("b1", "b")] {
            queue.push(&request, &corp(), tenant);
        }
        let next = queue.start(&corp(), 8, |tenant| tenant != "a");
        assert_eq!(next.unwrap().0, "b1");
        assert_eq!(queue.start(&corp(), 8, |tenant| tenant != "a"), None);
        assert_eq!(drain(&mut queue, &corp(), 8), ["a1", "a2"]);
    }

    #[test]
    fn one_issuer_does_not_delay_another() {
        let mut queue = Queue::default();
        let other = issuer("shop", "ca");
        for request in ["a1", "a2", "a3"] {
            queue.push(&request, &corp(), "t");
        }
        queue.push(&"b1", &other, "t");
        assert_eq!(drain(&mut queue, &corp(), 1), ["a1"]);
        assert_eq!(drain(&mut queue, &other, 1), ["b1"]);
    }
}
