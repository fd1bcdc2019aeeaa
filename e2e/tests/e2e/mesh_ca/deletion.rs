//! A MeshCA that is deleted, and one of the same name.

use anyhow::{Context, Result, ensure};
use kube::ResourceExt;
use signet_api::{CAGeneration, MeshCA};
use signet_e2e::mesh_ca::{CACERTS, CERTIFICATE, Entries, Files, KEYS, UPDATED, entries};
use signet_e2e::{IssuerRef, TestNamespace};
use signet_testbed::wait::{Observation, until};

use super::{istio, istio_below, rotate};

shared![a_deleted_mesh_ca_leaves_its_objects_and_a_new_one_takes_them_over];

/// The name of its first generation.
const GENERATION: &str = "meshca-mesh-1";

async fn a_deleted_mesh_ca_leaves_its_objects_and_a_new_one_takes_them_over(
    test: &TestNamespace,
) -> Result<()> {
    let spec = istio_below(&test.issuer_above().await?, "3s");
    let mesh_ca = istio(test, spec.clone()).await?;
    let before = test.wait_until_ready(&mesh_ca).await?;
    let secret = test.secret(CACERTS).await?;
    let generation = test.api::<CAGeneration>().get(GENERATION).await?;
    is_deleted(test, &mesh_ca).await?;

    // Nothing is approved: it has its CA, and needs no `adopt`.
    let again = test.create_mesh_ca(spec).await?;
    let after = test.wait_until_ready(&again).await?;
    test.wait_for_mesh(&again, UPDATED).await?;
    ensure!(after.ca[0].fingerprint == before.ca[0].fingerprint);
    ensure!(after.ca.len() == 1, "{after:?}");
    let kept = test.api::<CAGeneration>().get(GENERATION).await?;
    ensure!(kept.uid() == generation.uid(), "the generation is the same");
    ensure!(
        test.entries(CACERTS).await? == entries(&secret),
        "it is the same"
    );

    // And it goes on.
    rotate(test, &again, 2).await?;
    let left = entries(&secret);
    let is_new = |now: &Entries| now[CERTIFICATE] != left[CERTIFICATE];
    let next = test.wait_for_entries(CACERTS, "rotated", is_new).await?;
    let (old, new) = (Files::of_istio(&left)?, Files::of_istio(&next)?);
    new.check()?;
    ensure!(new.ca()?.public_key() != old.ca()?.public_key());
    Ok(())
}

/// Deletes a MeshCA, and checks that its objects stay.
async fn is_deleted(test: &TestNamespace, mesh_ca: &IssuerRef) -> Result<()> {
    let before = [test.secret(CACERTS).await?, test.secret(KEYS).await?];
    let deleted = test.api::<MeshCA>().get(&mesh_ca.name).await?;
    test.delete_issuer(mesh_ca).await?;
    is_gone(test, &mesh_ca.name).await?;
    let reason = "DeletedWithValidCertificates";
    let event = test.bed().wait_for_event(&deleted, reason).await?;
    let note = event.message.context("it has a note")?;
    ensure!(note.contains(GENERATION), "{note}");
    for object in before {
        let left = test.secret(&object.name_any()).await?;
        ensure!(left.data == object.data, "{} has changed", left.name_any());
        ensure!(left.uid() == object.uid(), "it is another");
    }
    Ok(())
}

async fn is_gone(test: &TestNamespace, name: &str) -> Result<()> {
    let api = test.api::<MeshCA>();
    let observe = async || {
        let found = api.get_opt(name).await?;
        Ok(Observation::reached_if(found.is_none(), "it is there"))
    };
    until("the MeshCA to be gone", observe).await
}
