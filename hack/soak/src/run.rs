//! One run: consumers, rotations and kills, until there were enough of each.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use futures::{FutureExt, StreamExt};
use kube::api::{Api, Patch, PatchParams};
use serde_json::{Value, json};
use signet_api::ClusterIssuer;
use signet_testbed::installation::Operator;
use signet_testbed::wait::{Observation, until};
use tokio::sync::mpsc::unbounded_channel;

use crate::bed::{Bed, REQUESTS, operate};
use crate::fleet::{Fleet, Tasks, failed};
use crate::generations::{self, Generation, Rotation, rotations};
use crate::offline_root::{self, OfflineRoot};
use crate::progress;
use crate::{History, Outcome, Sizes};

/// What a run is to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scenario {
    /// With the default overlap: no handshake may fail.
    Overlap,
    /// With `activationDelay: 1s`: the next CA signs before its root has reached consumers that do
    /// not follow the bundle live, so handshakes must fail. The operator is not killed.
    Control,
}

impl Scenario {
    /// Returns the name of the issuer.
    pub fn issuer(self) -> &'static str {
        match self {
            Self::Overlap => "soak",
            Self::Control => "control",
        }
    }

    fn rotation(self) -> Value {
        match self {
            Self::Overlap => json!({}),
            Self::Control => json!({ "activationDelay": "1s" }),
        }
    }
}

/// A run, and what its tasks share.
struct Run<'r> {
    bed: &'r Bed,
    scenario: Scenario,
    sizes: Sizes,
    fleet: Fleet,
    root: OfflineRoot,
}

/// Runs a scenario to its end.
///
/// # Errors
/// Something does not start or does not advance. Handshakes that fail are in the outcome.
pub async fn run(bed: &Bed, scenario: Scenario, sizes: &Sizes) -> Result<Outcome> {
    let run = Run {
        bed,
        scenario,
        sizes: sizes.clone(),
        fleet: Fleet::start(&bed.client, scenario.issuer(), REQUESTS, sizes.pace).await?,
        root: OfflineRoot::new(sizes.ca)?,
    };
    let operator = bed.operator().await?;
    run.apply(&run.spec(1)).await?;
    let ended = {
        let mut tasks = run.tasks(operator);
        tokio::select! {
            ended = run.drive() => ended,
            task = tasks.next() => Err(failed(task)),
        }
    };
    let history = History::of(&run.fleet);
    if let Err(error) = ended {
        let first = history.tally.first_failure.unwrap_or_default();
        let log = bed.log_tail(15);
        bail!("{error:#}\n{first}\nthe operator's log ends with\n{log}");
    }
    Ok(Outcome { scenario, history })
}

impl Run<'_> {
    fn api(&self) -> Api<ClusterIssuer> {
        Api::all(self.bed.client.clone())
    }

    fn name(&self) -> &'static str {
        self.scenario.issuer()
    }

    fn config_map(&self) -> String {
        format!("{}-chain", self.name())
    }

    /// Returns the issuer with its key of this number.
    fn spec(&self, key: usize) -> Value {
        let seconds = |duration: Duration| format!("{}s", duration.as_secs());
        json!({
            "key": { "software": { "secretName": format!("{}-key-{key}", self.name()) } },
            "certificate": {
                "manual": { "configMapName": self.config_map(), "pathLength": 0 },
                // A tenth of its lifetime after it was signed, which is the earliest.
                "renewBefore": seconds(self.sizes.ca * 9 / 10),
            },
            "rotation": self.scenario.rotation(),
            "profile": { "minDuration": "5s", "maxDuration": seconds(self.sizes.pace.leaf) },
        })
    }

    async fn apply(&self, spec: &Value) -> Result<()> {
        let object = json!({
            "apiVersion": "signet.dev/v1alpha1", "kind": "ClusterIssuer",
            "metadata": { "name": self.name() }, "spec": spec,
        });
        let (parameters, patch) = (PatchParams::apply("signet-soak"), Patch::Apply(&object));
        let applied = self.api().patch(self.name(), &parameters, &patch).await;
        applied.context("the issuer cannot be applied").map(drop)
    }

    /// Returns everything that goes on until the end.
    fn tasks(&self, operator: Operator) -> Tasks<'_> {
        let (events, happened) = unbounded_channel();
        let tasks = self.fleet.tasks(events);
        tasks.push(self.answer().boxed_local());
        let kills = (self.scenario == Scenario::Overlap).then_some(self.sizes.kill);
        let timeline = self.fleet.timeline();
        tasks.push(operate(self.bed, kills, operator, happened, timeline).boxed_local());
        let (scenario, sizes) = (self.scenario, &self.sizes);
        let line = move || {
            let (record, tally) = self.fleet.so_far();
            progress::line(scenario, sizes, &record, &tally)
        };
        tasks.push(progress::keep_showing(line).boxed_local());
        tasks
    }

    async fn answer(&self) -> Result<()> {
        let client = self.bed.client.clone();
        offline_root::answer(client, self.name(), &self.config_map(), &self.root).await
    }

    /// Rotates until everything has happened often enough.
    async fn drive(&self) -> Result<()> {
        self.fleet.await_leaves(1).await?;
        match self.scenario {
            Scenario::Overlap => {
                for number in 1..=self.sizes.rotations {
                    self.await_renewal(number).await?;
                    self.rotate_key(number + 1).await?;
                    self.rotate_root().await?;
                }
                self.await_the_rest().await
            }
            Scenario::Control => {
                self.rotate_root().await?;
                // No consumer knows only the old root after that.
                let leaves = self.fleet.fewest_leaves().await;
                self.fleet.await_leaves(leaves + 2).await
            }
        }
    }

    async fn await_renewal(&self, number: usize) -> Result<()> {
        let what = format!("renewal {number} of the intermediate");
        self.fleet
            .until(&what, |record| {
                rotations(&record.generations)[&Rotation::Renewal] >= number
            })
            .await
    }

    async fn rotate_key(&self, number: usize) -> Result<()> {
        let before = self.active()?.key;
        self.apply(&self.spec(number)).await?;
        self.fleet
            .until("another key", |record| {
                generations::active(&record.generations).is_some_and(|active| active.key != before)
            })
            .await
    }

    /// The next renewal is signed by another root.
    async fn rotate_root(&self) -> Result<()> {
        let root = Some(self.root.replace()?);
        self.fleet
            .until("another root", |record| {
                generations::active(&record.generations).is_some_and(|active| active.root == root)
            })
            .await
    }

    /// Waits until there were enough kills and handshakes, and every root but the last has left.
    async fn await_the_rest(&self) -> Result<()> {
        let sizes = &self.sizes;
        self.fleet
            .until("the rest", |record| {
                record.kills.len() >= sizes.kills && record.roots_left() >= sizes.rotations
            })
            .await?;
        let observe = async || {
            let total = self.fleet.so_far().1.total();
            Ok(Observation::reached_if(total >= sizes.handshakes, total))
        };
        until(format!("{} handshakes", sizes.handshakes), observe).await
    }

    fn active(&self) -> Result<Generation> {
        let generations = self.fleet.timeline().record().generations;
        generations::active(&generations)
            .cloned()
            .context("a generation is active")
    }
}
