//! Reconciles the requests that are due, in the order of their queue.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use futures::{FutureExt, Stream, StreamExt};
use kube::runtime::watcher;
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
use crate::keyring::{IssuerLookup, ReadyIssuer};

/// How many requests to an issuer that cannot sign are reconciled at once.
const WITHOUT_KEY: usize = 16;
/// And to one that can, at most.
const MAX_AT_ONCE: usize = 256;

/// The end of a reconcile: which one, and when it is reconciled again.
struct Finished {
    request: Key,
    issuer: IssuerName,
    again: Option<Duration>,
}

/// How many requests to an issuer may be reconciled at once, and whose.
struct Capacity {
    limit: usize,
    key: Option<Arc<ReadyIssuer>>,
}

impl Capacity {
    fn of(issuer: &IssuerLookup) -> Self {
        let IssuerLookup::Ready(ready) = issuer else {
            return Self {
                limit: WITHOUT_KEY,
                key: None,
            };
        };
        Self {
            limit: usize::from(ready.guard.max_in_flight()).min(MAX_AT_ONCE),
            key: Some(ready.clone()),
        }
    }

    /// Counts one certificate of a tenant, or returns when it may have one more.
    fn count_signature(&self, tenant: &str) -> Result<(), Instant> {
        let key = self.key.as_ref();
        key.map_or(Ok(()), |ready| ready.guard.count_signature(tenant))
    }

    /// Takes back what was counted for a request that is gone. Who made one without a namespace is
    /// not known any more.
    fn give_back(&self, request: &Key) {
        if let (Some(ready), Some(namespace)) = (&self.key, &request.namespace) {
            ready.guard.give_back(namespace);
        }
    }
}

struct Dispatch<K: RequestKind> {
    shell: Arc<Shell<K>>,
    queue: Queue<Key>,
    delays: Delays<Key>,
    /// The issuers whose queued requests are all of tenants that used up their rate.
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
        if self.queue.push(request, issuer, &tenant) {
            self.shell.context.queued.add(issuer);
            self.start(issuer);
        }
    }

    /// Starts what an issuer may have reconciled now.
    fn start(&mut self, issuer: &IssuerName) {
        self.paused.remove(issuer);
        let capacity = Capacity::of(&self.shell.context.find(issuer));
        let mut elsewhere = Vec::new();
        let mut earliest: Option<Instant> = None;
        let mut may_be_served = |tenant: &str| {
            let allowed = capacity.count_signature(tenant);
            earliest = earliest.into_iter().chain(allowed.err()).min();
            allowed.is_ok()
        };
        while let Some((request, queued)) =
            self.queue.start(issuer, capacity.limit, &mut may_be_served)
        {
            self.shell.context.queued.remove(issuer);
            let Some(object) = self.still_queued(&request, issuer) else {
                capacity.give_back(&request);
                self.queue.finish(&request, issuer);
                elsewhere.push(request);
                continue;
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
        }
        if let Some(at) = earliest {
            self.paused.insert(issuer.clone(), at);
        }
        for request in elsewhere {
            self.push(&request);
        }
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
    }
}
