//! The object in the issuer's own namespace.

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{Api, ResourceExt};
use serde_json::{Value, json};
use signet_api::IssuerKind::{ClusterIssuer, Issuer};
use signet_api::conditions::{BUNDLE_PUBLISHED, find};
use signet_e2e::{TestNamespace, spec};
use signet_testbed::installation::{NAMESPACE, SERVICE_ACCOUNT};

use super::{
    content, delete, edit, foreign, object_name, published, wait, wait_for_content, wait_until,
};

shared![
    a_bundle_of_a_cluster_issuer_is_in_a_config_map,
    an_edited_or_deleted_object_is_repaired,
    labels_follow_the_spec,
    a_foreign_object_is_reported_and_not_overwritten,
    an_issuer_without_the_chart_value_names_the_missing_permission,
    a_bundle_in_a_secret_has_to_be_allowed,
    a_bundle_that_cannot_be_meant_is_refused,
];

async fn a_bundle_of_a_cluster_issuer_is_in_a_config_map(test: &TestNamespace) -> Result<()> {
    let spec = spec::self_signed(&test.unique("bundle"));
    let issuer = test.issuer(ClusterIssuer, "bundle", spec).await?;
    let (status, message) = wait(test, &issuer, ("True", "Published")).await?;
    let name = object_name(&issuer);
    ensure!(
        message.contains(&format!("ConfigMap {NAMESPACE}/{name}")),
        "{message}"
    );
    let maps = test.cluster_resources::<ConfigMap>();
    let map = maps.get(&name).await?;
    ensure!(content(&map) == status.bundle.as_deref(), "{map:?}");
    ensure!(map.labels()["app.kubernetes.io/managed-by"] == "signet");
    let object = Api::<signet_api::ClusterIssuer>::all(test.bed().client());
    let uid = object
        .get(&issuer.name)
        .await?
        .uid()
        .context("it has a UID")?;
    ensure!(map.annotations()["signet.dev/issuer-kind"] == "ClusterIssuer");
    ensure!(map.annotations()["signet.dev/issuer-name"] == issuer.name);
    ensure!(map.annotations()["signet.dev/issuer-uid"] == uid);

    // It stays when the issuer goes, and one that is created again takes it over.
    test.delete_issuer(&issuer).await?;
    let spec = spec::self_signed(&test.unique("bundle"));
    test.issuer(ClusterIssuer, "bundle", spec).await?;
    let taken_over = |found: &ConfigMap| found.annotations()["signet.dev/issuer-uid"] != uid;
    let after = test
        .bed()
        .wait(&maps, &name, "taken over", taken_over)
        .await?;
    ensure!(
        after.uid() == map.uid() && content(&after) == content(&map),
        "{after:?}"
    );
    Ok(())
}

async fn an_edited_or_deleted_object_is_repaired(test: &TestNamespace) -> Result<()> {
    let spec = spec::self_signed(&test.unique("repair"));
    let issuer = test.issuer(ClusterIssuer, "repair", spec).await?;
    let (status, _) = wait(test, &issuer, ("True", "Published")).await?;
    let (name, bundle) = (object_name(&issuer), status.bundle.unwrap_or_default());
    let maps = test.cluster_resources::<ConfigMap>();
    for change in [
        json!({ "data": { "ca.crt": "edited" } }),
        json!({ "data": null }),
        json!({ "metadata": { "annotations": { "signet.dev/issuer-uid": null } } }),
    ] {
        edit(&maps, &name, change).await?;
        let repaired = |found: &ConfigMap| {
            content(found) == Some(&bundle)
                && found.annotations().contains_key("signet.dev/issuer-uid")
        };
        test.bed().wait(&maps, &name, "repaired", repaired).await?;
    }
    delete(&maps, &name).await?;
    wait_for_content(test, &maps, &name, &bundle).await?;
    Ok(())
}

