//! The operator and istiod are killed at random points of a renewal, of another key and of another
//! root.

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt;
use kube::api::ListParams;
use serde_json::{Value, json};
use signet_api::{CAGeneration, MeshCA};
use signet_e2e::mesh::{Form, Mesh};
use signet_e2e::mesh_ca::{CACERTS, CERTIFICATE, Entries, History, KEY, ROOTS, Step, UPDATED};
use signet_e2e::storm::random;
use signet_e2e::{IssuerRef, OwnBed, TestNamespace, stop};
use signet_testbed::installation::Operator;
use signet_testbed::istio::AgentKey;
use signet_testbed::wait::{Observation, until};

use super::{create, multiroot, options, with_kubelet};

/// So that the next process soon takes over from one that was killed.
const SHORT_LEASE: [&str; 2] = ["--leader-election-lease-duration", "4s"];
const FORM: Form<'_> = Form::of(AgentKey::P256);
/// The first changes of a rotation, after one of which each of both is killed.
const CHANGES: usize = 4;

/// Through all of it, workloads get certificates, and no write has two changes.
pub(crate) async fn workloads_get_certificates_through_every_rotation(bed: OwnBed) -> Result<()> {
    let operator = bed.start_operator(&SHORT_LEASE).await?;
    let test = TestNamespace::create(bed.bed(), "killed-mesh").await?;
    let above = test.issuer_above().await?;
    let mesh_ca = create(&test, &above, ("15s", false)).await?;
    test.wait_until_ready(&mesh_ca).await?;
    let mut killed = Killed {
        bed: &bed,
        test: &test,
        mesh_ca: &mesh_ca,
        mesh: Mesh::start(&test, options(multiroot())).await?,
        operator: Some(operator),
    };
    let history = History::watch(&test);
    killed.renews_and_rotates(&above).await?;
    killed.replaces_the_root(&above).await?;
    killed.has_converged(&test.bundle(&above).await?).await?;
    let steps = history.steps(&test.entries(CACERTS).await?).await?;
    // Roots that istiod could not show in time are put back, and written again.
    let swaps = steps.iter().filter(|step| **step == Step::Swap);
    ensure!(swaps.count() == 3, "{steps:?}");
    ensure!(steps.last() == Some(&Step::Remove), "{steps:?}");
    let operator = killed.operator.context("it runs")?;
    stop(operator).await
}

struct Killed<'a> {
    bed: &'a OwnBed,
    test: &'a TestNamespace,
    mesh_ca: &'a IssuerRef,
    mesh: Mesh<'a>,
    operator: Option<Operator>,
}

impl Killed<'_> {
    /// The second certificate for the first key, and then a second key.
    async fn renews_and_rotates(&mut self, above: &IssuerRef) -> Result<()> {
        let roots = self.test.bundle(above).await?;
        let before = self.test.entries(CACERTS).await?;
        let longer = json!({ "certificate": { "issuerRef": { "duration": "72h" } } });
        self.patch(longer).await?;
        self.killed_until(&roots, |now| now[CERTIFICATE] != before[CERTIFICATE])
            .await?;

        self.patch(json!({ "rotation": { "requestID": "another-key" } }))
            .await?;
        self.killed_until(&roots, |now| now[KEY] != before[KEY])
            .await
    }

    async fn replaces_the_root(&mut self, above: &IssuerRef) -> Result<()> {
        let old = self.test.bundle(above).await?;
        let old_key = self.test.prepare_another_root(above).await?;
        self.killed_until(&old, |now| roots(now) == 2).await?;

        let before = self.test.entries(CACERTS).await?;
        let both = &before[ROOTS];
        self.test.activate_second(above).await?;
        self.patch(json!({ "rotation": { "requestID": "below-the-other-root" } }))
            .await?;
        self.killed_until(both, |now| now[KEY] != before[KEY])
            .await?;

        let revoked = json!({ "rotation": { "revoked": [old_key] } });
        self.test.patch_issuer(above, revoked).await?;
        self.killed_until(both, |now| roots(now) == 1).await
    }

    /// istiod has loaded these roots, and signs below them.
    async fn has_converged(&self, roots: &str) -> Result<()> {
        with_kubelet(&self.mesh, async {
            self.test.wait_for_loaded_roots(self.mesh_ca, 1).await?;
            self.test.wait_for_mesh(self.mesh_ca, UPDATED).await?;
            self.test.wait_until_ready(self.mesh_ca).await?;
            self.client(roots).await
        })
        .await
    }

    async fn patch(&self, spec: Value) -> Result<()> {
        Ok(self.test.patch_issuer(self.mesh_ca, spec).await?)
    }

    /// Waits until the files of istiod are as wanted, and it has loaded them. Meanwhile each of both
    /// is killed after a change about the MeshCA, or at the end if there were not so many.
    async fn killed_until(&mut self, roots: &str, holds: impl Fn(&Entries) -> bool) -> Result<()> {
        let (operator, istiod) = (random(CHANGES), random(CHANGES));
        for change in 0.. {
            let version = self.version().await?;
            let is_done = holds(&self.test.entries(CACERTS).await?);
            let is_due = |victim: usize| change == victim || is_done && change < victim;
            if is_due(operator) {
                self.kill_operator(roots).await?;
            }
            if is_due(istiod) {
                self.mesh.kill().await?;
                self.client(roots).await?;
            }
            if is_done {
                break;
            }
            with_kubelet(&self.mesh, self.has_changed(&version)).await?;
        }
        let updated = self.test.wait_for_mesh(self.mesh_ca, UPDATED);
        with_kubelet(&self.mesh, updated).await.map(drop)
    }

    /// istiod signs while no operator runs.
    async fn kill_operator(&mut self, roots: &str) -> Result<()> {
        self.operator.take().context("it runs")?.kill()?;
        let next = with_kubelet(&self.mesh, async {
            self.client(roots).await?;
            self.bed.start_operator(&SHORT_LEASE).await
        });
        self.operator = Some(next.await?);
        Ok(())
    }

    /// A workload gets a certificate that is below these roots.
    async fn client(&self, roots: &str) -> Result<()> {
        let workload = self.mesh.workload("client", FORM, roots).await;
        workload.map(drop)
    }

    /// Which versions of its objects there are.
    async fn version(&self) -> Result<String> {
        let test = self.test;
        let mesh_ca = test.api::<MeshCA>();
        let mesh_ca = mesh_ca.get_metadata(&self.mesh_ca.name).await?;
        let secret = test.api::<Secret>().get_metadata(CACERTS).await?;
        let generations = test.api::<CAGeneration>();
        let generations = generations.list_metadata(&ListParams::default()).await?;
        let mut versions = vec![mesh_ca.resource_version(), secret.resource_version()];
        versions.extend(generations.items.iter().map(ResourceExt::resource_version));
        Ok(versions.into_iter().flatten().collect::<Vec<_>>().join(" "))
    }

    async fn has_changed(&self, before: &str) -> Result<()> {
        let observe = async || {
            let now = self.version().await?;
            Ok(Observation::reached_if(now != before, now))
        };
        until("something about the MeshCA to change", observe).await
    }
}

/// How many roots istiod's file has.
fn roots(entries: &Entries) -> usize {
    entries[ROOTS].matches("BEGIN CERTIFICATE").count()
}
