//! Reconciles the requests that are due, in the order of their queue.

#[cfg(test)]
mod tests;

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use futures::{FutureExt, Stream, StreamExt};
use kube::runtime::watcher;
use signet_keys::GuardedSigner;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::cache::Key;
use super::delays::Delays;
use super::kind::RequestKind;
use super::object::{Observed, State};
use super::queue::Queue;
use super::reconcile::{Shell, error_delay, reconcile};
use super::tenant::tenant;
use super::unapproved;
use crate::issuer_name::IssuerName;
use crate::keyring::IssuerLookup;

/// How many requests to issuers that cannot sign are reconciled at once. They need no key, and a write
/// or two, of which fewer are in flight.
const WITHOUT_KEY: usize = 64;
/// How many requests to an issuer that can sign are reconciled at once, at most.
const MAX_AT_ONCE: usize = 256;

/// The end of a reconcile: which one, and when it is reconciled again.
struct Finished {
    request: Key,
    issuer: IssuerName,
    again: Option<Duration>,
}

struct Dispatch<K: RequestKind> {
    shell: Arc<Shell<K>>,
    queue: Queue<Key>,
    delays: Delays<Key>,
    /// The issuers with tenants that used up their rate, and when one may be served again.
    paused: Delays<IssuerName>,
    running: FuturesUnordered<BoxFuture<'static, Finished>>,
}

/// Reconciles what the watch delivers, what is woken, and what is to be tried again. Ends when `stop`
/// is cancelled and what is being reconciled has ended.
pub(super) async fn run<K: RequestKind>(
    due: impl Stream<Item = watcher::Result<Key>> + Send,
    woken: impl Stream<Item = Key> + Send,
    shell: Arc<Shell<K>>,
    stop: CancellationToken,
) {
    let mut dispatch = Dispatch {
        shell,
        queue: Queue::default(),
        delays: Delays::default(),
        paused: Delays::default(),
        running: FuturesUnordered::new(),
    };
    let (mut due, mut woken) = (pin!(due.fuse()), pin!(woken.fuse()));
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            Some(found) = due.next() => {
                // The watch reports and repeats what fails.
                if let Ok(request) = found {
                    dispatch.push(&request);
                }
            }
            Some(request) = woken.next() => dispatch.push(&request),
            request = dispatch.delays.next() => dispatch.push(&request),
            issuer = dispatch.paused.next() => dispatch.start(&issuer),
            Some(finished) = dispatch.running.next() => dispatch.finish(finished),
        }
    }
    while dispatch.running.next().await.is_some() {}
    dispatch.forget_queued();
}

impl<K: RequestKind> Dispatch<K> {
    fn push(&mut self, request: &Key) {
        self.delays.remove(request);
        let state = self.shell.cache.state(request);
        let (issuer, tenant) = match &state {
            Some(State::Due(due)) => (&due.issuer, tenant(&due.request)),
            Some(State::Unapproved(unapproved)) => {
                // Its event comes later: it counts for no rate before.
                if let Some(wait) = unapproved::remaining(unapproved, &self.shell.context) {
                    return self.delays.insert(request.clone(), Instant::now() + wait);
                }
                let namespace = request.namespace.as_deref();
                (&unapproved.issuer, namespace.unwrap_or_default().to_owned())
            }
            Some(State::Ignored) | None => return,
        };
        let is_new = self.queue.push(request, issuer, &tenant);
        if is_new {
            self.shell.context.queued.add(issuer);
        }
        // One that is queued may be woken because its issuer has a key again.
        if is_new || self.queue.awaits_key(issuer) {
            self.start(issuer);
        }
    }

    /// Starts what an issuer may have reconciled now.
    fn start(&mut self, issuer: &IssuerName) {
        match self.shell.context.find(issuer) {
            IssuerLookup::Ready(ready) => self.start_with(&ready.guard, issuer),
            _ => {
                self.paused.remove(issuer);
                self.queue.lose_key(issuer);
                self.start_without_key();
            }
        }
    }

    /// Starts requests to an issuer with this key.
    fn start_with(&mut self, key: &GuardedSigner, issuer: &IssuerName) {
        let limit = usize::from(key.max_in_flight()).min(MAX_AT_ONCE);
        let now = Instant::now();
        let mut elsewhere = Vec::new();
        let count = |tenant: &str| key.count_signature(tenant);
        while let Some((request, queued)) = self.queue.start(issuer, limit, now, count) {
            if let Some(request) = self.reconcile(request, issuer, queued) {
                // Who made one without a namespace is not known any more.
                if let Some(namespace) = &request.namespace {
                    key.give_back(namespace);
                }
                elsewhere.push(request);
            }
        }
        match self.queue.paused_until(issuer) {
            Some(at) => self.paused.insert(issuer.clone(), at),
            None => self.paused.remove(issuer),
        }
        for request in elsewhere {
            self.push(&request);
        }
    }

    /// Starts requests to all issuers that have no key.
    fn start_without_key(&mut self) {
        let mut elsewhere = Vec::new();
        while let Some(turn) = self.queue.next_turn(WITHOUT_KEY) {
            let issuer = &turn.issuer;
            if let IssuerLookup::Ready(ready) = self.shell.context.find(issuer) {
                self.start_with(&ready.guard, issuer);
            } else if let Some((request, queued)) = self.queue.start_without_key(&turn) {
                elsewhere.extend(self.reconcile(request, issuer, queued));
            }
        }
        for request in elsewhere {
            self.push(&request);
        }
    }

    /// Starts the reconcile of a request, or returns the request if it is not to this issuer any more,
    /// or not to be reconciled yet.
    fn reconcile(
        &mut self,
        request: Key,
        issuer: &IssuerName,
        queued: std::time::Instant,
    ) -> Option<Key> {
        self.shell.context.queued.remove(issuer);
        let Some(object) = self.still_queued(&request, issuer) else {
            self.queue.finish(&request, issuer);
            return Some(request);
        };
        let (shell, issuer) = (self.shell.clone(), issuer.clone());
        let reconciled = async move {
            let again = match reconcile(&request, &object, queued, &shell).await {
                Ok(again) => again,
                Err(error) => Some(error_delay(&object, &error, &shell)),
            };
            Finished {
                request,
                issuer,
                again,
            }
        };
        self.running.push(reconciled.boxed());
        None
    }

    /// Returns a request whose turn it is; none if it was deleted meanwhile, or another one has its
    /// name, which is to another issuer or not to be reconciled yet.
    fn still_queued(&self, request: &Key, issuer: &IssuerName) -> Option<Observed<K>> {
        let object = self.shell.cache.get(request)?;
        let context = &self.shell.context;
        let is_early = |one| unapproved::remaining(one, context).is_some();
        let is_queued =
            object.issuer() == Some(issuer) && !object.unapproved().is_some_and(is_early);
        is_queued.then_some(object)
    }

    /// Another dispatch may follow, if the API's version changed.
    fn forget_queued(&mut self) {
        for issuer in self.queue.drain() {
            self.shell.context.queued.remove(&issuer);
        }
    }

    fn finish(&mut self, finished: Finished) {
        let Finished {
            request,
            issuer,
            again,
        } = finished;
        if self.queue.finish(&request, &issuer) {
            self.push(&request);
        } else if let Some(wait) = again {
            self.delays.insert(request, Instant::now() + wait);
        }
        self.start(&issuer);
        self.start_without_key();
    }
}
