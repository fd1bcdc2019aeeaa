//! One run of a mesh: its rotations one after the other, each with enough handshakes.

use anyhow::{Context, Result, bail};
use futures::{FutureExt, StreamExt};
use jiff::Timestamp;
use kube::Api;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};
use signet_api::conditions::{MESH_UPDATED, find};
use signet_api::{IssuerResource, MeshCA};
use signet_testbed::installation::Operator;
use signet_testbed::wait::{Observation, until};
use tokio::sync::mpsc::unbounded_channel;

use super::above::Above;
use super::delivery::deliver;
use super::objects::{MESH_CA, NEXT_DURATION};
use super::outcome::{MeshOutcome, Phase};
use super::setup::Mesh;
use super::{MeshScenario, MeshSizes, report, two_changes};
use crate::bed::{Bed, operate};
use crate::certificate::Certificate;
use crate::consumers::Consumer;
use crate::fleet::{Fleet, Tasks, failed};
use crate::generations::{self, Generation, Rotation, rotations};
use crate::{History, progress};

struct Run<'r> {
    bed: &'r Bed,
    scenario: MeshScenario,
    sizes: &'r MeshSizes,
    mesh: &'r Mesh,
    fleet: Fleet,
}

/// Runs a scenario to its end.
///
/// # Errors
/// Something does not start or does not advance. Handshakes that fail are in the outcome.
pub async fn run(bed: &Bed, scenario: MeshScenario, sizes: &MeshSizes) -> Result<MeshOutcome> {
    let operator = bed.operator().await?;
    let mesh = Mesh::start(bed, scenario, sizes).await?;
    let run = Run {
        bed,
        scenario,
        sizes,
        mesh: &mesh,
        fleet: Fleet::of_mesh(mesh.workloads.clone(), sizes.pace).await?,
    };
    let ended = {
        let mut tasks = run.tasks(operator);
        tokio::select! {
            ended = run.drive() => ended,
            task = tasks.next() => Err(failed(task)),
        }
    };
    let history = History::of(&run.fleet);
    match ended {
        Ok(phases) => Ok(MeshOutcome {
            scenario,
            history,
            phases,
        }),
        Err(error) => {
            let first = history.tally.first_failure.unwrap_or_default();
            let log = bed.log_tail(15);
            bail!("{error:#}\n{first}\nthe operator's log ends with\n{log}")
        }
    }
}

