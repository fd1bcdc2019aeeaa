//! A CA of minutes is renewed by the clock, and istiod signs with it.

use anyhow::{Context, Result, ensure};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use signet_e2e::TestNamespace;
use signet_e2e::mesh::{Form, Mesh};
use signet_e2e::mesh_ca::{
    CACERTS, CERTIFICATE, Entries, Files, KEY, ROOTS, Rights, UPDATED, below,
};
use signet_testbed::istio::AgentKey;

use super::key::signed_by;
use super::{options, signer, with_kubelet};

shared![a_ca_is_renewed_when_three_delays_are_left];

/// Three delays of 30 s each: half of the lifetime, the most that the schema allows.
const LEFT: SignedDuration = SignedDuration::from_secs(90);
/// From its issue to its end: it begins a tenth of its lifetime before (A3-29).
const AHEAD: SignedDuration = SignedDuration::from_secs(180 - 18);
/// Times in certificates are whole seconds.
const ROUNDED: SignedDuration = SignedDuration::from_secs(1);

/// Nothing in the spec changes meanwhile.
async fn a_ca_is_renewed_when_three_delays_are_left(test: &TestNamespace) -> Result<()> {
    let above = test.issuer_above().await?;
    test.prepare_mesh(Rights::ISTIO).await?;
    let mut spec = below(&above, json!({ "istio": {} }));
    spec["certificate"]["issuerRef"]["duration"] = json!("3m");
    spec["maxLeafLifetime"] = json!("25s");
    spec["propagation"] = json!("5s");
    let mesh_ca = test.create_mesh_ca(spec).await?;
    test.wait_until_ready(&mesh_ca).await?;
    let mesh = Mesh::start(test, options(json!({}))).await?;
    let roots = test.bundle(&above).await?;
    with_kubelet(&mesh, async {
        let first = test.entries(CACERTS).await?;
        let ca = Files::of_istio(&first)?;
        let form = Form::of(AgentKey::P256);
        let before = mesh.workload("orders", form, &roots).await?;

        let is_new = |now: &Entries| now[CERTIFICATE] != first[CERTIFICATE];
        let renewed = test.wait_for_entries(CACERTS, "renewed", is_new).await?;
        ensure!(renewed[KEY] == first[KEY], "the key stays");
        ensure!(renewed[ROOTS] == first[ROOTS], "the roots stay");
        let files = Files::of_istio(&renewed)?;
        is_issued_when_due(ca.ca()?.not_after(), files.ca()?.not_after())?;

        let payments = ("payments", AgentKey::P256);
        let after = signed_by(&mesh, payments, files.ca()?, &roots).await?;
        ensure!(signer(&after)? == signer(&before)?, "the key signs");
        let workloads = mesh.workloads();
        let pair = (("orders", &before), ("payments", &after));
        workloads.connect(pair.0, pair.1).await?;
        test.wait_for_mesh(&mesh_ca, UPDATED).await.map(drop)
    })
    .await
}

/// By the ends of both certificates: the second one was issued when so much was left of the first
/// one, or less.
fn is_issued_when_due(first: Timestamp, second: Timestamp) -> Result<()> {
    let issued = second.checked_sub(AHEAD).context("it is in range")?;
    let left = first.duration_since(issued);
    let is_due = left <= LEFT + ROUNDED && left > SignedDuration::ZERO;
    ensure!(is_due, "it was issued when {left:?} was left");
    Ok(())
}
