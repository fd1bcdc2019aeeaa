//! The Secret with the keys of a MeshCA loses those that are of no more use.

use anyhow::{Context, Result, ensure};
use serde_json::json;
use signet_api::GenerationState;
use signet_e2e::TestNamespace;
use signet_e2e::mesh_ca::{CACERTS, Entries, Files, KEY, KEYS, ROOTS, UPDATED};

use super::istio::check_keys;
use super::{istio, istio_below};

shared![a_revoked_key_is_replaced_and_removed];

/// As docs/mesh-ca.md says, by the fingerprint in the status. No delay is waited for, and the rest of
/// the mesh's CA stays.
async fn a_revoked_key_is_replaced_and_removed(test: &TestNamespace) -> Result<()> {
    let mesh_ca = istio(test, istio_below(&test.issuer_above().await?, "3s")).await?;
    let before = test.entries(CACERTS).await?;
    let old = Files::of_istio(&before)?;
    check_keys(&test.entries(KEYS).await?, &[&old])?;
    let status = test.wait_until_ready(&mesh_ca).await?;
    let first = status.ca.first().context("it has a CA")?;
    let revoked = json!({ "rotation": { "revoked": [first.key_fingerprint] } });
    test.patch_issuer(&mesh_ca, revoked).await?;
    test.approve_parent(&mesh_ca, 2).await?;

    let is_new = |now: &Entries| now[KEY] != before[KEY];
    let after = test.wait_for_entries(CACERTS, "replaced", is_new).await?;
    let new = Files::of_istio(&after)?;
    new.check()?;
    ensure!(after[ROOTS] == before[ROOTS], "the roots stay");
    ensure!(new.ca()?.public_key() != old.ca()?.public_key());

    let revoked = old.key_identifier()?;
    let is_gone = |now: &Entries| !now.contains_key(&revoked);
    let keys = test.wait_for_entries(KEYS, "removed", is_gone).await?;
    check_keys(&keys, &[&new])?;
    test.wait_for_mesh(&mesh_ca, UPDATED).await?;
    let status = test.wait_until_ready(&mesh_ca).await?;
    let states: Vec<_> = status.ca.iter().map(|ca| ca.state).collect();
    ensure!(
        states == [GenerationState::Active, GenerationState::Revoked],
        "{status:?}"
    );
    Ok(())
}
