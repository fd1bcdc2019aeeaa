//! Which requests are reconciled next: a queue for each issuer, fair between tenants.
//!
//! A request that waits costs an entry here and nothing else. Only as many are reconciled at once as
//! their issuer can sign, so that a backlog of one issuer neither delays another's requests nor makes
//! each of its own more expensive. All issuers without a key have one limit in common.

#[cfg(test)]
mod tests;
mod turns;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::hash::Hash;
use std::sync::Arc;
use std::time::Instant;

use signet_keys::FairQueue;
use tokio::time;

use crate::issuer_name::IssuerName;
pub(super) use turns::Turn;
use turns::Turns;

/// The requests that are to be reconciled, and those that are being reconciled.
#[derive(Debug)]
pub(super) struct Queue<R> {
    requests: HashMap<R, State>,
    issuers: HashMap<IssuerName, Lane<R>>,
    /// Those of the issuers without a key.
    turns: Turns,
    /// How many requests to issuers without a key are being reconciled.
    without_key: usize,
    /// The last number of an entry.
    last: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Queued,
    Running(Limit),
    /// It changed while it was reconciled, and is reconciled again.
    Changed(Limit),
}

/// Which limit a request that is being reconciled counts for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Limit {
    OfIssuer,
    WithoutKey,
}

#[derive(Debug)]
struct Lane<R> {
    /// Each with the time at which it was added.
    queued: FairQueue<(R, Instant)>,
    /// How many are being reconciled with the issuer's key.
    running: usize,
    /// The tenants that used up their rate, each with the time at which it may be served again.
    paused: BinaryHeap<Reverse<(time::Instant, Arc<str>)>>,
    /// Whether each tenant with entries has a turn, because the issuer has no key.
    awaits_key: bool,
}

impl<R> Default for Queue<R> {
    fn default() -> Self {
        Self {
            requests: HashMap::new(),
            issuers: HashMap::new(),
            turns: Turns::default(),
            without_key: 0,
            last: 0,
        }
    }
}

impl<R> Default for Lane<R> {
    fn default() -> Self {
        Self {
            queued: FairQueue::default(),
            running: 0,
            paused: BinaryHeap::new(),
            awaits_key: false,
        }
    }
}

impl<R: Clone + Eq + Hash> Queue<R> {
    /// Adds a request to an issuer, and returns whether it is new. One that is queued stays where it
    /// is, and [`Self::finish`] reports one that is being reconciled.
    pub(super) fn push(&mut self, request: &R, issuer: &IssuerName, tenant: &str) -> bool {
        match self.requests.get_mut(request) {
            Some(State::Queued) => return false,
            Some(State::Running(limit) | State::Changed(limit)) => {
                let changed = State::Changed(*limit);
                self.requests.insert(request.clone(), changed);
                return false;
            }
            None => self.requests.insert(request.clone(), State::Queued),
        };
        self.last += 1;
        let entry = (request.clone(), Instant::now());
        let lane = match self.issuers.get_mut(issuer) {
            Some(lane) => lane,
            None => self.issuers.entry(issuer.clone()).or_default(),
        };
        lane.queued.push(tenant, self.last, entry);
        if lane.awaits_key {
            self.turns.add(issuer, &tenant.into());
        }
        true
    }

    /// Takes the next request to an issuer with a key and the time at which it was added, if fewer
    /// than `limit` are being reconciled. A tenant that may not be served now is paused until the
    /// time that `count` returns.
    pub(super) fn start(
        &mut self,
        issuer: &IssuerName,
        limit: usize,
        now: time::Instant,
        mut count: impl FnMut(&str) -> Result<(), time::Instant>,
    ) -> Option<(R, Instant)> {
        let lane = self.issuers.get_mut(issuer)?;
        lane.awaits_key = false;
        lane.resume(now);
        if lane.running >= limit.max(1) {
            return None;
        }
        let Lane { queued, paused, .. } = lane;
        let next = queued.pop_unless(|tenant| {
            let counted = count(tenant);
            paused.extend(counted.err().map(|at| Reverse((at, tenant.into()))));
            counted.is_err()
        });
        let (_, (request, since)) = next?;
        lane.running += 1;
        let state = State::Running(Limit::OfIssuer);
        self.requests.insert(request.clone(), state);
        Some((request, since))
    }

