//! The plugin UpstreamAuthority "disk": the server signs its CA with the files of a MeshCA.

use anyhow::{Context, Result, ensure};
use serde_json::json;
use signet_e2e::mesh_ca::{Entries, Files, KEYS, Rights, UPDATED, below};
use signet_e2e::spire::Spire;
use signet_e2e::verify::Certificate;
use signet_e2e::{IssuerRef, TestNamespace};
use signet_testbed::spire::{Svid, Upstream};

use super::Phases;

shared![
    workloads_connect_through_another_key,
    workloads_connect_through_another_root,
];

const SECRET: &str = "spiffe-upstream-ca";

/// A MeshCA that has written its Secret. The server gets another CA when the test says so, so the
/// MeshCA need not wait for its `ca_ttl`.
async fn create(test: &TestNamespace, above: &IssuerRef) -> Result<IssuerRef> {
    let rights = Rights {
        secrets: &[SECRET, KEYS],
        ..Rights::ISTIO
    };
    test.prepare_mesh(rights).await?;
    let mut spec = below(above, json!({ "spire": { "caTTL": "5s" } }));
    spec["certificate"]["issuerRef"]["pathLength"] = json!(1);
    let mesh_ca = test.create_mesh_ca(spec).await?;
    test.wait_until_ready(&mesh_ca).await?;
    test.wait_for_mesh(&mesh_ca, UPDATED).await?;
    Ok(mesh_ca)
}

async fn start(test: &TestNamespace) -> Result<Spire<'_>> {
    let upstream = Upstream::Disk {
        namespace: test.name().to_owned(),
        secret: SECRET.to_owned(),
    };
    Spire::start(test, "spire", upstream).await
}

/// Asks for another key, and waits until the server's files have it.
async fn rotate(test: &TestNamespace, mesh_ca: &IssuerRef) -> Result<Entries> {
    let before = test.entries(SECRET).await?;
    let change = json!({ "rotation": { "requestID": test.unique("another-key") } });
    test.patch_issuer(mesh_ca, change).await?;
    let is_new = |now: &Entries| now["tls.key"] != before["tls.key"];
    test.wait_for_entries(SECRET, "with another key", is_new)
        .await
}

/// Whether a workload presents the certificate of the MeshCA, right above that of the server's CA.
fn is_below(svid: &Svid, entries: &Entries) -> Result<()> {
    let chain = Certificate::read_pem(&svid.chain)?;
    let files = Files::of_tls(entries)?;
    let above = chain.get(2).context("the server's CA is below another")?;
    ensure!(above == files.ca()?, "it is below {}", above.subject());
    Ok(())
}

async fn workloads_connect_through_another_key(test: &TestNamespace) -> Result<()> {
    let above = test.issuer_above().await?;
    let mesh_ca = create(test, &above).await?;
    let spire = start(test).await?;
    let (mut phases, roots) = (Phases::of(&spire), test.bundle(&above).await?);
    let before = phases.next("before", (&roots, &roots)).await?;
    is_below(&before, &test.entries(SECRET).await?)?;
    spire.check_jwt_svid("before", &spire).await?;

    let files = rotate(test, &mesh_ca).await?;
    spire.rotate_ca().await?;
    let after = phases.next("after", (&roots, &roots)).await?;
    is_below(&after, &files)?;
    test.wait_for_mesh(&mesh_ca, UPDATED).await.map(drop)
}

/// In each phase, the workloads of that phase and of the one before connect.
async fn workloads_connect_through_another_root(test: &TestNamespace) -> Result<()> {
    let above = test.issuer_above().await?;
    let mesh_ca = create(test, &above).await?;
    let spire = start(test).await?;
    let (mut phases, old) = (Phases::of(&spire), test.bundle(&above).await?);
    phases.next("before", (&old, &old)).await?;

    let old_key = test.prepare_another_root(&above).await?;
    test.wait_for_loaded_roots(&mesh_ca, 2).await?;
    let both = test.entries(SECRET).await?["ca.crt"].clone();
    spire.rotate_ca().await?;
    phases.next("appended", (&old, &both)).await?;

    test.activate_second(&above).await?;
    let files = rotate(test, &mesh_ca).await?;
    ensure!(files["ca.crt"] == both, "the roots stay");
    spire.rotate_ca().await?;
    let swapped = phases.next("swapped", (&both, &both)).await?;
    is_below(&swapped, &files)?;

    let revoked = json!({ "rotation": { "revoked": [old_key] } });
    test.patch_issuer(&above, revoked).await?;
    test.wait_for_loaded_roots(&mesh_ca, 1).await?;
    let new = test.entries(SECRET).await?["ca.crt"].clone();
    spire.check(&swapped, "swapped", &new)?;
    spire.rotate_ca().await?;
    // The server trusts a root until it has expired.
    phases.next("removed", (&new, &both)).await.map(drop)
}
