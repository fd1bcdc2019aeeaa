//! Objects that are not Signet's, and meshes that run with another CA, are not touched.

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};
use signet_e2e::mesh_ca::{CACERTS, CERTIFICATE, Files, KEY, KEYS, ROOTS, Rights, UPDATED};
use signet_e2e::{IssuerRef, TestNamespace};

use super::{existing_ca, istio_below};

shared![
    a_secret_of_someone_else_is_not_touched_without_adopt,
    a_secret_with_another_manager_is_not_adopted,
    a_secret_that_istiod_cannot_use_is_not_adopted,
    a_mesh_that_runs_with_another_ca_gets_none,
    a_missing_permission_is_named,
    a_suspended_mesh_ca_writes_nothing,
];

const FOREIGN: (&str, &str) = ("False", "ForeignObject");

/// A Secret `cacerts` with a CA that signed itself, and whatever else is in it.
async fn put_existing(test: &TestNamespace, more: &[(&str, &str)]) -> Result<()> {
    let (certificate, key) = existing_ca()?;
    let own = [
        (CERTIFICATE, &*certificate),
        (KEY, &*key),
        ("cert-chain.pem", ""),
        (ROOTS, &*certificate),
    ];
    let all: Vec<_> = own.into_iter().chain(more.iter().copied()).collect();
    test.put_own_secret(CACERTS, &all).await
}

async fn create(test: &TestNamespace, adopt: bool) -> Result<IssuerRef> {
    test.prepare_mesh(Rights::ISTIO).await?;
    let mut spec = istio_below(&test.issuer_above().await?, "3s");
    spec["adopt"] = json!(adopt);
    Ok(test.create_mesh_ca(spec).await?)
}

/// Requires that nothing has changed in a Secret.
async fn is_untouched(test: &TestNamespace, before: &Secret) -> Result<()> {
    let after = test.secret(&before.name_any()).await?;
    ensure!(
        after.resource_version() == before.resource_version(),
        "it was written: {:?}",
        after.managed_fields()
    );
    Ok(())
}

async fn a_secret_of_someone_else_is_not_touched_without_adopt(test: &TestNamespace) -> Result<()> {
    put_existing(test, &[]).await?;
    let before = test.secret(CACERTS).await?;
    let mesh_ca = create(test, false).await?;
    test.approving(&mesh_ca, async {
        let message = test.wait_for_mesh(&mesh_ca, FOREIGN).await?;
        ensure!(message.contains("spec.adopt"), "{message}");
        ensure!(message.contains(CACERTS), "{message}");
        test.wait_until_not_ready(&mesh_ca, FOREIGN.1).await?;
        is_untouched(test, &before).await
    })
    .await
}

/// Changes `cacerts`, and returns it.
async fn patch(test: &TestNamespace, change: Value) -> Result<Secret> {
    let secrets = test.api::<Secret>();
    let params = PatchParams::default();
    Ok(secrets
        .patch(CACERTS, &params, &Patch::Merge(change))
        .await?)
}

/// Its manager would write it back. Each is refused until it is gone; the next one comes in the same
/// write, so that the Secret is never free.
async fn a_secret_with_another_manager_is_not_adopted(test: &TestNamespace) -> Result<()> {
    let cases = [
        ("cert-manager.io/certificate-name", "cert-manager"),
        ("meta.helm.sh/release-name", "Helm"),
        ("argocd.argoproj.io/tracking-id", "Argo CD"),
    ];
    put_existing(test, &[]).await?;
    let owner = owner(test).await?;
    let metadata = |annotation: &str, value: Value, owners: &Value| {
        json!({ "metadata": {
            "annotations": { annotation: value }, "ownerReferences": owners,
        } })
    };
    patch(test, metadata(cases[0].0, json!("istio"), &Value::Null)).await?;
    let mesh_ca = create(test, true).await?;
    test.approving(&mesh_ca, async {
        for (annotation, manager) in cases {
            let annotated = metadata(annotation, json!("istio"), &Value::Null);
            let owned = metadata(annotation, Value::Null, &owner);
            for (change, part) in [(annotated, manager), (owned, "owner")] {
                let before = patch(test, change).await?;
                test.wait_for_mesh_message(&mesh_ca, FOREIGN, part).await?;
                is_untouched(test, &before).await?;
            }
        }
        patch(test, json!({ "metadata": { "ownerReferences": null } })).await?;
        test.wait_for_mesh(&mesh_ca, UPDATED).await.map(drop)
    })
    .await
}

