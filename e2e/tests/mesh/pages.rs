//! The pages about Istio, followed word by word.

use anyhow::{Context, Result};
use libtest_mimic::Trial;
use parking_lot::Mutex;
use signet_e2e::mesh::{Form, Workloads};
use signet_e2e::{Bed, runner, tutorial};
use signet_testbed::controlplane::Toolchain;
use signet_testbed::istio::{AgentKey, Istiod, keep_running};

const NAMESPACE: &str = "istio-system";
/// What a MeshCA waits between two changes, for the kubelet of this test.
const PROPAGATION: (&str, &str) = ("propagation: 10m\n", "propagation: 30s\n");

/// One after the other, after all other tests: their istiod serves every namespace.
pub(crate) fn tests(_: bool) -> Vec<Trial> {
    vec![runner::trial(module_path!(), "are_followed", are_followed)]
}

async fn are_followed() -> Result<()> {
    let bed = Bed::shared().await?;
    for (page, issuer) in [
        ("meshes/istio-cacerts.md", "istio-root"),
        ("meshes/istiod-ra.md", "istio"),
        ("meshes/istio-mesh-ca.md", "corp-istio"),
    ] {
        follow(bed, page, issuer).await.with_context(|| page)?;
    }
    Ok(())
}

/// Follows a page. Before it removes Istio, the two workloads connect.
async fn follow(bed: &'static Bed, page: &str, issuer: &str) -> Result<()> {
    let toolchain = Toolchain::new()?;
    let charts = toolchain.istio_charts()?;
    let [base, chart] = charts.map(|chart| format!(" {} ", chart.display()));
    let variant = [
        (" istio/base ", &*base),
        (" istio/istiod ", &*chart),
        PROPAGATION,
    ];
    let log = bed.plane().logs().join("pages-istiod.log");
    let reached = Mutex::new(None);
    let started = |istiod: &Istiod| {
        *reached.lock() = Some((istiod.address(), istiod.server_name()));
        Ok(())
    };
    let kubelet = keep_running(bed.plane().cluster(), &toolchain, NAMESPACE, &log, started);
    let before = async |heading: &str| {
        if heading != "Remove it" {
            return Ok(());
        }
        let istiod = reached.lock().clone().context("istiod has started")?;
        let workloads = Workloads::new(bed, "shop", "cluster.local", istiod)?;
        let roots = bed.bundle_of_cluster_issuer(issuer).await?;
        let form = Form::of(AgentKey::Rsa);
        let orders = workloads.certificate("orders", form, &roots).await?;
        let form = Form::of(AgentKey::P256);
        let payments = workloads.certificate("payments", form, &roots).await?;
        workloads
            .connect(("orders", &orders), ("payments", &payments))
            .await
    };
    tokio::select! {
        followed = tutorial::follow_with(bed, page, &variant, before) => followed,
        ended = kubelet => ended,
    }
}
