//! A kubelet that delivers nothing for longer than `propagation`, and then only the last version.

use anyhow::{Result, ensure};
use serde_json::json;
use signet_e2e::mesh::Mesh;
use signet_e2e::mesh_ca::{CACERTS, CERTIFICATE, Entries, History, Step, UPDATED};
use signet_e2e::{IssuerRef, TestNamespace};
use signet_testbed::istio::Workload;

use super::roots::{FORM, completes, refuses, trusts_exactly};
use super::{create, multiroot, options, signed_by_another, with_kubelet};

shared![workloads_connect_through_writes_that_the_kubelet_skips];

const NOT_LOADED: (&str, &str) = ("False", "RootsNotLoaded");
/// The root is appended and put back. istiod sees neither.
const SKIPPED: [Step; 2] = [Step::Append, Step::Remove];

/// istiod loads what three writes have left, the next CA with the roots that it has. Then the root is
/// appended again, and the rotation goes on to its end.
async fn workloads_connect_through_writes_that_the_kubelet_skips(
    test: &TestNamespace,
) -> Result<()> {
    let above = test.issuer_above().await?;
    let mesh_ca = create(test, &above, ("10s", false)).await?;
    test.wait_until_ready(&mesh_ca).await?;
    let mesh = Mesh::start(test, options(multiroot())).await?;
    test.wait_for_mesh(&mesh_ca, UPDATED).await?;
    let (history, old) = (History::watch(test), test.bundle(&above).await?);
    let before = mesh.workload("before-the-pause", FORM, &old).await?;

    let old_key = test.prepare_another_root(&above).await?;
    let during = writes_are_skipped(test, &mesh, (&mesh_ca, &old)).await?;
    let pair = (("before-the-pause", &before), ("during", &during));
    mesh.workloads().connect(pair.0, pair.1).await?;

    with_kubelet(&mesh, async {
        let next = signed_by_another(&mesh, "before", &during, &old).await?;
        for earlier in [pair.0, pair.1] {
            mesh.workloads().connect(earlier, ("before", &next)).await?;
        }
        let after = completes(test, &mesh, (&above, &mesh_ca), (&next, &old_key)).await?;
        refuses(&mesh, &during, &after).await?;
        test.wait_for_mesh(&mesh_ca, UPDATED).await.map(drop)
    })
    .await?;
    let steps = history.steps(&test.entries(CACERTS).await?).await?;
    ensure!(steps.starts_with(&SKIPPED), "{steps:?}");
    let swaps = steps.iter().filter(|step| **step == Step::Swap).count();
    ensure!(swaps == 2, "{steps:?}");
    ensure!(steps.last() == Some(&Step::Remove), "{steps:?}");
    Ok(())
}

/// Nothing is delivered: the next root is put back, and another key of the mesh's CA is written.
/// Returns a workload that istiod meanwhile gives a certificate to.
async fn writes_are_skipped(
    test: &TestNamespace,
    mesh: &Mesh<'_>,
    (mesh_ca, old): (&IssuerRef, &str),
) -> Result<Workload> {
    let first = test.entries(CACERTS).await?;
    test.wait_for_mesh(mesh_ca, NOT_LOADED).await?;
    test.wait_until_ready(mesh_ca).await?;
    let change = json!({ "rotation": { "requestID": "during-the-pause" } });
    test.patch_issuer(mesh_ca, change).await?;
    let is_new = |now: &Entries| now[CERTIFICATE] != first[CERTIFICATE];
    test.wait_for_entries(CACERTS, "swapped", is_new).await?;
    let during = mesh.workload("during", FORM, old).await?;
    trusts_exactly(&during, old)?;
    Ok(during)
}