async fn labels_follow_the_spec(test: &TestNamespace) -> Result<()> {
    let bundle = json!({ "labels": { "example.com/trust": "corp", "team": "pki" } });
    let spec = published(&test.unique("labels"), bundle);
    let issuer = test.issuer(ClusterIssuer, "labels", spec).await?;
    let maps = test.cluster_resources::<ConfigMap>();
    let name = object_name(&issuer);
    let has = |found: &ConfigMap| found.labels().get("team").is_some_and(|team| team == "pki");
    let map = test.bed().wait(&maps, &name, "labeled", has).await?;
    ensure!(map.labels()["example.com/trust"] == "corp");
    // A label of another client stays.
    edit(
        &maps,
        &name,
        json!({ "metadata": { "labels": { "theirs": "x" } } }),
    )
    .await?;
    let change = json!({ "bundle": { "labels": { "example.com/trust": null, "team": "mesh" } } });
    test.patch_issuer(&issuer, change).await?;
    let changed = |found: &ConfigMap| {
        let labels = found.labels();
        labels.get("team").is_some_and(|team| team == "mesh")
            && !labels.contains_key("example.com/trust")
            && labels.contains_key("theirs")
    };
    test.bed()
        .wait(&maps, &name, "labeled as the spec says now", changed)
        .await?;
    Ok(())
}

async fn a_foreign_object_is_reported_and_not_overwritten(test: &TestNamespace) -> Result<()> {
    let issuer = test.issuer_ref(ClusterIssuer, "foreign");
    let (maps, name) = (test.cluster_resources::<ConfigMap>(), object_name(&issuer));
    test.create_object(foreign(NAMESPACE, &name)).await?;
    let before = maps.get(&name).await?;
    let spec = spec::self_signed(&test.unique("foreign"));
    test.issuer(ClusterIssuer, "foreign", spec).await?;
    let (status, message) = wait(test, &issuer, ("False", "ForeignObject")).await?;
    ensure!(
        message.contains(&name) && message.contains("delete it"),
        "{message}"
    );
    ensure!(status.bundle.is_some(), "the issuer itself is not affected");
    let after = maps.get(&name).await?;
    ensure!(
        after.resource_version() == before.resource_version(),
        "{after:?}"
    );
    delete(&maps, &name).await?;
    wait(test, &issuer, ("True", "Published")).await?;
    Ok(())
}

/// The owner of the namespace can grant it too.
async fn an_issuer_without_the_chart_value_names_the_missing_permission(
    test: &TestNamespace,
) -> Result<()> {
    test.root().await?;
    let issuer = test
        .issuer(Issuer, "asked", published("asked", json!({})))
        .await?;
    let (_, message) = wait(test, &issuer, ("False", "PermissionMissing")).await?;
    let expected = format!("may not create configmaps in the namespace {}", test.name());
    ensure!(message.contains(&expected), "{message}");
    ensure!(message.contains("bundles.allNamespaces"), "{message}");
    grant(test, test.name(), "configmaps", &[]).await?;
    let (status, _) = wait(test, &issuer, ("True", "Published")).await?;
    let map = test.api::<ConfigMap>().get("issuer-asked-bundle").await?;
    ensure!(content(&map) == status.bundle.as_deref());
    // One that does not ask for it has none, and no condition about it.
    let root = test.api::<signet_api::Issuer>().get("root").await?;
    let conditions = root.status.unwrap_or_default().conditions;
    ensure!(
        find(&conditions, BUNDLE_PUBLISHED).is_none(),
        "{conditions:?}"
    );
    let none = test
        .api::<ConfigMap>()
        .get_opt("issuer-root-bundle")
        .await?;
    ensure!(none.is_none(), "{none:?}");
    Ok(())
}

/// The operator may not change Secrets, unless it is allowed to, here for one by its name.
async fn a_bundle_in_a_secret_has_to_be_allowed(test: &TestNamespace) -> Result<()> {
    let spec = published(&test.unique("secret"), json!({ "kind": "Secret" }));
    let issuer = test.issuer(ClusterIssuer, "secret", spec).await?;
    let (_, message) = wait(test, &issuer, ("False", "PermissionMissing")).await?;
    ensure!(message.contains("may not patch secrets"), "{message}");
    ensure!(message.contains("bundles.secrets"), "{message}");
    let name = object_name(&issuer);
    grant(test, NAMESPACE, "secrets", &[&name]).await?;
    let (status, _) = wait(test, &issuer, ("True", "Published")).await?;
    let secrets = test.cluster_resources::<Secret>();
    let data = secrets.get(&name).await?.data.unwrap_or_default();
    ensure!(Some(data["ca.crt"].0.as_slice()) == status.bundle.as_ref().map(|it| it.as_bytes()));

    let change = json!({ "bundle": { "kind": "ConfigMap" } });
    test.patch_issuer(&issuer, change).await?;
    let moved = |it: &Condition| it.status == "True" && it.message.contains("ConfigMap");
    wait_until(test, &issuer, "moved", moved).await?;
    ensure!(
        secrets.get_opt(&name).await?.is_none(),
        "the Secret is still there"
    );
    let maps = test.cluster_resources::<ConfigMap>();
    wait_for_content(test, &maps, &name, &status.bundle.unwrap_or_default()).await?;

    test.patch_issuer(&issuer, json!({ "bundle": { "kind": "None" } }))
        .await?;
    let without = |found: &signet_api::ClusterIssuer| {
        let status = found.status.as_ref();
        status.is_some_and(|status| find(&status.conditions, BUNDLE_PUBLISHED).is_none())
    };
    let issuers: Api<signet_api::ClusterIssuer> = Api::all(test.bed().client());
    test.bed()
        .wait(&issuers, &issuer.name, "unpublished", without)
        .await?;
    ensure!(
        maps.get_opt(&name).await?.is_none(),
        "the ConfigMap is still there"
    );
    Ok(())
}

