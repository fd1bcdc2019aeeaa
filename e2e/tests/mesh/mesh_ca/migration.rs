//! A mesh under the CA that istiod created itself moves below an issuer.

use anyhow::{Result, ensure};
use k8s_openapi::api::core::v1::Secret;
use serde_json::json;
use signet_e2e::TestNamespace;
use signet_e2e::mesh::{Form, Mesh};
use signet_e2e::mesh_ca::{CACERTS, CERTIFICATE, Entries, Files, ROOTS, UPDATED};
use signet_e2e::verify::Certificate;
use signet_testbed::istio::AgentKey;

use super::{create, multiroot, options, signed_by_another, signer, with_kubelet};

shared![
    the_ca_that_istiod_created_is_taken_over,
    without_adopt_a_running_mesh_is_not_touched,
];

/// Where istiod keeps it.
const SELF_SIGNED: &str = "istio-ca-secret";

/// istiod is restarted once, with its CA in `cacerts`. Then the roots and the CA follow.
async fn the_ca_that_istiod_created_is_taken_over(test: &TestNamespace) -> Result<()> {
    let mut mesh = Mesh::start(test, options(multiroot())).await?;
    let own = test.entries(SELF_SIGNED).await?[CERTIFICATE].clone();
    let form = Form::of(AgentKey::P256);
    let before = mesh.workload("before", form, &own).await?;
    let above = test.issuer_above().await?;
    let mesh_ca = create(test, &above, ("10s", true)).await?;
    let is_moved = |now: &Entries| now.contains_key(CERTIFICATE);
    let moved = test.wait_for_entries(CACERTS, "moved", is_moved).await?;
    let read = Certificate::read_pem;
    ensure!(read(&moved[CERTIFICATE])? == read(&own)?, "{own}");
    mesh.restart().await?;
    with_kubelet(&mesh, async {
        test.wait_for_loaded_roots(&mesh_ca, 2).await?;
        let both = test.entries(CACERTS).await?[ROOTS].clone();
        ensure!(both.starts_with(own.trim_end()), "{both}");
        let between = mesh.workload("between", form, &both).await?;
        ensure!(signer(&between)? == signer(&before)?, "the CA stays");
        let workloads = mesh.workloads();
        workloads
            .connect(("before", &before), ("between", &between))
            .await?;
        test.activate_second(&mesh_ca).await?;
        let is_swapped = |now: &Entries| now[CERTIFICATE] != moved[CERTIFICATE];
        test.wait_for_entries(CACERTS, "swapped", is_swapped)
            .await?;
        test.wait_for_mesh(&mesh_ca, UPDATED).await?;
        let after = signed_by_another(&mesh, "after", &before, &both).await?;
        workloads
            .connect(("between", &between), ("after", &after))
            .await?;
        Files::of_istio(&test.entries(CACERTS).await?)?.check()
    })
    .await
}

/// Its workloads would refuse what is below another root.
async fn without_adopt_a_running_mesh_is_not_touched(test: &TestNamespace) -> Result<()> {
    let mesh = Mesh::start(test, options(json!({}))).await?;
    let own = test.entries(SELF_SIGNED).await?[CERTIFICATE].clone();
    let form = Form::of(AgentKey::P256);
    let before = mesh.workload("before", form, &own).await?;
    let mesh_ca = create(test, &test.issuer_above().await?, ("5s", false)).await?;
    let message = test.wait_for_mesh(&mesh_ca, ("False", "OtherCA")).await?;
    ensure!(message.contains("spec.adopt"), "{message}");
    let written = test.api::<Secret>().get_opt(CACERTS).await?;
    ensure!(written.is_none(), "{CACERTS} was written");
    let after = mesh.workload("after", form, &own).await?;
    let workloads = mesh.workloads();
    workloads
        .connect(("before", &before), ("after", &after))
        .await
}
