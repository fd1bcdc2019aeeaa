//! The consumers of one issuer or one mesh, with everything that they do by themselves: they renew,
//! learn of roots, and connect.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use futures::FutureExt;
use futures::future::LocalBoxFuture;
use futures::stream::FuturesUnordered;
use kube::{Api, Client};
use parking_lot::Mutex;
use signet_testbed::installation::NAMESPACE;
use signet_testbed::wait::{Observation, until};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::Instant;

use crate::consumers::{Consumer, Consumers, Trust};
use crate::generations::{self, Event};
use crate::handshakes::{Tally, keep_connecting};
use crate::leaf_issuer::LeafIssuer;
use crate::mesh::Workloads;
use crate::renewal::{LeafSource, keep_renewed};
use crate::timeline::{Record, Timeline};

/// How long one rotation may take on any machine.
const MAX_ROTATION: Duration = Duration::from_secs(1800);

/// How long leaves live, and how often consumers connect.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// The lifetime of leaves.
    pub leaf: Duration,
    /// How far a copy of the bundle lags behind.
    pub lag: Duration,
    /// Handshakes per second, at most.
    pub rate: u32,
}

/// The consumers of one ClusterIssuer or one mesh.
#[allow(missing_debug_implementations, reason = "it holds keys")]
pub struct Fleet {
    source: LeafSource,
    pace: Pace,
    consumers: Arc<Consumers>,
    timeline: Timeline,
    tally: Arc<Mutex<Tally>>,
}

/// What goes on until it is dropped. It is not spawned, so that it may borrow.
pub type Tasks<'a> = FuturesUnordered<LocalBoxFuture<'a, Result<()>>>;

/// Returns why a task has ended, which is always an error.
pub fn failed(task: Option<Result<()>>) -> anyhow::Error {
    match task {
        Some(Err(error)) => error,
        Some(Ok(())) | None => anyhow!("a task has ended"),
    }
}

impl Fleet {
    /// Starts the consumers of a ClusterIssuer, which make their requests in a namespace. They do
    /// nothing until the [tasks](Self::tasks) are polled.
    ///
    /// # Errors
    /// A program cannot be built or started.
    pub async fn start(client: &Client, issuer: &str, namespace: &str, pace: Pace) -> Result<Self> {
        let issuer = LeafIssuer {
            client: client.clone(),
            namespace: namespace.to_owned(),
            name: issuer.to_owned(),
            lifetime: pace.leaf,
        };
        let consumers = Consumers::start().await?;
        Ok(Self::new(LeafSource::Issuer(issuer), consumers, pace))
    }

    /// Starts the workloads of a mesh.
    ///
    /// # Errors
    /// A program cannot be built or started.
    pub(crate) async fn of_mesh(workloads: Workloads, pace: Pace) -> Result<Self> {
        let consumers = Consumers::of(workloads.consumers()).await?;
        Ok(Self::new(LeafSource::Istiod(workloads), consumers, pace))
    }

    fn new(source: LeafSource, consumers: Consumers, pace: Pace) -> Self {
        Self {
            source,
            pace,
            consumers: Arc::new(consumers),
            timeline: Timeline::default(),
            tally: Arc::default(),
        }
    }

