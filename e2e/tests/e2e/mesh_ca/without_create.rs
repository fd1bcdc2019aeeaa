//! An operator that may create Secrets only where ClusterIssuers have theirs: what it has in the
//! namespace of a mesh is a Role with `patch` on the names of the objects.

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::authorization::v1::SubjectAccessReview;
use kube::api::PostParams;
use kube::{Api, ResourceExt};
use serde_json::{Value, json};
use signet_e2e::mesh_ca::{CACERTS, Entries, Files, KEYS, Rights, UPDATED, below};
use signet_e2e::{Bed, IssuerRef, OwnBed, TestNamespace, stop};
use signet_testbed::controlplane::apply_manifests;
use signet_testbed::installation::{NAMESPACE, SERVICE_ACCOUNT, render};
use signet_testbed::wait::{Observation, until};

use super::istio_below;
use super::meshes::{ISSUER, LINKERD, TRUST_ROOTS};

/// The roles are shared by all tests of the bed, so they are as before afterwards.
pub(crate) async fn objects_from_git_are_enough_without_the_permission_to_create(
    bed: OwnBed,
) -> Result<()> {
    lets_create_secrets(&bed, false).await?;
    let outcome = with_operator(&bed).await;
    lets_create_secrets(&bed, true).await?;
    outcome
}

/// Applies the roles that the chart has with this value, and waits until they are in force.
async fn lets_create_secrets(bed: &Bed, allowed: bool) -> Result<()> {
    let set = format!("namespacedIssuers.createKeys={allowed}");
    let objects = render(bed.plane().cluster(), "rbac.yaml", &set)?;
    let objects: Vec<_> = objects.iter().map(Value::to_string).collect();
    let client = bed.client();
    apply_manifests(&client, NAMESPACE, &objects.join("\n---\n")).await?;
    let reviews: Api<SubjectAccessReview> = Api::all(client);
    let review: SubjectAccessReview = serde_json::from_value(json!({ "spec": {
        "user": format!("system:serviceaccount:{NAMESPACE}:{SERVICE_ACCOUNT}"),
        "groups": ["system:serviceaccounts", "system:authenticated"],
        "resourceAttributes": {
            "namespace": "default", "verb": "create", "resource": "secrets",
        },
    }}))?;
    let observe = async || {
        let answer = reviews.create(&PostParams::default(), &review).await?;
        let found = answer.status.context("a review has a status")?.allowed;
        Ok(Observation::reached_if(found == allowed, found))
    };
    until("the changed roles", observe).await
}

async fn with_operator(bed: &OwnBed) -> Result<()> {
    let operator = bed.start_operator(&["--issuer-key-creation=false"]).await?;
    let istio = TestNamespace::create(bed.bed(), "istio").await?;
    istio_reports_what_is_missing(&istio).await?;
    let linkerd = TestNamespace::create(bed.bed(), "linkerd").await?;
    linkerd_has_everything(&linkerd).await?;
    stop(operator).await
}

async fn create(test: &TestNamespace, rights: Rights<'_>, mut spec: Value) -> Result<IssuerRef> {
    let rights = Rights {
        create: false,
        ..rights
    };
    test.prepare_mesh(rights).await?;
    spec["adopt"] = json!(true);
    Ok(test.create_mesh_ca(spec).await?)
}

async fn put_empty(test: &TestNamespace, secret: &str) -> Result<()> {
    test.create_object(json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": { "name": secret }, "type": "Opaque",
    }))
    .await?;
    Ok(())
}

/// The objects are applied one by one, each after the message that names it. cert-manager's approver
/// runs here.
async fn istio_reports_what_is_missing(test: &TestNamespace) -> Result<()> {
    let above = test.issuer_above().await?;
    let mesh_ca = create(test, Rights::ISTIO, istio_below(&above, "3s")).await?;
    let message = test.wait_until_not_ready(&mesh_ca, "Failed").await?;
    is_named(test, KEYS, &message)?;
    put_empty(test, KEYS).await?;
    let failed = ("False", "Failed");
    let message = test.wait_for_mesh_message(&mesh_ca, failed, CACERTS);
    is_named(test, CACERTS, &message.await?)?;
    put_empty(test, CACERTS).await?;
    test.wait_until_ready(&mesh_ca).await?;
    test.wait_for_mesh(&mesh_ca, UPDATED).await?;
    let first = test.entries(CACERTS).await?;
    Files::of_istio(&first)?.check()?;

    // Another key is another entry.
    let another_key = json!({ "rotation": { "requestID": "2" } });
    test.patch_issuer(&mesh_ca, another_key).await?;
    let is_new = |now: &Entries| *now != first;
    let changed = test.wait_for_entries(CACERTS, "rotated", is_new).await?;
    Files::of_istio(&changed)?.check()?;
    let keys = test.entries(KEYS).await?;
    ensure!(keys.len() == 2, "{:?}", keys.keys());
    Ok(())
}

/// Both ways out are in the message: the permission, and the object.
fn is_named(test: &TestNamespace, secret: &str, message: &str) -> Result<()> {
    let refused = format!("Signet may not create the Secret {secret}");
    for part in [
        &*refused,
        test.name(),
        "allow it to create secrets with a Role",
        "apply the Secret empty and set spec.adopt",
    ] {
        ensure!(message.contains(part), "no {part} in {message}");
    }
    Ok(())
}

/// The type of a Secret is immutable, and this one requires entries, which may be empty.
async fn linkerd_has_everything(test: &TestNamespace) -> Result<()> {
    put_empty(test, KEYS).await?;
    let issuer = test
        .create_object(json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": { "name": ISSUER },
            "type": "kubernetes.io/tls", "data": { "tls.crt": "", "tls.key": "" },
        }))
        .await?;
    test.create_object(json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": TRUST_ROOTS },
    }))
    .await?;
    let above = test.issuer_above().await?;
    let spec = below(&above, json!({ "linkerd": {} }));
    let mesh_ca = create(test, LINKERD, spec).await?;
    test.wait_until_ready(&mesh_ca).await?;
    test.wait_for_mesh(&mesh_ca, UPDATED).await?;
    let filled = test.secret(ISSUER).await?;
    ensure!(filled.uid() == issuer.uid(), "it is the same object");
    Files::of_tls(&test.entries(ISSUER).await?)?.check()
}
