//! A mesh that does not load changed roots gets the earlier ones back, since it would refuse the
//! next CA certificate together with them.

use anyhow::{Context, Result, ensure};
use kube::ResourceExt;
use signet_api::{MeshCA, MeshWait};
use signet_e2e::TestNamespace;
use signet_e2e::mesh_ca::{CACERTS, CERTIFICATE, Entries, Files, ROOTS};
use signet_e2e::mesh_ca::{History, IstiodStandIn, Step, UPDATED};

use super::{existing_ca, istio, istio_below, roots, rotate};

shared![
    roots_that_istiod_does_not_load_are_put_back,
    an_istiod_that_does_not_read_the_secret_is_reported,
];

const NOT_LOADED: (&str, &str) = ("False", "RootsNotLoaded");

async fn roots_that_istiod_does_not_load_are_put_back(test: &TestNamespace) -> Result<()> {
    let above = test.issuer_above().await?;
    let mesh_ca = istio(test, istio_below(&above, "3s")).await?;
    let first = test.entries(CACERTS).await?;
    test.istiod_shows(&first[ROOTS]).await?;
    let history = History::watch(test);
    test.prepare_another_root(&above).await?;
    let message = test.wait_for_mesh(&mesh_ca, NOT_LOADED).await?;
    ensure!(message.contains("ISTIO_MULTIROOT_MESH=true"), "{message}");
    ensure!(message.contains("restart"), "{message}");
    is_recorded(test, &mesh_ca.name).await?;
    // The mesh still has a CA, and gets the next one.
    test.wait_until_ready(&mesh_ca).await?;
    rotate(test, &mesh_ca, 2).await?;
    let is_new = |now: &Entries| now[CERTIFICATE] != first[CERTIFICATE];
    let after = test.wait_for_entries(CACERTS, "swapped", is_new).await?;
    Files::of_istio(&after)?.check()?;
    let steps = history.steps(&after).await?;
    let expected = [Step::Append, Step::Remove];
    ensure!(steps.starts_with(&expected), "{steps:?}");

    // A person has set it, and restarted istiod.
    let _istiod = IstiodStandIn::start(test);
    let has_both = |now: &Entries| roots(now) == 2;
    test.wait_for_entries(CACERTS, "appended", has_both).await?;
    test.wait_for_loaded_roots(&mesh_ca, 2).await?;
    test.wait_for_mesh(&mesh_ca, UPDATED).await?;
    let last = test.entries(CACERTS).await?;
    history.steps(&last).await.map(drop)
}

/// When the roots were put back is on the Secret, so that another process knows it, and in the
/// status is what waits for a person.
async fn is_recorded(test: &TestNamespace, name: &str) -> Result<()> {
    let secret = test.secret(CACERTS).await?;
    let at = secret.annotations().get("signet.dev/roots-put-back-at");
    let at = at.context("the Secret says when")?;
    at.parse::<jiff::Timestamp>()?;
    let waits = |found: &MeshCA| {
        let mesh = found.status.as_ref().and_then(|it| it.mesh.as_ref());
        mesh.is_some_and(|it| it.waits_for == Some(MeshWait::Restart) && it.waits_since.is_some())
    };
    let api = test.api::<MeshCA>();
    test.bed().wait(&api, name, "waiting", waits).await?;
    Ok(())
}

/// istiod was started before, with a CA of its own, and the Secret came later.
async fn an_istiod_that_does_not_read_the_secret_is_reported(test: &TestNamespace) -> Result<()> {
    let above = test.issuer_above().await?;
    let mesh_ca = istio(test, istio_below(&above, "3s")).await?;
    let (other, _) = existing_ca()?;
    let before = test.entries(CACERTS).await?;
    test.istiod_shows(&other).await?;
    let message = test.wait_for_mesh(&mesh_ca, ("False", "NotRead")).await?;
    ensure!(message.contains("restart"), "{message}");
    ensure!(test.entries(CACERTS).await? == before, "nothing is written");
    test.istiod_shows(&before[ROOTS]).await?;
    test.wait_for_mesh(&mesh_ca, UPDATED).await?;
    Ok(())
}
