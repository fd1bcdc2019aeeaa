//! The issuer above gets another root, with and without istiod's setting.

use anyhow::{Result, ensure};
use serde_json::json;
use signet_e2e::mesh::{Form, Mesh};
use signet_e2e::mesh_ca::{CACERTS, History, ROOTS, Step, UPDATED};
use signet_e2e::verify::Certificate;
use signet_e2e::{IssuerRef, TestNamespace};
use signet_testbed::istio::{AgentKey, Workload};

use super::{create, multiroot, options, rotate, signed_by_another, signer, with_kubelet};

shared![
    workloads_connect_through_a_rotation_of_the_root,
    without_its_setting_istiod_keeps_its_root_and_gets_the_next_ca,
];

pub(super) const FORM: Form<'_> = Form::of(AgentKey::P256);

/// The roots in the Secret.
async fn written(test: &TestNamespace) -> Result<String> {
    Ok(test.entries(CACERTS).await?[ROOTS].clone())
}

pub(super) fn trusts_exactly(workload: &Workload, roots: &str) -> Result<()> {
    let trusted = Certificate::read_pem(workload.roots())?;
    ensure!(
        trusted == Certificate::read_pem(roots)?,
        "it trusts {}",
        workload.roots()
    );
    Ok(())
}

/// In each phase, the workloads of that phase and of the one before connect. The certificates of
/// earlier phases have expired by then; here they are valid for longer, and show that the order
/// matters.
async fn workloads_connect_through_a_rotation_of_the_root(test: &TestNamespace) -> Result<()> {
    let above = test.issuer_above().await?;
    let mesh_ca = create(test, &above, ("20s", false)).await?;
    test.wait_until_ready(&mesh_ca).await?;
    let mesh = Mesh::start(test, options(multiroot())).await?;
    let history = History::watch(test);
    with_kubelet(&mesh, rotates(test, &mesh, (&above, &mesh_ca))).await?;
    test.wait_for_mesh(&mesh_ca, UPDATED).await?;
    let steps = history.steps(&test.entries(CACERTS).await?).await?;
    let swaps = steps.iter().filter(|step| **step == Step::Swap).count();
    ensure!(swaps == 1, "{steps:?}");
    ensure!(steps.last() == Some(&Step::Remove), "{steps:?}");
    Ok(())
}

async fn rotates(
    test: &TestNamespace,
    mesh: &Mesh<'_>,
    issuers: (&IssuerRef, &IssuerRef),
) -> Result<()> {
    let old = test.bundle(issuers.0).await?;
    let before = mesh.workload("before", FORM, &old).await?;
    trusts_exactly(&before, &old)?;
    let old_key = test.prepare_another_root(issuers.0).await?;
    let after = completes(test, mesh, issuers, (&before, &old_key)).await?;
    refuses(mesh, &before, &after).await
}

/// A workload that has never heard of the other root refuses: the wait is needed. And nothing is left
/// that trusts the old root.
pub(super) async fn refuses(
    mesh: &Mesh<'_>,
    before: &Workload,
    [swapped, removed]: &[Workload; 2],
) -> Result<()> {
    mesh.workloads().rejects(before, swapped).await?;
    mesh.workloads().rejects(removed, before).await.map(drop)
}

/// The rest of a rotation whose next root is prepared, with a workload of before it and the
/// fingerprint of the old root's key. Returns workloads of after the swap and of after the removal.
pub(super) async fn completes(
    test: &TestNamespace,
    mesh: &Mesh<'_>,
    (above, mesh_ca): (&IssuerRef, &IssuerRef),
    (before, old_key): (&Workload, &str),
) -> Result<[Workload; 2]> {
    let workloads = mesh.workloads();
    test.wait_for_loaded_roots(mesh_ca, 2).await?;
    let both = written(test).await?;
    let appended = mesh.workload("appended", FORM, &both).await?;
    trusts_exactly(&appended, &both)?;
    ensure!(signer(&appended)? == signer(before)?, "the first one signs");
    let pair = (("before", before), ("appended", &appended));
    workloads.connect(pair.0, pair.1).await?;

    test.activate_second(above).await?;
    rotate(test, mesh_ca).await?;
    let swapped = signed_by_another(mesh, "swapped", before, &both).await?;
    ensure!(written(test).await? == both, "the roots stay");
    let pair = (("appended", &appended), ("swapped", &swapped));
    workloads.connect(pair.0, pair.1).await?;

    let revoked = json!({ "rotation": { "revoked": [old_key] } });
    test.patch_issuer(above, revoked).await?;
    test.wait_for_loaded_roots(mesh_ca, 1).await?;
    let removed = is_removed(test, mesh).await?;
    let pair = (("swapped", &swapped), ("removed", &removed));
    workloads.connect(pair.0, pair.1).await?;
    Ok([swapped, removed])
}

/// A workload of after the old root was removed.
async fn is_removed(test: &TestNamespace, mesh: &Mesh<'_>) -> Result<Workload> {
    let new = written(test).await?;
    let removed = mesh.workload("removed", FORM, &new).await?;
    trusts_exactly(&removed, &new)?;
    Ok(removed)
}

/// It would refuse the next CA certificate together with changed roots, so those are put back.
async fn without_its_setting_istiod_keeps_its_root_and_gets_the_next_ca(
    test: &TestNamespace,
) -> Result<()> {
    let above = test.issuer_above().await?;
    let mesh_ca = create(test, &above, ("10s", false)).await?;
    test.wait_until_ready(&mesh_ca).await?;
    let mut mesh = Mesh::start(test, options(json!({}))).await?;
    let issuers = (&above, &mesh_ca);
    let next = with_kubelet(&mesh, keeps_its_root(test, &mesh, issuers)).await?;

    // A person follows the message.
    mesh.configure(multiroot()).await?;
    mesh.restart().await?;
    with_kubelet(&mesh, async {
        test.wait_for_loaded_roots(&mesh_ca, 2).await?;
        let both = written(test).await?;
        let after = mesh.workload("after", FORM, &both).await?;
        trusts_exactly(&after, &both)?;
        ensure!(signer(&after)? == signer(&next)?, "the CA stays");
        let workloads = mesh.workloads();
        workloads.connect(("next", &next), ("after", &after)).await
    })
    .await
}

async fn keeps_its_root(
    test: &TestNamespace,
    mesh: &Mesh<'_>,
    (above, mesh_ca): (&IssuerRef, &IssuerRef),
) -> Result<Workload> {
    let old = test.bundle(above).await?;
    let before = mesh.workload("before", FORM, &old).await?;
    test.prepare_another_root(above).await?;
    let not_loaded = ("False", "RootsNotLoaded");
    let message = test.wait_for_mesh(mesh_ca, not_loaded).await?;
    for part in ["ISTIO_MULTIROOT_MESH=true", "restart"] {
        ensure!(message.contains(part), "no {part} in {message}");
    }
    test.wait_until_ready(mesh_ca).await?;
    let during = mesh.workload("during", FORM, &old).await?;
    trusts_exactly(&during, &old)?;
    // The issuer above still signs under its first root.
    rotate(test, mesh_ca).await?;
    let next = signed_by_another(mesh, "next", &before, &old).await?;
    trusts_exactly(&next, &old)?;
    for earlier in [("before", &before), ("during", &during)] {
        mesh.workloads().connect(earlier, ("next", &next)).await?;
    }
    Ok(next)
}
