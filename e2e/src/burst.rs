//! Many requests of one issuer, and what becomes of each.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;
use std::sync::Arc;

use anyhow::{Context, Result, anyhow, ensure};
use futures::{Stream, StreamExt, TryStreamExt, stream};
use jiff::{SignedDuration, Timestamp};
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{self, Event};
use kube::{Api, ResourceExt};
use parking_lot::{Mutex, MutexGuard};
use signet_api::external::certificate_request::CertificateRequest;
use signet_testbed::wait::{Observation, until};
use tokio::task::JoinHandle;

use crate::csr::Csr;
use crate::{Ask, IssuerRef, TestNamespace, ready};

/// Writers at a time.
const WRITERS: usize = 16;
/// So many are created for an event that does not happen.
const MAX_UNTIL: usize = 1000;

/// Requests of one issuer in one namespace, which cert-manager approves.
#[derive(Debug)]
pub struct Burst<'a> {
    issuer: IssuerRef,
    requests: Vec<(String, Csr)>,
    watched: Watched<'a>,
    watch: JoinHandle<()>,
}

/// A watch on all requests of a namespace.
#[derive(Clone, Debug)]
pub struct Watched<'a> {
    test: &'a TestNamespace,
    histories: Arc<Mutex<BTreeMap<String, History>>>,
}

/// What a request has been, as a watch saw it.
#[derive(Debug, Default)]
struct History {
    created: Option<Timestamp>,
    approved: bool,
    certificates: BTreeSet<String>,
    /// When it became Issued, by its condition.
    issued: Option<Timestamp>,
    reasons: BTreeSet<String>,
}

impl<'a> Burst<'a> {
    /// Starts to watch; there is no request yet.
    pub fn new(test: &'a TestNamespace, issuer: &IssuerRef) -> Self {
        let histories = Arc::default();
        let watch = tokio::spawn(record(test.api(), Arc::clone(&histories)));
        Self {
            issuer: issuer.clone(),
            requests: Vec::new(),
            watched: Watched { test, histories },
            watch,
        }
    }

    /// What is known of the requests.
    pub fn watched(&self) -> Watched<'a> {
        self.watched.clone()
    }

    /// Creates so many further requests.
    ///
    /// # Errors
    /// One is not taken.
    pub async fn ask(&mut self, count: usize) -> Result<()> {
        let first = self.requests.len();
        self.create(stream::iter(first..first + count)).await
    }

    /// Creates requests until `event` has happened, so that there is work in flight when it does.
    ///
    /// # Errors
    /// A request is not taken, or those of `event`.
    pub async fn ask_until<T>(&mut self, event: impl Future<Output = Result<T>>) -> Result<T> {
        let first = self.requests.len();
        let numbers = stream::iter(first..first + MAX_UNTIL);
        let mut numbers = numbers.take_until(Box::pin(event));
        self.create(&mut numbers).await?;
        match numbers.take_result() {
            Some(happened) => happened,
            None => numbers.take_future().context("it has not happened")?.await,
        }
    }

    async fn create(&mut self, numbers: impl Stream<Item = usize>) -> Result<()> {
        let (test, issuer) = (self.watched.test, &self.issuer);
        let created = numbers.map(async |number| {
            let csr = Csr::for_dns(&format!("{number}.example"))?;
            let request = test.ask(&Ask::new(issuer, &csr)).await?;
            anyhow::Ok((request, csr))
        });
        let created: Vec<_> = created.buffer_unordered(WRITERS).try_collect().await?;
        self.requests.extend(created);
        Ok(())
    }

    /// How many were created.
    pub fn count(&self) -> usize {
        self.requests.len()
    }

    /// Waits until all are issued.
    ///
    /// # Errors
    /// They are not.
    pub async fn all_issued(&self) -> Result<()> {
        self.watched.issued(self.requests.len()).await
    }

    /// Waits until all are issued, and checks that each has one certificate, which is right, and
    /// was never anything but what `allowed` lists: reasons of the condition Ready.
    ///
    /// # Errors
    /// One is not so.
    pub async fn check(self, allowed: &[&str]) -> Result<()> {
        self.all_issued().await?;
        for (request, csr) in &self.requests {
            self.watched.test.issued(request, csr).await?;
        }
        let histories = self.watched.histories();
        for (request, _) in &self.requests {
            let History {
                certificates,
                reasons,
                ..
            } = &histories[request];
            let count = certificates.len();
            ensure!(count == 1, "{request} got {count} certificates");
            let is_allowed = |reason: &String| allowed.contains(&reason.as_str());
            ensure!(reasons.iter().all(is_allowed), "{request} was {reasons:?}");
        }
        Ok(())
    }
}

