//! An issuer that is deleted, and one that can no longer be read.

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::Api;
use kube::api::{DynamicObject, Patch, PatchParams};
use serde_json::{Value, json};
use signet_api::Issuer as Object;
use signet_api::IssuerKind::ClusterIssuer;
use signet_e2e::csr::Csr;
use signet_e2e::{Ask, IssuerRef, OwnBed, TestNamespace, spec, stop, until_admin_returns};
use signet_testbed::wait::Observation::{self, Progress, Reached};
use signet_testbed::wait::until;

shared![
    a_deletion_is_reported_and_a_recreated_issuer_continues,
    the_bundle_stays_until_the_last_certificate_has_expired,
];

async fn a_deletion_is_reported_and_a_recreated_issuer_continues(
    test: &TestNamespace,
) -> Result<()> {
    let issuer = test.root().await?;
    let before = test.wait_until_ready(&issuer).await?;
    let object = test.api::<Object>().get("root").await?;
    test.delete_issuer(&issuer).await?;
    let reason = "DeletedWithValidCertificates";
    let event = test.bed().wait_for_event(&object, reason).await?;
    let note = event.message.unwrap_or_default();
    ensure!(note.contains("issuer-root-1"), "{note}");
    let again = test.root().await?;
    let after = test.wait_until_ready(&again).await?;
    ensure!(
        before.ca[0].fingerprint == after.ca[0].fingerprint,
        "the same CA: {after:?}"
    );
    let object = test.api::<Object>().get("root").await?;
    let event = test.bed().wait_for_event(&object, "Adopted").await?;
    let note = event.message.unwrap_or_default();
    ensure!(note.contains("issuer-root-1"), "{note}");
    Ok(())
}

async fn the_bundle_stays_until_the_last_certificate_has_expired(
    test: &TestNamespace,
) -> Result<()> {
    let mut spec = spec::self_signed(&test.unique("short"));
    spec["certificate"]["selfSigned"]["duration"] = json!("40s");
    let issuer = test.issuer(ClusterIssuer, "short", spec).await?;
    let bundles: Api<ConfigMap> = test.cluster_resources();
    let name = format!("clusterissuer-{}-bundle", issuer.name);
    let status = test.wait_until_ready(&issuer).await?;
    let ends = status.ca.iter().filter_map(|ca| ca.not_after.as_ref());
    let end = ends.map(|at| at.0).min().context("it has a CA")?;
    test.delete_issuer(&issuer).await?;
    let observe = async || {
        let exists = bundles.get_opt(&name).await?.is_some();
        Ok(Observation::reached_if(!exists, "the bundle is there"))
    };
    until("the bundle of a deleted issuer to be deleted", observe).await?;
    let now = jiff::Timestamp::now();
    ensure!(end <= now, "it was deleted at {now}, before {end}");
    Ok(())
}

/// A watch that was down reports no deletion.
pub(crate) async fn an_issuer_that_was_deleted_meanwhile_signs_nothing(bed: OwnBed) -> Result<()> {
    let operator = bed.start_operator(&[]).await?;
    let test = TestNamespace::create(bed.bed(), "meanwhile").await?;
    let issuer = test.root().await?;
    operator.kill()?;
    test.delete_issuer(&issuer).await?;
    let operator = bed.start_operator(&[]).await?;
    let csr = Csr::for_dns("shop.example")?;
    let request = test.ask(&Ask::new(&issuer, &csr)).await?;
    test.pending(&request, "IssuerNotFound").await?;
    let own = format!("issuer_namespace=\"{}\"", test.name());
    let shows = |(_, text): (u16, &str)| {
        let counts = |line: &str| {
            let count = line.strip_prefix("signet_orphaned_ca_generations ");
            count.is_some_and(|count| count != "0")
        };
        text.lines().any(counts)
            && !text
                .lines()
                .any(|line| line.starts_with("signet_issuer_ready") && line.contains(&own))
    };
    until_admin_returns(&operator, "/metrics", shows).await?;
    stop(operator).await
}

/// A CRD of another version lets through what this one cannot read.
pub(crate) async fn an_issuer_that_cannot_be_read_is_stalled_and_signs_nothing(
    bed: OwnBed,
) -> Result<()> {
    let operator = bed.start_operator(&[]).await?;
    let test = TestNamespace::create(bed.bed(), "unreadable").await?;
    let issuer = test.root().await?;
    let crds: Api<CustomResourceDefinition> = Api::all(bed.client());
    let before = crds.get("issuers.signet.dev").await?;
    let checked = async {
        loosen(&crds, &before).await?;
        break_spec(&test, &issuer).await?;
        let message = stalled(&test, &issuer).await?;
        ensure!(message.contains("does not match the schema"), "{message}");
        let csr = Csr::for_dns("shop.example")?;
        let request = test.ask(&Ask::new(&issuer, &csr)).await?;
        test.pending(&request, "IssuerNotReady").await?;
        test.delete_issuer(&issuer).await
    };
    let checked = checked.await;
    replace(
        &crds,
        &before,
        before.spec.versions[0].schema.clone().map(|it| json!(it)),
    )
    .await?;
    checked?;
    stop(operator).await
}