/// Owner references to an object that exists, so that the Secret is not collected.
async fn owner(test: &TestNamespace) -> Result<Value> {
    let owner = test
        .create_object(json!({
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "owner" },
        }))
        .await?;
    let uid = owner.uid().context("it has a UID")?;
    Ok(json!([{ "apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": uid }]))
}

async fn a_secret_that_istiod_cannot_use_is_not_adopted(test: &TestNamespace) -> Result<()> {
    put_existing(test, &[("istio-generated", "")]).await?;
    let before = test.secret(CACERTS).await?;
    let mesh_ca = create(test, true).await?;
    let invalid = ("False", "InvalidObject");
    test.approving(&mesh_ca, async {
        test.wait_for_mesh_message(&mesh_ca, invalid, "istio-generated")
            .await?;
        is_untouched(test, &before).await?;
        let partial = json!({ "data": { "istio-generated": null, KEY: null } });
        let before = patch(test, partial).await?;
        test.wait_for_mesh_message(&mesh_ca, invalid, KEY).await?;
        is_untouched(test, &before).await?;
        put_existing(test, &[]).await?;
        test.wait_for_mesh(&mesh_ca, UPDATED).await.map(drop)
    })
    .await
}

/// istiod's own CA has signed, and running proxies would refuse what is below another root.
async fn a_mesh_that_runs_with_another_ca_gets_none(test: &TestNamespace) -> Result<()> {
    test.istiod_shows(&existing_ca()?.0).await?;
    let mesh_ca = create(test, false).await?;
    test.approving(&mesh_ca, async {
        let message = test.wait_for_mesh(&mesh_ca, ("False", "OtherCA")).await?;
        ensure!(message.contains("spec.adopt"), "{message}");
        test.wait_until_not_ready(&mesh_ca, "OtherCA").await?;
        let found = test.api::<Secret>().get_opt(CACERTS).await?;
        ensure!(found.is_none(), "{CACERTS} was written");
        Ok(())
    })
    .await
}

/// Without it, the mesh has no CA, and the message says what to grant.
async fn a_missing_permission_is_named(test: &TestNamespace) -> Result<()> {
    let rights = Rights {
        secrets: &[KEYS],
        ..Rights::ISTIO
    };
    test.prepare_mesh(rights).await?;
    let spec = istio_below(&test.issuer_above().await?, "3s");
    let mesh_ca = test.create_mesh_ca(spec).await?;
    test.approving(&mesh_ca, async {
        // It is created without the right to change it.
        test.wait_for_mesh(&mesh_ca, UPDATED).await?;
        let another_key = json!({ "rotation": { "requestID": "2" } });
        test.patch_issuer(&mesh_ca, another_key).await?;
        let message = test.wait_for_mesh(&mesh_ca, ("False", "Failed")).await?;
        for part in ["patch", "secrets", test.name()] {
            ensure!(message.contains(part), "no {part} in {message}");
        }
        // It signs with what it has.
        test.wait_until_ready(&mesh_ca).await?;
        let rights = Rights {
            create: false,
            ..Rights::ISTIO
        };
        test.lets_signet_write("granted", rights).await?;
        test.wait_for_mesh(&mesh_ca, UPDATED).await?;
        Files::of_istio(&test.entries(CACERTS).await?)?.check()
    })
    .await
}

async fn a_suspended_mesh_ca_writes_nothing(test: &TestNamespace) -> Result<()> {
    test.prepare_mesh(Rights::ISTIO).await?;
    let mut spec = istio_below(&test.issuer_above().await?, "3s");
    spec["suspend"] = json!(true);
    let mesh_ca = test.create_mesh_ca(spec).await?;
    test.wait_until_not_ready(&mesh_ca, "Suspended").await?;
    let found = test.api::<Secret>().get_opt(CACERTS).await?;
    ensure!(found.is_none(), "{CACERTS} was written");
    test.patch_issuer(&mesh_ca, json!({ "suspend": false }))
        .await?;
    test.approving(&mesh_ca, async {
        test.wait_for_mesh(&mesh_ca, UPDATED).await.map(drop)
    })
    .await
}
