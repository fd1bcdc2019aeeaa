//! Below cert-manager's CA issuer, whose root is in a Secret.

use anyhow::{Result, ensure};
use serde_json::json;
use signet_e2e::TestNamespace;
use signet_e2e::mesh_ca::{CACERTS, Entries, Files, History, KEY, ROOTS, Rights};
use signet_e2e::mesh_ca::{Step, UPDATED, signs};
use signet_e2e::parents::ACCOUNT;
use signet_e2e::verify::Certificate;

use super::rotate;
use crate::parents::ca_issuer;

shared![a_mesh_below_a_ca_issuer_gets_its_ca_and_another_key];

/// cert-manager's issuer, and the Secret with its root.
const ABOVE: &str = "corp-root";

async fn a_mesh_below_a_ca_issuer_gets_its_ca_and_another_key(test: &TestNamespace) -> Result<()> {
    ca_issuer(test, test.name(), ABOVE).await?;
    test.prepare_mesh(Rights::ISTIO).await?;
    let issuer_ref = json!({
        "group": "cert-manager.io", "kind": "Issuer", "name": ABOVE,
        "serviceAccountRef": { "name": ACCOUNT }, "duration": "48h",
    });
    let spec = json!({
        "mesh": { "istio": {} },
        "certificate": { "issuerRef": issuer_ref, "trustedRoots": { "secretName": ABOVE } },
        "maxLeafLifetime": "5s",
        "propagation": "3s",
    });
    let mesh_ca = test.create_mesh_ca(spec).await?;
    let name = test.approve_parent(&mesh_ca, 1).await?;
    let request = test.request(&name).await?;
    let account = format!("system:serviceaccount:{}:{ACCOUNT}", test.name());
    ensure!(request.spec.username == account, "{request:?}");
    test.wait_until_ready(&mesh_ca).await?;
    test.wait_for_mesh(&mesh_ca, UPDATED).await?;

    let before = test.entries(CACERTS).await?;
    let first = Files::of_istio(&before)?;
    first.check()?;
    let root = Certificate::read_pem(&test.entries(ABOVE).await?["ca.crt"])?;
    let roots = Certificate::read_pem(&first.roots)?;
    ensure!(roots == root, "{}", first.roots);

    let history = History::watch(test);
    rotate(test, &mesh_ca, 2).await?;
    let is_new = |now: &Entries| now[KEY] != before[KEY];
    let after = test.wait_for_entries(CACERTS, "rotated", is_new).await?;
    let second = Files::of_istio(&after)?;
    second.check()?;
    ensure!(after[ROOTS] == before[ROOTS], "the root stays");
    ensure!(second.ca()?.public_key() != first.ca()?.public_key());
    ensure!(history.steps(&after).await? == [Step::Swap]);
    test.wait_for_status(&mesh_ca, "rotated", |status| signs(status, 2))
        .await?;
    test.wait_for_mesh(&mesh_ca, UPDATED).await.map(drop)
}
