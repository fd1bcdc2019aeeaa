//! What a watcher sees: when each request was approved and when it became Ready.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use futures::StreamExt;
use kube::runtime::watcher::{self, Event};
use kube::runtime::{WatchStreamExt, watcher as watch};
use kube::{Api, Client, ResourceExt};
use parking_lot::Mutex;
use signet_api::external::certificate_request::CertificateRequest;
use tokio::sync::watch as channel;
use tokio::task::JoinHandle;

/// How long requests may take to become Ready: longer than any burst on a busy machine.
const TIMEOUT: Duration = Duration::from_secs(600);

#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    approved: Option<Instant>,
    ready: Option<Instant>,
}

type Observations = Arc<Mutex<HashMap<String, Seen>>>;

impl Seen {
    fn delay_ms(&self) -> Option<f64> {
        let delay = self.ready?.duration_since(self.approved?);
        Some(delay.as_secs_f64() * 1000.0)
    }
}

/// A watch of the requests. A watch that is closed is started again by itself.
pub(crate) struct Observer {
    seen: Observations,
    ready: channel::Receiver<usize>,
    task: JoinHandle<()>,
}

impl Observer {
    /// Starts watching a namespace, and returns when the watch has listed what is there.
    pub(crate) async fn start(client: &Client, namespace: &str) -> Result<Self> {
        let api: Api<CertificateRequest> = Api::namespaced(client.clone(), namespace);
        let seen = Observations::default();
        let (count, ready) = channel::channel(0);
        let (listed, mut is_listed) = channel::channel(false);
        let observations = seen.clone();
        let task = tokio::spawn(async move {
            let mut events = watch(api, watcher::Config::default())
                .default_backoff()
                .boxed();
            while let Some(event) = events.next().await {
                match event {
                    Ok(Event::Apply(object) | Event::InitApply(object))
                        if note(&observations, &object) =>
                    {
                        count.send_modify(|count| *count += 1);
                    }
                    Ok(Event::InitDone) => drop(listed.send_replace(true)),
                    _ => {}
                }
            }
        });
        is_listed.wait_for(|listed| *listed).await?;
        Ok(Self { seen, ready, task })
    }

    /// Waits until `count` requests are Ready.
    pub(crate) async fn wait_for(&mut self, count: usize) -> Result<()> {
        self.wait_longer(count, TIMEOUT).await
    }

    /// The same, for as long as this.
    pub(crate) async fn wait_longer(&mut self, count: usize, timeout: Duration) -> Result<()> {
        let all = self.ready.wait_for(|ready| *ready >= count);
        let in_time = tokio::time::timeout(timeout, all)
            .await
            .map(|seen| seen.map(drop));
        match in_time {
            Ok(seen) => Ok(seen?),
            Err(_) => bail!("{} of {count} requests became Ready", *self.ready.borrow()),
        }
    }

    /// How many have become Ready.
    pub(crate) fn ready(&self) -> usize {
        *self.ready.borrow()
    }

    /// When the first became Ready; none has if there is none.
    pub(crate) fn first(&self) -> Option<Instant> {
        self.seen
            .lock()
            .values()
            .filter_map(|seen| seen.ready)
            .min()
    }

    /// From Approved to Ready of a request, in milliseconds.
    pub(crate) fn delay(&self, name: &str) -> Option<f64> {
        self.seen.lock().get(name)?.delay_ms()
    }

    /// From Approved to Ready of each request, in milliseconds, in order.
    pub(crate) fn delays(&self) -> Vec<f64> {
        let seen = self.seen.lock();
        let mut delays: Vec<_> = seen.values().filter_map(Seen::delay_ms).collect();
        delays.sort_by(f64::total_cmp);
        delays
    }
}

impl Drop for Observer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Notes what is new, and returns whether the request has become Ready.
fn note(observations: &Observations, object: &CertificateRequest) -> bool {
    let Some(status) = &object.status else {
        return false;
    };
    let mut observations = observations.lock();
    let seen = observations.entry(object.name_any()).or_default();
    if status.is_true("Approved") {
        seen.approved.get_or_insert_with(Instant::now);
    }
    let is_new = status.is_true("Ready") && seen.ready.is_none();
    if is_new {
        seen.ready = Some(Instant::now());
    }
    is_new
}
