//! Many requests at a time of one issuer, and what becomes of each.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use futures::{StreamExt, TryStreamExt, stream};
use kube::runtime::watcher::{self, Event};
use kube::{Api, ResourceExt};
use signet_api::external::certificate_request::CertificateRequest;
use signet_e2e::csr::Csr;
use signet_e2e::{Ask, IssuerRef, TestNamespace, ready};
use tokio::task::JoinHandle;

const DEADLINE: Duration = Duration::from_secs(120);
const POLL_INTERVAL: Duration = Duration::from_millis(50);
/// Writers at a time.
const WRITERS: usize = 16;

/// How long a backend is away in the middle of a burst. Nobody may lose patience in that time, so
/// it has to pass.
pub(crate) const OUTAGE: Duration = Duration::from_secs(30);
/// How many requests such a burst has, and how many of them are asked for before the outage.
pub(crate) const COUNT: usize = 500;
pub(crate) const BEFORE: usize = 150;

/// Requests of one issuer in one namespace, and a watch on all that happens there.
#[derive(Debug)]
pub(crate) struct Burst<'a> {
    test: &'a TestNamespace,
    issuer: IssuerRef,
    requests: Vec<(String, Csr)>,
    histories: Arc<Mutex<BTreeMap<String, History>>>,
    watch: JoinHandle<()>,
}

/// What a request has been, in the eyes of a watcher.
#[derive(Debug, Default)]
struct History {
    certificates: BTreeSet<String>,
    issued: Option<Instant>,
    reasons: BTreeSet<String>,
}

impl<'a> Burst<'a> {
    /// Begins to watch; nothing is asked for yet.
    pub(crate) fn new(test: &'a TestNamespace, issuer: &IssuerRef) -> Self {
        let histories = Arc::default();
        let watch = tokio::spawn(record(test.api(), Arc::clone(&histories)));
        Self {
            test,
            issuer: issuer.clone(),
            requests: Vec::new(),
            histories,
            watch,
        }
    }

    /// Creates the requests of these numbers; cert-manager approves them.
    pub(crate) async fn ask(&mut self, numbers: Range<usize>) -> Result<()> {
        let (test, issuer) = (self.test, &self.issuer);
        let asked = stream::iter(numbers).map(async |number| {
            let csr = Csr::for_dns(&format!("{number}.example"))?;
            let request = test.ask(&Ask::new(issuer, &csr)).await?;
            anyhow::Ok((request, csr))
        });
        let asked: Vec<_> = asked.buffer_unordered(WRITERS).try_collect().await?;
        self.requests.extend(asked);
        Ok(())
    }

    /// How many are issued.
    pub(crate) fn count_issued(&self) -> usize {
        let histories = lock(&self.histories);
        let issued = histories
            .values()
            .filter(|history| history.issued.is_some());
        issued.count()
    }

    /// Waits until so many are issued.
    pub(crate) async fn issued(&self, count: usize) -> Result<()> {
        let deadline = Instant::now() + DEADLINE;
        while self.count_issued() < count {
            ensure!(
                Instant::now() < deadline,
                "{} of {count} are issued; {}",
                self.count_issued(),
                self.one_that_waits().await
            );
            tokio::time::sleep(POLL_INTERVAL).await;
        }
        Ok(())
    }

    /// Waits until all are issued; when the last one was.
    pub(crate) async fn all_issued(&self) -> Result<Instant> {
        self.issued(self.requests.len()).await?;
        let histories = lock(&self.histories);
        let last = histories
            .values()
            .filter_map(|history| history.issued)
            .max();
        Ok(last.unwrap_or_else(Instant::now))
    }

    /// Every request has its certificate, which is right, and never had another, and was nothing
    /// but pending and issued.
    pub(crate) async fn check(self) -> Result<()> {
        self.all_issued().await?;
        for (request, csr) in &self.requests {
            self.test.issued(request, csr).await?;
        }
        self.watch.abort();
        let histories = lock(&self.histories);
        for (request, _) in &self.requests {
            let History {
                certificates,
                reasons,
                ..
            } = &histories[request];
            let count = certificates.len();
            ensure!(count == 1, "{request} got {count} certificates");
            let expected = |reason: &String| ["Issued", "Pending"].contains(&reason.as_str());
            ensure!(reasons.iter().all(expected), "{request} was {reasons:?}");
        }
        Ok(())
    }

    /// What there is to see of a request without a certificate.
    async fn one_that_waits(&self) -> String {
        let waits = {
            let histories = lock(&self.histories);
            let is_issued = |name: &String| {
                histories
                    .get(name)
                    .is_some_and(|history| history.issued.is_some())
            };
            let mut names = self.requests.iter().map(|(name, _)| name);
            names.find(|name| !is_issued(name)).cloned()
        };
        let api: Api<CertificateRequest> = self.test.api();
        match waits {
            Some(name) => self.test.bed().describe(&api, &name).await,
            None => "none that was asked for waits".to_owned(),
        }
    }
}

async fn record(api: Api<CertificateRequest>, histories: Arc<Mutex<BTreeMap<String, History>>>) {
    let mut events = watcher::watcher(api, watcher::Config::default()).boxed();
    while let Some(event) = events.next().await {
        let (Ok(Event::Apply(object)) | Ok(Event::InitApply(object))) = event else {
            continue;
        };
        let mut histories = lock(&histories);
        let history = histories.entry(object.name_any()).or_default();
        let reason = ready(&object).and_then(|ready| ready.reason.clone());
        history.reasons.extend(reason);
        if let Some(certificate) = object.status.unwrap_or_default().certificate {
            history.certificates.insert(certificate);
            history.issued.get_or_insert_with(Instant::now);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
