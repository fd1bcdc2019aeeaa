//! The plugin UpstreamAuthority "disk": the server signs its CA with the files of a MeshCA.

use anyhow::{Context, Result, ensure};
use serde_json::json;
use signet_e2e::mesh_ca::{Entries, Files, KEYS, Rights, UPDATED, below};
use signet_e2e::spire::Spire;
use signet_e2e::verify::Certificate;
use signet_e2e::{IssuerRef, TestNamespace};
use signet_testbed::spire::{Svid, Upstream};

use super::trusts_exactly;

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
    let roots = test.bundle(&above).await?;
    let before = spire.svid("before").await?;
    spire.check(&before, "before", &roots)?;
    trusts_exactly(&before, &roots)?;
    is_below(&before, &test.entries(SECRET).await?)?;
    spire.check_jwt_svid("before", &spire).await?;

    let files = rotate(test, &mesh_ca).await?;
    spire.rotate_ca().await?;
    let after = spire.svid("after").await?;
    spire.check(&after, "after", &roots)?;
    trusts_exactly(&after, &roots)?;
    is_below(&after, &files)?;
    spire
        .connect(("before", &before), ("after", &after))
        .await?;
    test.wait_for_mesh(&mesh_ca, UPDATED).await.map(drop)
}

/// In each phase, the workloads of that phase and of the one before connect.
async fn workloads_connect_through_another_root(test: &TestNamespace) -> Result<()> {
    let above = test.issuer_above().await?;
    let mesh_ca = create(test, &above).await?;
    let spire = start(test).await?;
    let old = test.bundle(&above).await?;
    let before = spire.svid("before").await?;
    spire.check(&before, "before", &old)?;

    let old_key = test.prepare_another_root(&above).await?;
    test.wait_for_loaded_roots(&mesh_ca, 2).await?;
    let both = test.entries(SECRET).await?["ca.crt"].clone();
    spire.rotate_ca().await?;
    let appended = spire.svid("appended").await?;
    spire.check(&appended, "appended", &old)?;
    trusts_exactly(&appended, &both)?;
    let pair = (("before", &before), ("appended", &appended));
    spire.connect(pair.0, pair.1).await?;

    test.activate_second(&above).await?;
    let files = rotate(test, &mesh_ca).await?;
    ensure!(files["ca.crt"] == both, "the roots stay");
    spire.rotate_ca().await?;
    let swapped = spire.svid("swapped").await?;
    spire.check(&swapped, "swapped", &both)?;
    is_below(&swapped, &files)?;
    let pair = (("appended", &appended), ("swapped", &swapped));
    spire.connect(pair.0, pair.1).await?;

    let revoked = json!({ "rotation": { "revoked": [old_key] } });
    test.patch_issuer(&above, revoked).await?;
    test.wait_for_loaded_roots(&mesh_ca, 1).await?;
    let new = test.entries(SECRET).await?["ca.crt"].clone();
    spire.rotate_ca().await?;
    let removed = spire.svid("removed").await?;
    spire.check(&removed, "removed", &new)?;
    spire.check(&swapped, "swapped", &new)?;
    // The server trusts a root until it has expired.
    trusts_exactly(&removed, &both)?;
    let pair = (("swapped", &swapped), ("removed", &removed));
    spire.connect(pair.0, pair.1).await
}