/// Users who may change an issuer may write a time that the API server stores and that the operator
/// cannot read. That stops nothing, neither in a watch nor in the listing of a new leader.
pub(crate) async fn a_time_that_cannot_be_read_stops_no_other_issuer(bed: OwnBed) -> Result<()> {
    let operator = bed.start_operator(&[]).await?;
    let tenant = TestNamespace::create(bed.bed(), "times").await?;
    let other = TestNamespace::create(bed.bed(), "others").await?;
    write_last_second(&tenant, &tenant.root().await?).await?;
    let issuer = other.root().await?;
    other.obtain(&issuer).await?;
    stop(operator).await?;
    let operator = bed.start_operator(&[]).await?;
    other.obtain(&issuer).await?;
    stop(operator).await
}

async fn write_last_second(test: &TestNamespace, issuer: &IssuerRef) -> Result<()> {
    const TIME: &str = "9999-12-31T23:59:59Z";
    let client = test.bed().client();
    let namespace = test.name();
    let path = format!(
        "/apis/signet.dev/v1alpha1/namespaces/{namespace}/issuers/{}",
        issuer.name
    );
    let get = http::Request::get(&path).body(Vec::new())?;
    let mut object: Value = client.request(get).await?;
    object["metadata"]["managedFields"][0]["time"] = json!(TIME);
    object["metadata"]["annotations"] = json!({ "changed": "true" });
    let put = http::Request::put(&path).header("content-type", "application/json");
    let written: Value = client
        .request(put.body(serde_json::to_vec(&object)?)?)
        .await?;
    let fields = written["metadata"]["managedFields"].to_string();
    ensure!(fields.contains(TIME), "{fields}");
    Ok(())
}

async fn loosen(
    crds: &Api<CustomResourceDefinition>,
    crd: &CustomResourceDefinition,
) -> Result<()> {
    let schema = json!({ "openAPIV3Schema": {
        "type": "object", "x-kubernetes-preserve-unknown-fields": true,
    } });
    replace(crds, crd, Some(schema)).await
}

async fn replace(
    crds: &Api<CustomResourceDefinition>,
    crd: &CustomResourceDefinition,
    schema: Option<Value>,
) -> Result<()> {
    let mut versions = json!(crd.spec.versions);
    versions[0]["schema"] = json!(schema);
    let patch = Patch::Merge(json!({ "spec": { "versions": versions } }));
    let name = crd.metadata.name.as_deref().unwrap_or_default();
    crds.patch(name, &PatchParams::default(), &patch).await?;
    Ok(())
}

/// Breaks the spec as soon as the API server takes it.
async fn break_spec(test: &TestNamespace, issuer: &IssuerRef) -> Result<()> {
    let observe = async || {
        let broken = test
            .patch_issuer(issuer, json!({ "keyLimits": "many" }))
            .await;
        Ok(match broken {
            Ok(()) | Err(kube::Error::SerdeError(_)) => Reached(()),
            Err(error) => Progress(error.to_string()),
        })
    };
    until("the API server to take a broken spec", observe).await
}

/// Waits until an issuer that cannot be parsed is stalled, and returns the message.
async fn stalled(test: &TestNamespace, issuer: &IssuerRef) -> Result<String> {
    let resource = kube::api::ApiResource::erase::<Object>(&());
    let api: Api<DynamicObject> = Api::namespaced_with(test.bed().client(), test.name(), &resource);
    let observe = async || {
        let found = api.get(&issuer.name).await?;
        let conditions = found.data["status"]["conditions"].as_array().cloned();
        let is = |one: &Value, expected: (&str, &str)| {
            (one["type"].as_str(), one["status"].as_str()) == (Some(expected.0), Some(expected.1))
        };
        let conditions = conditions.unwrap_or_default();
        let not_ready = conditions.iter().any(|one| is(one, ("Ready", "False")));
        let stalled = conditions.iter().find(|one| is(one, ("Stalled", "True")));
        Ok(match stalled.filter(|_| not_ready) {
            Some(stalled) => Reached(stalled["message"].as_str().unwrap_or_default().to_owned()),
            None => Progress(format!("{conditions:?}")),
        })
    };
    until("an issuer that cannot be read to be stalled", observe).await
}