impl Run<'_> {
    fn mesh_cas(&self) -> Api<MeshCA> {
        Api::namespaced(self.mesh.client.clone(), &self.mesh.names.namespace)
    }

    /// Returns everything that goes on until the end.
    fn tasks(&self, operator: Operator) -> Tasks<'_> {
        let (events, happened) = unbounded_channel();
        let tasks = self.fleet.tasks(events);
        let (istiod, late) = (&self.mesh.istiod, self.sizes.delivery);
        tasks.push(deliver(istiod, late).boxed_local());
        let kills = (self.scenario == MeshScenario::Rotations).then_some(self.sizes.kill);
        let timeline = self.fleet.timeline();
        tasks.push(operate(self.bed, kills, operator, happened, timeline).boxed_local());
        let line = || report::line(self.scenario, &self.fleet);
        tasks.push(progress::keep_showing(line).boxed_local());
        tasks
    }

    async fn drive(&self) -> Result<Vec<Phase>> {
        self.fleet.await_leaves(1).await?;
        match self.scenario {
            MeshScenario::Rotations => Ok(vec![
                self.phase(Rotation::Renewal, self.renew()).await?,
                self.phase(Rotation::Key, self.rotate_key()).await?,
                self.phase(Rotation::Root, self.rotate_root()).await?,
            ]),
            MeshScenario::Control => {
                self.suspend().await?;
                let (client, namespace) = (&self.mesh.client, &self.mesh.names.namespace);
                two_changes::write(&Api::namespaced(client.clone(), namespace)).await?;
                // No workload knows only the old root after that.
                let leaves = self.fleet.fewest_leaves().await;
                self.fleet.await_leaves(leaves + 2).await?;
                Ok(Vec::new())
            }
        }
    }

    /// Has a rotation happen, and goes on until every workload has a leaf of the CA that signs then,
    /// and there were enough handshakes.
    async fn phase(
        &self,
        rotation: Rotation,
        happen: impl Future<Output = Result<()>>,
    ) -> Result<Phase> {
        let (begin, before) = (Timestamp::now(), self.fleet.so_far().1);
        happen.await?;
        self.await_leaves_of_the_ca().await?;
        let made = || self.fleet.so_far().1.total() - before.total();
        let observe = async || {
            let made = made();
            Ok(Observation::reached_if(made >= self.sizes.handshakes, made))
        };
        until(format!("handshakes after {rotation:?}"), observe).await?;
        let failures = self.fleet.so_far().1.failures.len();
        Ok(Phase {
            rotation,
            begin,
            end: Timestamp::now(),
            handshakes: made(),
            failed: failures - before.failures.len(),
        })
    }

    /// Another lifetime is another certificate for the same key.
    async fn renew(&self) -> Result<()> {
        let before = self.count(Rotation::Renewal);
        let issuer_ref = json!({ "duration": NEXT_DURATION });
        self.patch(json!({ "certificate": { "issuerRef": issuer_ref } }))
            .await?;
        self.await_rotation(Rotation::Renewal, before).await
    }

    async fn rotate_key(&self) -> Result<()> {
        let before = self.count(Rotation::Key);
        self.patch(json!({ "rotation": { "requestID": "another-key" } }))
            .await?;
        self.await_rotation(Rotation::Key, before).await
    }

    /// Ends when istiod trusts only the other root.
    async fn rotate_root(&self) -> Result<()> {
        let before = self.count(Rotation::Root);
        let above = Above {
            issuers: Api::all(self.mesh.client.clone()),
            names: &self.mesh.names,
        };
        let old_key = above.rotate(2).await?;
        self.patch(json!({ "rotation": { "requestID": "another-root" } }))
            .await?;
        self.await_rotation(Rotation::Root, before).await?;
        // It would stay until the last CA certificate below it has expired.
        self.await_leaves_of_the_ca().await?;
        above.revoke(&old_key).await?;
        self.fleet
            .until("istiod to trust only the other root", |record| {
                let root = generations::active(&record.generations).and_then(|it| it.root.clone());
                let shown = record.bundles.last().map(|(_, roots)| roots.as_slice());
                root.is_some() && shown == root.as_ref().map(std::slice::from_ref)
            })
            .await
    }

    fn count(&self, rotation: Rotation) -> usize {
        rotations(&self.fleet.timeline().record().generations)[&rotation]
    }

    async fn await_rotation(&self, rotation: Rotation, before: usize) -> Result<()> {
        let what = format!("{rotation:?} of the mesh's CA");
        let has_happened =
            |record: &crate::timeline::Record| rotations(&record.generations)[&rotation] > before;
        self.fleet.until(&what, has_happened).await
    }

    /// Waits until every workload presents a leaf of the CA certificate that signs now.
    async fn await_leaves_of_the_ca(&self) -> Result<()> {
        let observe = async || {
            let record = self.fleet.timeline().record();
            let active = generations::active(&record.generations);
            let ca = active.and_then(|it: &Generation| it.certificate.clone());
            let ca = ca.context("a CA signs")?;
            let mut waiting = Vec::new();
            for consumer in self.fleet.consumers() {
                if signer(consumer).await? != Some(ca.clone()) {
                    waiting.push(consumer.name.as_str());
                }
            }
            let progress = format!("{ca:.8}, not by {}", waiting.join(", "));
            Ok(Observation::reached_if(waiting.is_empty(), progress))
        };
        until("every workload to have a leaf of the CA", observe).await
    }

    /// Keeps Signet from changing `cacerts`.
    async fn suspend(&self) -> Result<()> {
        self.patch(json!({ "suspend": true })).await?;
        let observe = async || {
            let found = self.mesh_cas().get(MESH_CA).await?;
            let status = found.issuer_status().cloned().unwrap_or_default();
            let updated = find(&status.conditions, MESH_UPDATED);
            let reason = updated.map(|it| it.reason.clone()).unwrap_or_default();
            Ok(Observation::reached_if(reason == "Suspended", reason))
        };
        until("the MeshCA to be suspended", observe).await
    }

    async fn patch(&self, spec: Value) -> Result<()> {
        let patch = Patch::Merge(json!({ "spec": spec }));
        let (mesh_cas, params) = (self.mesh_cas(), PatchParams::default());
        let patched = mesh_cas.patch(MESH_CA, &params, &patch).await;
        patched.context("the MeshCA cannot be changed").map(drop)
    }
}

/// The fingerprint of the CA certificate above what a workload presents.
async fn signer(consumer: &Consumer) -> Result<Option<String>> {
    let Some(presented) = consumer.presented().await else {
        return Ok(None);
    };
    let chain = Certificate::all(&presented.identity.chain)?;
    Ok(chain.into_iter().nth(1).map(|ca| ca.fingerprint))
}