async fn a_bundle_that_cannot_be_meant_is_refused(test: &TestNamespace) -> Result<()> {
    let many: std::collections::BTreeMap<_, _> =
        (0..17).map(|number| (number.to_string(), "x")).collect();
    let expression =
        |expression: Value| json!({ "namespaceSelector": { "matchExpressions": [expression] } });
    for (kind, bundle, message) in [
        (
            Issuer,
            json!({ "namespaceSelector": {} }),
            "is for ClusterIssuers",
        ),
        (Issuer, json!({ "kind": "Other" }), "Unsupported value"),
        (
            ClusterIssuer,
            json!({ "kind": "Secret", "namespaceSelector": {} }),
            "copies are ConfigMaps",
        ),
        (
            ClusterIssuer,
            json!({ "kind": "None", "clusterTrustBundle": false, "labels": { "team": "pki" } }),
            "publishes nothing",
        ),
        (
            ClusterIssuer,
            json!({ "labels": { "app.kubernetes.io/managed-by": "Helm" } }),
            "is set by Signet",
        ),
        (
            ClusterIssuer,
            json!({ "labels": { "a b": "x" } }),
            "a label's key is",
        ),
        (
            ClusterIssuer,
            json!({ "labels": { "team": "-" } }),
            "spec.bundle.labels",
        ),
        (
            ClusterIssuer,
            json!({ "labels": many }),
            "must have at most 16 items",
        ),
        (
            ClusterIssuer,
            expression(json!({ "key": "a", "operator": "In" })),
            "In and NotIn require values",
        ),
        (
            ClusterIssuer,
            expression(json!({ "key": "a", "operator": "Exists", "values": ["x"] })),
            "Exists and DoesNotExist have none",
        ),
        (
            ClusterIssuer,
            expression(json!({ "key": "a/", "operator": "Exists" })),
            "a label's key is",
        ),
    ] {
        let spec = published("key", bundle.clone());
        let refused = test.create_issuer(kind, "wrong", spec).await.err();
        let refused = refused.with_context(|| format!("{bundle} was taken"))?;
        ensure!(refused.to_string().contains(message), "{bundle}: {refused}");
    }
    Ok(())
}

/// Allows the operator to write objects in a namespace, all or these.
pub(super) async fn grant(
    test: &TestNamespace,
    namespace: &str,
    resource: &str,
    names: &[&str],
) -> Result<()> {
    let api = "rbac.authorization.k8s.io";
    let name = test.unique("bundle");
    let mut rule = json!({
        "apiGroups": [""], "resources": [resource], "verbs": ["create", "patch", "delete"],
    });
    if !names.is_empty() {
        rule["resourceNames"] = json!(names);
    }
    let object = |kind: &str, more: Value| {
        let mut object = json!({
            "apiVersion": format!("{api}/v1"), "kind": kind,
            "metadata": { "name": name, "namespace": namespace },
        });
        for (key, value) in more.as_object().into_iter().flatten() {
            object[key] = value.clone();
        }
        object
    };
    test.create_object(object("Role", json!({ "rules": [rule] })))
        .await?;
    let binding = json!({
        "roleRef": { "apiGroup": api, "kind": "Role", "name": name },
        "subjects": [{
            "kind": "ServiceAccount", "name": SERVICE_ACCOUNT, "namespace": NAMESPACE,
        }],
    });
    test.create_object(object("RoleBinding", binding)).await?;
    Ok(())
}
