//! The Secret `cacerts`: its first contents, a renewal and another key.

use anyhow::{Context, Result, ensure};
use kube::ResourceExt;
use serde_json::json;
use signet_api::IssuerKind::ClusterIssuer;
use signet_e2e::csr::Csr;
use signet_e2e::mesh_ca::{CACERTS, CERTIFICATE, Entries, Files, KEY, KEYS, ROOTS};
use signet_e2e::mesh_ca::{History, Step, UPDATED, signs};
use signet_e2e::verify::Certificate;
use signet_e2e::{IssuerRef, TestNamespace, spec};

use super::{istio, istio_below, rotate};

shared![
    istiod_gets_its_four_files,
    a_renewal_keeps_the_key,
    a_new_request_id_makes_another_key,
];

/// An issuer below a root, so that a chain has something between istiod's CA and the root.
async fn between(test: &TestNamespace) -> Result<(IssuerRef, String)> {
    let root = spec::with_ca_profile(&test.unique("root"), 2);
    let root = test.issuer(ClusterIssuer, "root", root).await?;
    let mut issuer_ref = root.reference();
    issuer_ref["duration"] = json!("8000h");
    let middle = json!({
        "key": { "software": { "secretName": test.unique("middle") } },
        "certificate": { "issuerRef": issuer_ref },
        "profile": { "ca": { "pathLength": 0 } },
    });
    let middle = test.create_issuer(ClusterIssuer, "middle", middle).await?;
    test.approve_parent(&middle, 1).await?;
    test.wait_until_ready(&middle).await?;
    Ok((middle, test.bundle(&root).await?))
}

async fn istiod_gets_its_four_files(test: &TestNamespace) -> Result<()> {
    let (middle, root) = between(test).await?;
    let mesh_ca = istio(test, istio_below(&middle, "3s")).await?;
    let files = Files::of_istio(&test.entries(CACERTS).await?)?;
    files.check()?;
    ensure!(files.path.len() == 2, "{} in the chain", files.path.len());
    let roots = Certificate::read_pem(&files.roots)?;
    ensure!(roots == Certificate::read_pem(&root)?, "{}", files.roots);
    let status = test.wait_until_ready(&mesh_ca).await?;
    let subject = files.ca()?.subject();
    ensure!(status.ca[0].subject == Some(subject), "{status:?}");

    let secret = test.secret(CACERTS).await?;
    ensure!(
        secret.type_.as_deref() == Some("Opaque"),
        "{:?}",
        secret.type_
    );
    ensure!(secret.owner_references().is_empty(), "it would go with it");
    ensure!(secret.annotations()["signet.dev/issuer-kind"] == "MeshCA");
    ensure!(secret.annotations()["signet.dev/issuer-name"] == mesh_ca.name);
    ensure!(secret.annotations().contains_key("signet.dev/written-at"));
    let keys = test.entries(KEYS).await?;
    check_keys(&keys, &[&files])
}

/// Checks that there is one entry for the key of each CA and no other, named by its SKI.
pub(super) fn check_keys(keys: &Entries, of: &[&Files]) -> Result<()> {
    ensure!(keys.len() == of.len(), "{:?}", keys.keys());
    for files in of {
        let name = files.key_identifier()?;
        let key = keys.get(&name).with_context(|| format!("no {name}"))?;
        let found = Csr::public_key_of_secret(key)?;
        ensure!(found == files.ca()?.public_key(), "{name} is another key");
    }
    Ok(())
}

/// Another duration asks for another certificate, as the clock does.
async fn a_renewal_keeps_the_key(test: &TestNamespace) -> Result<()> {
    let mesh_ca = istio(test, istio_below(&test.issuer_above().await?, "3s")).await?;
    let before = test.entries(CACERTS).await?;
    let history = History::watch(test);
    let longer = json!({ "certificate": { "issuerRef": { "duration": "72h" } } });
    test.patch_issuer(&mesh_ca, longer).await?;
    test.approve_parent(&mesh_ca, 2).await?;
    let is_new = |now: &Entries| now[CERTIFICATE] != before[CERTIFICATE];
    let after = test.wait_for_entries(CACERTS, "renewed", is_new).await?;
    let files = Files::of_istio(&after)?;
    files.check()?;
    ensure!(after[KEY] == before[KEY], "the key stays");
    ensure!(after[ROOTS] == before[ROOTS], "the roots stay");
    ensure!(history.steps(&after).await? == [Step::Swap]);
    test.wait_for_status(&mesh_ca, "renewed", |status| signs(status, 2))
        .await?;
    test.wait_for_mesh(&mesh_ca, UPDATED).await?;
    check_keys(&test.entries(KEYS).await?, &[&files])
}

async fn a_new_request_id_makes_another_key(test: &TestNamespace) -> Result<()> {
    let mesh_ca = istio(test, istio_below(&test.issuer_above().await?, "3s")).await?;
    let before = test.entries(CACERTS).await?;
    let history = History::watch(test);
    rotate(test, &mesh_ca, 2).await?;
    let is_new = |now: &Entries| now[KEY] != before[KEY];
    let after = test.wait_for_entries(CACERTS, "rotated", is_new).await?;
    let (old, new) = (Files::of_istio(&before)?, Files::of_istio(&after)?);
    new.check()?;
    ensure!(after[ROOTS] == before[ROOTS], "the roots stay");
    ensure!(new.ca()?.public_key() != old.ca()?.public_key());
    ensure!(history.steps(&after).await? == [Step::Swap]);
    // The first key stays as long as its generation.
    let keys = test.entries(KEYS).await?;
    match keys.len() {
        1 => check_keys(&keys, &[&new]),
        _ => check_keys(&keys, &[&old, &new]),
    }
}