impl Drop for Burst<'_> {
    fn drop(&mut self) {
        self.watch.abort();
    }
}

impl Watched<'_> {
    /// How many are issued.
    pub fn count_issued(&self) -> usize {
        self.count(|history| history.issued.is_some())
    }

    /// Waits until so many are issued.
    ///
    /// # Errors
    /// They are not.
    pub async fn issued(&self, count: usize) -> Result<()> {
        let what = format!("{count} issued requests");
        self.wait_for(&what, count, |history| history.issued.is_some())
            .await
    }

    /// Waits until so many are issued, or pending by their conditions.
    ///
    /// # Errors
    /// They are not.
    pub async fn processed(&self, count: usize) -> Result<()> {
        let what = format!("{count} issued or pending requests");
        self.wait_for(&what, count, |history| !history.reasons.is_empty())
            .await
    }

    /// Waits until so many are approved and not yet issued.
    ///
    /// # Errors
    /// They are not.
    pub async fn queued(&self, count: usize) -> Result<()> {
        let what = format!("{count} approved requests that are not issued");
        let is_queued = |history: &History| history.approved && history.issued.is_none();
        self.wait_for(&what, count, is_queued).await
    }

    /// From the creation of the first request to the last certificate, to the second.
    ///
    /// # Errors
    /// None is issued.
    pub fn took(&self) -> Result<SignedDuration> {
        let histories = self.histories();
        let first = histories.values().filter_map(|it| it.created).min();
        let last = histories.values().filter_map(|it| it.issued).max();
        let (first, last) = first.zip(last).context("one is issued")?;
        Ok(last.duration_since(first))
    }

    async fn wait_for(
        &self,
        what: &str,
        count: usize,
        counts: impl Fn(&History) -> bool,
    ) -> Result<()> {
        let observe = async || {
            let found = self.count(&counts);
            Ok(Observation::reached_if(found >= count, found))
        };
        match until(what, observe).await {
            Ok(()) => Ok(()),
            Err(stalled) => Err(anyhow!("{stalled:#}; {}", self.describe_waiting().await)),
        }
    }

    fn count(&self, counts: impl Fn(&History) -> bool) -> usize {
        let histories = self.histories();
        histories.values().filter(|history| counts(history)).count()
    }

    /// What there is to see of a request without a certificate.
    async fn describe_waiting(&self) -> String {
        let waiting = {
            let histories = self.histories();
            let mut waiting = histories.iter().filter(|(_, it)| it.issued.is_none());
            waiting.next().map(|(name, _)| name.clone())
        };
        let api: Api<CertificateRequest> = self.test.api();
        match waiting {
            Some(name) => format!("{name}: {}", self.test.bed().describe(&api, &name).await),
            None => "every request seen is issued".to_owned(),
        }
    }

    fn histories(&self) -> MutexGuard<'_, BTreeMap<String, History>> {
        self.histories.lock()
    }
}

async fn record(api: Api<CertificateRequest>, histories: Arc<Mutex<BTreeMap<String, History>>>) {
    let watcher = watcher::watcher(api, watcher::Config::default());
    let mut events = pin!(watcher.default_backoff());
    while let Some(event) = events.next().await {
        let (Ok(Event::Apply(object)) | Ok(Event::InitApply(object))) = event else {
            continue;
        };
        let mut histories = histories.lock();
        let history = histories.entry(object.name_any()).or_default();
        history.created = object.creation_timestamp().map(|time| time.0);
        if let Some(ready) = ready(&object) {
            history.reasons.extend(ready.reason.clone());
            if ready.reason.as_deref() == Some("Issued") {
                history.issued = ready.last_transition_time.as_ref().map(|time| time.0);
            }
        }
        let status = object.status.unwrap_or_default();
        history.approved = status.is_true("Approved");
        history.certificates.extend(status.certificate);
    }
}
