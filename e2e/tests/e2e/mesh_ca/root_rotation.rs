//! The issuer above gets another root: three writes, each with one change, and each once the mesh
//! has loaded the one before.

use anyhow::{Result, ensure};
use kube::ResourceExt;
use serde_json::json;
use signet_api::MeshCA;
use signet_e2e::TestNamespace;
use signet_e2e::mesh_ca::{CACERTS, CERTIFICATE, Entries, Files, ROOTS};
use signet_e2e::mesh_ca::{History, IstiodStandIn, Step, UPDATED};

use super::{istio, istio_below, roots, rotate};

shared![
    another_root_above_is_appended_then_signs_then_the_old_one_goes,
    nothing_is_written_until_istiod_shows_the_roots,
];

/// The stand-in has this long, on a machine that may be busy.
const PROPAGATION: &str = "15s";

async fn another_root_above_is_appended_then_signs_then_the_old_one_goes(
    test: &TestNamespace,
) -> Result<()> {
    let above = test.issuer_above().await?;
    let mesh_ca = istio(test, istio_below(&above, PROPAGATION)).await?;
    let (history, _istiod) = (History::watch(test), IstiodStandIn::start(test));
    let first = test.entries(CACERTS).await?;

    let old_key = test.prepare_another_root(&above).await?;
    test.wait_for_loaded_roots(&mesh_ca, 2).await?;
    let both = test.entries(CACERTS).await?;
    ensure!(both[ROOTS].starts_with(&first[ROOTS]), "{}", both[ROOTS]);
    ensure!(both[CERTIFICATE] == first[CERTIFICATE], "the CA stays");

    test.activate_second(&above).await?;
    rotate(test, &mesh_ca, 2).await?;
    let is_new = |now: &Entries| now[CERTIFICATE] != first[CERTIFICATE];
    let swapped = test.wait_for_entries(CACERTS, "swapped", is_new).await?;
    ensure!(swapped[ROOTS] == both[ROOTS], "{}", swapped[ROOTS]);
    Files::of_istio(&swapped)?.check()?;

    let revoked = json!({ "rotation": { "revoked": [old_key] } });
    test.patch_issuer(&above, revoked).await?;
    let has_one = |now: &Entries| roots(now) == 1;
    let last = test.wait_for_entries(CACERTS, "rotated", has_one).await?;
    ensure!(both[ROOTS].ends_with(&last[ROOTS]), "{}", last[ROOTS]);
    Files::of_istio(&last)?.check()?;
    test.wait_for_loaded_roots(&mesh_ca, 1).await?;
    test.wait_for_mesh(&mesh_ca, UPDATED).await?;

    // Roots that the stand-in has shown too late are put back and appended again.
    let steps = history.steps(&last).await?;
    let swaps = steps.iter().filter(|step| **step == Step::Swap);
    ensure!(swaps.count() == 1, "{steps:?}");
    ensure!(steps.first() == Some(&Step::Append), "{steps:?}");
    ensure!(steps.last() == Some(&Step::Remove), "{steps:?}");
    each_write_has_an_event(test, &mesh_ca.name).await
}

/// The events have the changes in words.
async fn each_write_has_an_event(test: &TestNamespace, name: &str) -> Result<()> {
    let object = test.api::<MeshCA>().get(name).await?;
    let events = test.bed().events(&object).await?;
    let notes = events
        .iter()
        .filter(|event| event.reason.as_deref() == Some("MeshUpdated"));
    let notes: Vec<_> = notes.filter_map(|event| event.message.clone()).collect();
    for part in [
        "wrote the CA certificate",
        "added the root",
        "replaced the CA certificate",
        "removed the root",
    ] {
        let is_there = notes.iter().any(|note| note.contains(part));
        ensure!(is_there, "no {part:?} in {notes:?}");
    }
    ensure!(notes.iter().all(|it| !it.contains("PRIVATE")), "{notes:?}");
    Ok(())
}

/// With a propagation so long that the test does not see its end.
async fn nothing_is_written_until_istiod_shows_the_roots(test: &TestNamespace) -> Result<()> {
    let above = test.issuer_above().await?;
    let mesh_ca = istio(test, istio_below(&above, "3s")).await?;
    let first = test.entries(CACERTS).await?;
    test.istiod_shows(&first[ROOTS]).await?;
    test.patch_issuer(&mesh_ca, json!({ "propagation": "2h" }))
        .await?;
    // The first write counts as under way again, until it is older than that.
    test.wait_for_mesh(&mesh_ca, ("False", "Propagating"))
        .await?;
    let before = test.secret(CACERTS).await?;
    test.prepare_another_root(&above).await?;
    let has_both = |status: &signet_api::IssuerStatus| {
        let bundle = status.bundle.as_deref().unwrap_or_default();
        bundle.matches("BEGIN CERTIFICATE").count() == 2
    };
    test.wait_for_status(&mesh_ca, "with both roots", has_both)
        .await?;
    test.wait_for_mesh(&mesh_ca, ("False", "Propagating"))
        .await?;
    let after = test.secret(CACERTS).await?;
    ensure!(
        after.resource_version() == before.resource_version(),
        "it was written: {:?}",
        after.managed_fields()
    );
    // With a short one, it goes on.
    test.patch_issuer(&mesh_ca, json!({ "propagation": "15s" }))
        .await?;
    let has_both = |now: &Entries| roots(now) == 2;
    let both = test.wait_for_entries(CACERTS, "appended", has_both).await?;
    test.wait_for_mesh(&mesh_ca, ("False", "Loading")).await?;
    test.istiod_shows(&both[ROOTS]).await?;
    test.wait_for_loaded_roots(&mesh_ca, 2).await
}
