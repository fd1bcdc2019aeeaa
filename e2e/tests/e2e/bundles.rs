//! Trust bundles in ConfigMaps and Secrets, as trust-manager and pods read them.

mod copies;
mod objects;
mod rotations;
mod trust_bundles;
mod watched;

use anyhow::Result;
use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::Api;
use kube::api::{DeleteParams, Patch, PatchParams};
use serde_json::{Value, json};
use signet_api::IssuerStatus;
use signet_api::conditions::{BUNDLE_PUBLISHED, find};
use signet_e2e::{IssuerRef, TestNamespace, spec};

pub(crate) use copies::copies_follow_the_labels_of_namespaces;
pub(crate) use objects::tests;
pub(crate) use rotations::tests as rotations;
pub(crate) use trust_bundles::tests as trust_bundles;
pub(crate) use watched::{
    trust_bundles_of_issuers_have_to_be_allowed, trust_bundles_of_kubernetes_1_36_are_v1beta1,
};

/// A self-signed root whose bundle is published like this.
fn published(secret: &str, bundle: Value) -> Value {
    let mut spec = spec::self_signed(secret);
    spec["bundle"] = bundle;
    spec
}

fn object_name(issuer: &IssuerRef) -> String {
    format!(
        "{}-{}-bundle",
        issuer.kind.as_str().to_lowercase(),
        issuer.name
    )
}

/// Waits until the condition of an issuer has a status and a reason, and returns the issuer's
/// status with the condition's message.
async fn wait(
    test: &TestNamespace,
    issuer: &IssuerRef,
    expected: (&str, &str),
) -> Result<(IssuerStatus, String)> {
    wait_until(test, issuer, expected.1, |condition| {
        (&*condition.status, &*condition.reason) == expected
    })
    .await
}

async fn wait_until(
    test: &TestNamespace,
    issuer: &IssuerRef,
    what: &str,
    holds: impl Fn(&Condition) -> bool,
) -> Result<(IssuerStatus, String)> {
    let condition = |status: &IssuerStatus| find(&status.conditions, BUNDLE_PUBLISHED).cloned();
    let is_so = |status: &IssuerStatus| condition(status).is_some_and(|it| holds(&it));
    let status = test.wait_for_status(issuer, what, is_so).await?;
    let message = condition(&status).map(|condition| condition.message);
    Ok((status, message.unwrap_or_default()))
}

/// Waits until a ConfigMap has exactly this bundle.
async fn wait_for_content(
    test: &TestNamespace,
    api: &Api<ConfigMap>,
    name: &str,
    bundle: &str,
) -> Result<ConfigMap> {
    let holds = |found: &ConfigMap| content(found) == Some(bundle);
    test.bed().wait(api, name, "up to date", holds).await
}

fn content(found: &ConfigMap) -> Option<&str> {
    Some(found.data.as_ref()?.get("ca.crt")?.as_str())
}

async fn edit(api: &Api<ConfigMap>, name: &str, change: Value) -> Result<()> {
    let params = PatchParams::default();
    api.patch(name, &params, &Patch::Merge(change)).await?;
    Ok(())
}

async fn delete(api: &Api<ConfigMap>, name: &str) -> Result<()> {
    api.delete(name, &DeleteParams::default()).await?;
    Ok(())
}

/// A ConfigMap of that name that another client has created.
fn foreign(namespace: &str, name: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": { "namespace": namespace, "name": name },
        "data": { "ca.crt": "theirs" },
    })
}
