//! Many requests at a time, and what becomes of each.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use futures::{StreamExt, TryStreamExt, stream};
use kube::api::ListParams;
use kube::runtime::watcher::{self, Event};
use kube::{Api, ResourceExt};
use signet_api::external::certificate_request::CertificateRequest;
use signet_e2e::csr::Csr;
use signet_e2e::{Ask, IssuerRef, TestNamespace, ready};
use tokio::task::JoinHandle;

const DEADLINE: Duration = Duration::from_secs(90);
const POLL_INTERVAL: Duration = Duration::from_millis(50);
/// Writers at a time.
const WRITERS: usize = 16;

/// Requests that were created, and a watch on all that happens to them.
#[derive(Debug)]
pub(crate) struct Burst {
    requests: Vec<(String, Csr)>,
    histories: Histories,
    watch: JoinHandle<()>,
}

type Histories = Arc<Mutex<BTreeMap<String, History>>>;

/// What a request has been, in the eyes of a watcher.
#[derive(Debug, Default)]
struct History {
    certificates: BTreeSet<String>,
    reasons: BTreeSet<String>,
}

/// Creates many requests; cert-manager approves them.
pub(crate) async fn create(
    test: &TestNamespace,
    issuer: &IssuerRef,
    count: usize,
) -> Result<Burst> {
    let histories = Histories::default();
    let watch = tokio::spawn(record(test.api(), Arc::clone(&histories)));
    let asked = stream::iter(0..count).map(async |number| {
        let csr = Csr::for_dns(&format!("{number}.example"))?;
        let request = test.ask(&Ask::new(issuer, &csr)).await?;
        anyhow::Ok((request, csr))
    });
    let requests = asked.buffer_unordered(WRITERS).try_collect().await?;
    Ok(Burst {
        requests,
        histories,
        watch,
    })
}

async fn record(api: Api<CertificateRequest>, histories: Histories) {
    let mut events = watcher::watcher(api, watcher::Config::default()).boxed();
    while let Some(event) = events.next().await {
        let (Ok(Event::Apply(object)) | Ok(Event::InitApply(object))) = event else {
            continue;
        };
        let mut histories = histories.lock().unwrap_or_else(PoisonError::into_inner);
        let history = histories.entry(object.name_any()).or_default();
        let reason = ready(&object).and_then(|ready| ready.reason.clone());
        history.reasons.extend(reason);
        let status = object.status.unwrap_or_default();
        history.certificates.extend(status.certificate);
    }
}

impl Burst {
    /// Every request has its certificate, which is right, and never had another, nor was anything
    /// but issued.
    pub(crate) async fn all_issued_once(self, test: &TestNamespace) -> Result<()> {
        for (request, csr) in &self.requests {
            test.issued(request, csr).await?;
        }
        let deadline = Instant::now() + DEADLINE;
        while !self.histories_are_complete() {
            ensure!(
                Instant::now() < deadline,
                "the watch has not seen every certificate"
            );
            tokio::time::sleep(POLL_INTERVAL).await;
        }
        self.watch.abort();
        let histories = self
            .histories
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        for (request, _) in &self.requests {
            let History {
                certificates,
                reasons,
            } = &histories[request];
            ensure!(
                certificates.len() == 1,
                "{request} got {} certificates",
                certificates.len()
            );
            ensure!(reasons.iter().eq(["Issued"]), "{request} was {reasons:?}");
        }
        Ok(())
    }

    fn histories_are_complete(&self) -> bool {
        let histories = self
            .histories
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let mut requests = self
            .requests
            .iter()
            .map(|(request, _)| histories.get(request));
        requests.all(|history| history.is_some_and(|history| !history.certificates.is_empty()))
    }
}

/// Waits until this many requests are issued.
pub(crate) async fn issued(test: &TestNamespace, count: usize) -> Result<()> {
    let deadline = Instant::now() + DEADLINE;
    while count_issued(test).await? < count {
        ensure!(Instant::now() < deadline, "not {count} are issued");
        tokio::time::sleep(POLL_INTERVAL).await;
    }
    Ok(())
}

/// How many requests of a namespace are issued.
pub(crate) async fn count_issued(test: &TestNamespace) -> Result<usize> {
    let requests = test
        .api::<CertificateRequest>()
        .list(&ListParams::default())
        .await?;
    let issued = requests.iter().filter(|object| {
        ready(object).is_some_and(|ready| ready.reason.as_deref() == Some("Issued"))
    });
    Ok(issued.count())
}
