//! Copies in namespaces that a selector selects, with the chart value that allows them. On the
//! second control plane, whose operator may then write ConfigMaps in all namespaces.

use std::path::Path;

use anyhow::{Result, ensure};
use k8s_openapi::api::core::v1::{ConfigMap, Namespace};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::api::{Patch, PatchParams};
use kube::{Api, ResourceExt};
use serde_json::json;
use signet_api::IssuerKind::{ClusterIssuer, Issuer};
use signet_e2e::{Bed, IssuerRef, OwnBed, TestNamespace, spec};
use signet_testbed::controlplane::{apply_manifests, delete_manifests};
use signet_testbed::installation::{NAMESPACE, checkout};

use super::{content, edit, foreign, object_name, published, wait, wait_for_content, wait_until};

pub(crate) async fn copies_follow_the_labels_of_namespaces(bed: OwnBed) -> Result<()> {
    let client = bed.client();
    let allowed = apply_manifests(&client, NAMESPACE, &chart(&bed)?).await?;
    let operator = bed
        .start_operator(&["--bundles-in-all-namespaces", "true"])
        .await?;
    let first = TestNamespace::create(bed.bed(), "copies").await?;
    let second = TestNamespace::create(bed.bed(), "copies").await?;
    let issuer = selecting(&first).await?;
    copies(&issuer, &first, &second).await?;
    by_default(&second).await?;
    let status = operator.stop().await?;
    ensure!(status.success(), "it ended with {status}");
    // The other tests of this control plane run as the chart has it by default.
    delete_manifests(&client, &allowed).await
}

/// The Role and the ClusterRole that the chart has for bundles.
fn chart(bed: &Bed) -> Result<String> {
    let mut helm = bed.plane().cluster().helm();
    helm.args(["template", "signet"])
        .arg(Path::new(&checkout()).join("charts/signet"))
        .args(["--namespace", NAMESPACE])
        .args(["--show-only", "templates/bundles.yaml"])
        .args(["--set", "image.repository=not-published"])
        .args(["--set", "bundles.allNamespaces=true"]);
    signet_testbed::run(&mut helm)
}

/// An issuer with copies in the namespaces that have its name as a label.
async fn selecting(test: &TestNamespace) -> Result<IssuerRef> {
    let issuer = test.issuer_ref(ClusterIssuer, "copied");
    let bundle = json!({
        "labels": { "trust": "corp" },
        "namespaceSelector": { "matchLabels": { "copied": issuer.name } },
    });
    let spec = published(&test.unique("copied"), bundle);
    test.issuer(ClusterIssuer, "copied", spec).await
}

async fn label(test: &TestNamespace, value: Option<&str>) -> Result<()> {
    let namespaces: Api<Namespace> = Api::all(test.bed().client());
    let change = json!({ "metadata": { "labels": { "copied": value } } });
    let params = PatchParams::default();
    namespaces
        .patch(test.name(), &params, &Patch::Merge(change))
        .await?;
    Ok(())
}

async fn copies(issuer: &IssuerRef, first: &TestNamespace, second: &TestNamespace) -> Result<()> {
    let name = object_name(issuer);
    let (status, _) = wait(first, issuer, ("True", "Published")).await?;
    let bundle = status.bundle.unwrap_or_default();
    let (ours, theirs) = (first.api::<ConfigMap>(), second.api::<ConfigMap>());
    second.create_object(foreign(second.name(), &name)).await?;
    for test in [first, second] {
        label(test, Some(&issuer.name)).await?;
    }
    wait_for_content(first, &ours, &name, &bundle).await?;
    // They are applied after the object was created.
    let has_labels = |found: &ConfigMap| found.labels().get("trust").is_some_and(|it| it == "corp");
    let bed = first.bed();
    bed.wait(&ours, &name, "labeled", has_labels).await?;
    // A tenant's object is reported and stays, and the bundle counts as published.
    let (_, message) = wait(first, issuer, ("True", "CopiesIncomplete")).await?;
    ensure!(
        message.contains(&format!("{}/{name}", second.name())),
        "{message}"
    );
    let stays = theirs.get(&name).await?;
    ensure!(content(&stays) == Some("theirs"), "{stays:?}");
    super::delete(&theirs, &name).await?;
    wait_for_content(second, &theirs, &name, &bundle).await?;
    let complete = bed.wait(&theirs, &name, "labeled", has_labels).await?;

    edit(&ours, &name, json!({ "data": { "ca.crt": "edited" } })).await?;
    wait_for_content(first, &ours, &name, &bundle).await?;
    label(first, None).await?;
    let is_one = |it: &Condition| it.reason == "Published" && it.message.ends_with("copies: 1");
    wait_until(first, issuer, "published with one copy", is_one).await?;
    ensure!(
        ours.get_opt(&name).await?.is_none(),
        "the copy is still there"
    );
    // One that is as it should be is not written.
    let untouched = theirs.get(&name).await?.resource_version();
    ensure!(untouched == complete.resource_version(), "it was written");
    // Without a selector, no copy is left.
    let change = json!({ "bundle": { "namespaceSelector": null } });
    first.patch_issuer(issuer, change).await?;
    let has_none = |it: &Condition| it.reason == "Published" && !it.message.contains("copies");
    wait_until(first, issuer, "published without copies", has_none).await?;
    ensure!(
        theirs.get_opt(&name).await?.is_none(),
        "the copy is still there"
    );
    Ok(())
}

/// With the chart value, an Issuer has an object without asking for one.
async fn by_default(test: &TestNamespace) -> Result<()> {
    let issuer = test.issuer(Issuer, "own", spec::self_signed("own")).await?;
    let (status, _) = wait(test, &issuer, ("True", "Published")).await?;
    let map = test.api::<ConfigMap>().get("issuer-own-bundle").await?;
    ensure!(content(&map) == status.bundle.as_deref(), "{map:?}");
    Ok(())
}
