//! ClusterTrustBundles with an operator of the test's own: repaired by their watch, of Issuers, and on
//! a cluster of an earlier version.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::certificates::v1beta1;
use k8s_openapi::api::core::v1::Namespace;
use kube::api::{DeleteParams, Patch, PatchParams};
use kube::{Api, ResourceExt};
use serde_json::json;
use signet_api::IssuerKind::{ClusterIssuer, Issuer};
use signet_e2e::{Bed, IssuerRef, OwnBed, TestNamespace, spec, stop};
use signet_testbed::controlplane::apply_manifests;
use signet_testbed::installation::{NAMESPACE, Operator, checkout};

use super::trust_bundles::{DOMAIN, all, edit, trust_bundle_name, until_gone, wait_for_roots};
use super::wait;

/// Starts an operator that does not reconcile an issuer by itself.
async fn start_without_resyncs(bed: &Bed, flags: &[&str]) -> Result<Operator> {
    let mut options = bed.operator_options(flags);
    let mut flags = options.flags.iter_mut();
    let interval = flags.find(|flag| *flag == "--issuer-resync-interval");
    interval.context("the bed sets the interval")?;
    "1h".clone_into(flags.next().context("the flag has a value")?);
    Operator::start(&options).await
}

/// Applies the ClusterRole that the chart has with this value.
async fn allow(bed: &Bed, issuers: bool) -> Result<()> {
    let mut helm = bed.plane().cluster().helm();
    helm.args(["template", "signet"])
        .arg(Path::new(&checkout()).join("charts/signet"))
        .args(["--namespace", NAMESPACE])
        .args(["--show-only", "templates/clustertrustbundles.yaml"])
        .args(["--set", "image.repository=not-published"])
        .arg("--set")
        .arg(format!("bundles.clusterTrustBundles.issuers={issuers}"));
    let chart = signet_testbed::run(&mut helm)?;
    apply_manifests(&bed.client(), NAMESPACE, &chart).await?;
    Ok(())
}

pub(crate) async fn trust_bundles_of_issuers_have_to_be_allowed(bed: OwnBed) -> Result<()> {
    let test = TestNamespace::create(bed.bed(), "trust-bundles").await?;
    let flags = ["--issuer-cluster-trust-bundles", "true"];
    let operator = start_without_resyncs(&bed, &flags).await?;
    let issuer = without_permission(&test).await?;
    let (status, _) = {
        allow(&bed, true).await?;
        // A change of the spec begins another reconcile.
        let labels = json!({ "bundle": { "kind": "None", "labels": { "team": "pki" } } });
        test.patch_issuer(&issuer, labels).await?;
        wait(&test, &issuer, ("True", "Published")).await?
    };
    let (name, bundle) = (
        trust_bundle_name(&issuer),
        status.bundle.unwrap_or_default(),
    );
    wait_for_roots(&bed, &name, &bundle).await?;
    repaired(&test, &name, &bundle).await?;
    stop(operator).await?;
    // The flag is off again: what exists is kept up to date, as far as that is allowed.
    allow(&bed, false).await?;
    let operator = bed.start_operator(&[]).await?;
    let edited = json!({ "metadata": { "labels": { "team": null } } });
    edit(&bed, &name, edited).await?;
    let (_, message) = wait(&test, &issuer, ("False", "PermissionMissing")).await?;
    ensure!(
        message.contains("attest") && message.contains(&name),
        "{message}"
    );
    left_by_a_namespace(&bed, &test, &name).await?;
    stop(operator).await
}

/// The chart's default does not allow it, although the flag does.
async fn without_permission(test: &TestNamespace) -> Result<IssuerRef> {
    let mut spec = spec::spiffe("ca", DOMAIN);
    spec["bundle"] = json!({ "kind": "None" });
    let issuer = test.issuer(Issuer, &"c".repeat(200), spec).await?;
    let (_, message) = wait(test, &issuer, ("False", "PermissionMissing")).await?;
    let value = "bundles.clusterTrustBundles.issuers";
    ensure!(message.contains(value), "{message}");
    ensure!(message.contains(&issuer.signer_name()), "{message}");
    Ok(issuer)
}

async fn repaired(test: &TestNamespace, name: &str, bundle: &str) -> Result<()> {
    let bed = test.bed();
    let other = signet_e2e::csr::KeyKind::P256.generate()?;
    let mut params = rcgen::CertificateParams::default();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let other = params.self_signed(&other)?.pem();
    edit(bed, name, json!({ "spec": { "trustBundle": other } })).await?;
    wait_for_roots(bed, name, bundle).await?;
    let before = all(bed).get(name).await?;
    all(bed).delete(name, &DeleteParams::default()).await?;
    let is_another = |found: &k8s_openapi::api::certificates::v1::ClusterTrustBundle| {
        found.uid() != before.uid() && found.spec == before.spec
    };
    bed.wait(&all(bed), name, "created again", is_another)
        .await?;
    Ok(())
}

/// The namespace is deleted with the issuer and its generations, and the object is in no namespace.
async fn left_by_a_namespace(bed: &Bed, test: &TestNamespace, name: &str) -> Result<()> {
    let namespaces: Api<Namespace> = Api::all(bed.client());
    namespaces
        .delete(test.name(), &DeleteParams::default())
        .await?;
    until_gone(&all(bed), name).await
}

pub(crate) async fn trust_bundles_of_kubernetes_1_36_are_v1beta1(bed: OwnBed) -> Result<()> {
    let operator = start_without_resyncs(&bed, &[]).await?;
    let test = TestNamespace::create(bed.bed(), "v1beta1").await?;
    let spec = spec::spiffe(&test.unique("root"), DOMAIN);
    let issuer = test.issuer(ClusterIssuer, "corp", spec).await?;
    let (status, message) = wait(&test, &issuer, ("True", "Published")).await?;
    let name = trust_bundle_name(&issuer);
    ensure!(message.contains(&name), "{message}");
    let bundles: Api<v1beta1::ClusterTrustBundle> = Api::all(bed.client());
    let holds = |found: &v1beta1::ClusterTrustBundle| {
        Some(&found.spec.trust_bundle) == status.bundle.as_ref()
            && found.labels().contains_key("app.kubernetes.io/managed-by")
            && found.annotations().contains_key("signet.dev/issuer-uid")
    };
    bed.wait(&bundles, &name, "up to date", holds).await?;
    let edited = json!({ "metadata": { "annotations": { "signet.dev/issuer-uid": null } } });
    let params = PatchParams::default();
    bundles.patch(&name, &params, &Patch::Merge(edited)).await?;
    bed.wait(&bundles, &name, "repaired", holds).await?;
    let before = bundles.get(&name).await?.uid();
    bundles.delete(&name, &DeleteParams::default()).await?;
    let is_another = |found: &v1beta1::ClusterTrustBundle| holds(found) && found.uid() != before;
    bed.wait(&bundles, &name, "created again", is_another)
        .await?;
    stop(operator).await
}
