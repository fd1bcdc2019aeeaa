//! Roots that a spec lists, in an object that changes.

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;
use kube::api::{DeleteParams, Patch, PatchParams};
use serde_json::json;
use signet_api::Issuer as Object;
use signet_api::IssuerKind::Issuer;
use signet_api::conditions::{READY, find, is_true};
use signet_e2e::csr::Csr;
use signet_e2e::{Ask, TestNamespace, spec};

shared![listed_roots_are_published_and_follow_the_config_map];

/// The root of another issuer.
async fn other_root(test: &TestNamespace, name: &str) -> Result<String> {
    test.issuer(Issuer, name, spec::self_signed(name)).await?;
    let found = test.api::<Object>().get(name).await?;
    let bundle = found.status.and_then(|status| status.bundle);
    bundle.context("it has a bundle")
}

/// Waits until the issuer trusts exactly these roots, and is ready.
async fn trusts(test: &TestNamespace, roots: &[&str]) -> Result<Object> {
    let what = format!("trusting {} roots", roots.len());
    let holds = |found: &Object| {
        let status = found.status.as_ref();
        status.is_some_and(|status| {
            let bundle = status.bundle.as_deref().unwrap_or_default();
            let number = bundle.matches("BEGIN CERTIFICATE").count();
            is_true(&status.conditions, READY)
                && number == roots.len()
                && roots.iter().all(|root| bundle.contains(root))
        })
    };
    test.bed().wait(&test.api(), "ca", &what, holds).await
}

async fn listed_roots_are_published_and_follow_the_config_map(test: &TestNamespace) -> Result<()> {
    let (first, second) = (
        other_root(test, "first").await?,
        other_root(test, "second").await?,
    );
    let mut spec = spec::self_signed("ca");
    spec["certificate"]["trustedRoots"] = json!({ "configMapName": "roots" });
    // It does not exist yet, and the issuer signs.
    let issuer = test.issuer(Issuer, "ca", spec).await?;
    let found = test.api::<Object>().get("ca").await?;
    let own = found
        .status
        .as_ref()
        .and_then(|status| status.bundle.clone());
    let own = own.context("it has a root of its own")?;
    let conditions = found.status.map(|status| status.conditions);
    let conditions = conditions.unwrap_or_default();
    let message = find(&conditions, READY).map(|ready| ready.message.as_str());
    let missing = "the ConfigMap roots, which spec.certificate.trustedRoots names, does not exist";
    ensure!(
        message.is_some_and(|it| it.contains(missing)),
        "{message:?}"
    );

    test.create_object(json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "roots" },
        "data": { "ca.crt": first },
    }))
    .await?;
    trusts(test, &[&own, &first]).await?;
    let csr = Csr::for_dns("shop.example")?;
    let issued = test.issue(&Ask::new(&issuer, &csr), &csr).await?;
    ensure!(issued.roots.len() == 2, "{:?}", issued.roots);
    ensure!(issued.roots_pem.starts_with(&own), "its own root is first");

    let config_maps: Api<ConfigMap> = test.api();
    let change = json!({ "data": { "ca.crt": second } });
    config_maps
        .patch("roots", &PatchParams::default(), &Patch::Merge(change))
        .await?;
    let followed = trusts(test, &[&own, &second]).await?;
    let generations = followed.status.map(|status| status.ca.len());
    ensure!(generations == Some(1), "a list starts no generation");

    config_maps
        .delete("roots", &DeleteParams::default())
        .await?;
    let reported = |found: &Object| {
        let status = found.status.as_ref();
        let ready = status.and_then(|status| find(&status.conditions, READY));
        ready.is_some_and(|ready| ready.message.contains(missing))
    };
    test.bed()
        .wait(&test.api(), "ca", "reporting the deletion", reported)
        .await?;
    trusts(test, &[&own, &second]).await?;
    Ok(())
}