    /// Returns everything that goes on until the end. What happens to generations is passed on.
    pub fn tasks(&self, events: UnboundedSender<(u32, Event)>) -> Tasks<'_> {
        let tasks = Tasks::default();
        match &self.source {
            LeafSource::Issuer(issuer) => self.follow_issuer(issuer, &tasks, events),
            LeafSource::Istiod(workloads) => {
                let mesh = workloads.follow(&self.timeline, events);
                tasks.push(mesh.boxed_local());
            }
        }
        for index in 0..self.consumers.all.len() {
            tasks.push(keep_renewed(&self.consumers, index, &self.source).boxed_local());
        }
        let (consumers, tally) = (self.consumers.clone(), self.tally.clone());
        tasks.push(keep_connecting(consumers, self.pace.rate, tally).boxed_local());
        tasks
    }

    fn follow_issuer<'a>(
        &'a self,
        issuer: &'a LeafIssuer,
        tasks: &Tasks<'a>,
        events: UnboundedSender<(u32, Event)>,
    ) {
        let (bundles, published) = unbounded_channel();
        let (lagging, copied) = unbounded_channel();
        let LeafIssuer { client, name, .. } = issuer;
        let timeline = &self.timeline;
        let generations = Api::namespaced(client.clone(), NAMESPACE);
        tasks.push(generations::follow(generations, name, timeline, events).boxed_local());
        let maps = Api::namespaced(client.clone(), NAMESPACE);
        tasks.push(
            async move {
                let map = format!("clusterissuer-{name}-bundle");
                generations::follow_bundle(maps, (&map, "ca.crt"), timeline, bundles).await
            }
            .boxed_local(),
        );
        tasks.push(self.follow_live(published, lagging).boxed_local());
        tasks.push(self.follow_lagging(copied).boxed_local());
    }

    async fn follow_live(
        &self,
        mut bundles: UnboundedReceiver<String>,
        lagging: UnboundedSender<(Instant, String)>,
    ) -> Result<()> {
        // The copy begins with the first bundle.
        let mut lag = Duration::ZERO;
        while let Some(bundle) = bundles.recv().await {
            self.consumers.trust(Trust::Live, &bundle).await?;
            lagging.send((Instant::now() + lag, bundle))?;
            lag = self.pace.lag;
        }
        bail!("the watch of the bundle has ended")
    }

    async fn follow_lagging(
        &self,
        mut bundles: UnboundedReceiver<(Instant, String)>,
    ) -> Result<()> {
        while let Some((at, bundle)) = bundles.recv().await {
            tokio::time::sleep_until(at).await;
            self.consumers.trust(Trust::Lagging, &bundle).await?;
        }
        bail!("the watch of the bundle has ended")
    }

    /// Returns the timeline.
    pub fn timeline(&self) -> &Timeline {
        &self.timeline
    }

    /// Returns what has happened so far.
    pub fn so_far(&self) -> (Record, Tally) {
        (self.timeline.record(), self.tally.lock().clone())
    }

    /// Returns the consumers.
    pub(crate) fn consumers(&self) -> &[Consumer] {
        &self.consumers.all
    }

    /// Returns how many leaves the consumer has had that has had the fewest.
    pub async fn fewest_leaves(&self) -> usize {
        let mut fewest = usize::MAX;
        for consumer in &self.consumers.all {
            fewest = fewest.min(consumer.leaves().await);
        }
        fewest
    }

    /// Waits until each consumer has had so many leaves.
    ///
    /// # Errors
    /// Nothing advances any more.
    pub async fn await_leaves(&self, count: usize) -> Result<()> {
        let observe = async || {
            let fewest = self.fewest_leaves().await;
            Ok(Observation::reached_if(fewest >= count, fewest))
        };
        until(format!("{count} leaves of each consumer"), observe).await
    }

    /// Waits until what has happened is as `holds` wants it.
    pub(crate) async fn until(&self, what: &str, holds: impl Fn(&Record) -> bool) -> Result<()> {
        let observe = async || {
            let record = self.timeline().record();
            let events: BTreeMap<_, _> = record
                .generations
                .iter()
                .map(|(number, one)| (*number, one.events.keys().copied().collect::<Vec<_>>()))
                .collect();
            let last = events.into_iter().next_back();
            let progress = format!("{last:?}, {} kills", record.kills.len());
            Ok(Observation::reached_if(holds(&record), progress))
        };
        let reached = tokio::time::timeout(MAX_ROTATION, until(what, observe)).await;
        reached.with_context(|| format!("{what}: not reached in {} s", MAX_ROTATION.as_secs()))?
    }
}