    /// Returns when a tenant of this issuer may be served again that may not be now.
    pub(super) fn paused_until(&self, issuer: &IssuerName) -> Option<time::Instant> {
        let Reverse((at, _)) = self.issuers.get(issuer)?.paused.peek()?;
        Some(*at)
    }

    /// Whether the queued requests to an issuer wait for turns.
    pub(super) fn awaits_key(&self, issuer: &IssuerName) -> bool {
        self.issuers.get(issuer).is_some_and(|lane| lane.awaits_key)
    }

    /// Takes note that an issuer has no key: its requests wait for turns.
    pub(super) fn lose_key(&mut self, issuer: &IssuerName) {
        let lane = self.issuers.get_mut(issuer).filter(|it| !it.awaits_key);
        if let Some(lane) = lane {
            lane.awaits_key = true;
            for tenant in lane.queued.tenants() {
                self.turns.add(issuer, tenant);
            }
        }
    }

    /// Takes the next turn, if fewer than `limit` requests to issuers without a key are being
    /// reconciled. The issuer may have got a key since.
    pub(super) fn next_turn(&mut self, limit: usize) -> Option<Arc<Turn>> {
        match self.without_key < limit {
            true => self.turns.next(),
            false => None,
        }
    }

    /// Takes the request whose turn it is, with the time at which it was added.
    pub(super) fn start_without_key(&mut self, turn: &Turn) -> Option<(R, Instant)> {
        let lane = self.issuers.get_mut(&turn.issuer)?;
        let (_, (request, since)) = lane.queued.pop_of(&turn.tenant)?;
        // If it was the last one, the turn finds none.
        self.turns.add(&turn.issuer, &turn.tenant);
        self.without_key += 1;
        let state = State::Running(Limit::WithoutKey);
        self.requests.insert(request.clone(), state);
        Some((request, since))
    }

    /// Drops what is queued, and returns the issuer of each.
    pub(super) fn drain(&mut self) -> Vec<IssuerName> {
        self.turns = Turns::default();
        let lanes = std::mem::take(&mut self.issuers);
        let issuers = lanes
            .into_iter()
            .flat_map(|(issuer, lane)| vec![issuer; lane.queued.len()]);
        issuers.collect()
    }

    /// Ends the reconcile of a request, and returns whether it changed meanwhile.
    pub(super) fn finish(&mut self, request: &R, issuer: &IssuerName) -> bool {
        let state = self.requests.remove(request);
        let lane = self.issuers.get_mut(issuer);
        match state {
            Some(State::Running(Limit::OfIssuer) | State::Changed(Limit::OfIssuer)) => {
                if let Some(lane) = lane {
                    lane.running -= 1;
                }
            }
            Some(State::Running(Limit::WithoutKey) | State::Changed(Limit::WithoutKey)) => {
                self.without_key -= 1;
            }
            Some(State::Queued) | None => {}
        }
        if self.issuers.get(issuer).is_some_and(Lane::is_unused) {
            self.issuers.remove(issuer);
        }
        matches!(state, Some(State::Changed(_)))
    }
}

impl<R> Lane<R> {
    fn is_unused(&self) -> bool {
        self.running == 0 && self.queued.is_empty()
    }

    /// Serves the tenants again whose time has come, in its order.
    fn resume(&mut self, now: time::Instant) {
        let mut due = Vec::new();
        while let Some(Reverse((at, _))) = self.paused.peek()
            && *at <= now
        {
            due.extend(self.paused.pop());
        }
        for Reverse((_, tenant)) in due.iter().rev() {
            self.queued.resume(tenant);
        }
    }
}
