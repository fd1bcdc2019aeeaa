//! Applying YAML to a cluster, as `kubectl apply --server-side` does.

use anyhow::{Context, Result};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{ApiResource, DeleteParams, DynamicObject, Patch, PatchParams};
use kube::core::{GroupVersionKind, TypeMeta};
use kube::discovery::{Scope, pinned_kind};
use kube::runtime::wait::{await_condition, conditions};
use kube::{Api, Client, ResourceExt};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The field manager of all that is applied.
const FIELD_MANAGER: &str = "signet-controlplane";
/// The API server takes a second or so to establish a CRD.
const ESTABLISHED_DEADLINE: Duration = Duration::from_secs(30);

/// An object that was applied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Applied {
    pub api_version: String,
    pub kind: String,
    /// `None` for an object of the whole cluster.
    pub namespace: Option<String>,
    pub name: String,
    /// False if the object was there before, and has at most been changed.
    pub created: bool,
}

/// Applies every document of a YAML text by server-side apply, taking fields over from whoever
/// owned them. Namespaces and CRDs go first, and the CRDs are established before their kinds are
/// used; the rest keeps its order. Objects of a namespaced kind that name no namespace get
/// `namespace`.
pub async fn apply_manifests(client: &Client, namespace: &str, yaml: &str) -> Result<Vec<Applied>> {
    let objects = parse(yaml)?;
    let is_first = |object: &DynamicObject| matches!(kind(object), "Namespace" | CRD);
    let (first, rest): (Vec<_>, Vec<_>) = objects.into_iter().partition(is_first);
    let mut applied = apply_objects(client, namespace, &first).await?;
    for definition in first.iter().filter(|object| kind(object) == CRD) {
        await_established(client, &definition.name_any()).await?;
    }
    applied.extend(apply_objects(client, namespace, &rest).await?);
    Ok(applied)
}

/// Applies objects in their order.
pub(crate) async fn apply_objects(
    client: &Client,
    namespace: &str,
    objects: &[DynamicObject],
) -> Result<Vec<Applied>> {
    let mut applied = Vec::with_capacity(objects.len());
    for object in objects {
        applied.push(apply(client, namespace, object).await?);
    }
    Ok(applied)
}

/// Deletes what was created (and not what had been there before), last first. An object that is
/// gone already is no error.
pub async fn delete_manifests(client: &Client, applied: &[Applied]) -> Result<()> {
    for object in applied.iter().rev().filter(|object| object.created) {
        let types = TypeMeta {
            api_version: object.api_version.clone(),
            kind: object.kind.clone(),
        };
        let gvk = GroupVersionKind::try_from(types)?;
        // A kind that is unknown went with its CRD, and its objects with it.
        let Ok((resource, _)) = pinned_kind(client, &gvk).await else {
            continue;
        };
        let api = api(client, &resource, object.namespace.as_deref());
        match api.delete(&object.name, &DeleteParams::background()).await {
            Err(kube::Error::Api(status)) if status.code == 404 => {}
            result => {
                result.with_context(|| format!("cannot delete {} {}", object.kind, object.name))?;
            }
        }
    }
    Ok(())
}

/// The objects of a YAML text; empty documents are passed over.
pub fn parse(yaml: &str) -> Result<Vec<DynamicObject>> {
    let documents: Vec<serde_json::Value> =
        serde_saphyr::from_multiple(yaml).context("this is no YAML")?;
    let objects = documents.into_iter().filter(|document| !document.is_null());
    objects
        .map(|object| serde_json::from_value(object).context("no Kubernetes object"))
        .collect()
}

const CRD: &str = "CustomResourceDefinition";

/// The kind of an object, empty if it has none.
pub(crate) fn kind(object: &DynamicObject) -> &str {
    object
        .types
        .as_ref()
        .map_or("", |types| types.kind.as_str())
}

async fn apply(client: &Client, namespace: &str, object: &DynamicObject) -> Result<Applied> {
    let name = object.name_any();
    let types = object
        .types
        .clone()
        .with_context(|| format!("{name} has no kind"))?;
    let describe = || format!("cannot apply {} {name}", types.kind);
    let gvk = GroupVersionKind::try_from(&types).with_context(describe)?;
    let (resource, capabilities) = pinned_kind(client, &gvk).await.with_context(describe)?;
    let namespace = (capabilities.scope == Scope::Namespaced)
        .then(|| object.namespace().unwrap_or_else(|| namespace.to_owned()));
    let api = api(client, &resource, namespace.as_deref());
    let created = api
        .get_metadata_opt(&name)
        .await
        .with_context(describe)?
        .is_none();
    let params = PatchParams::apply(FIELD_MANAGER).force();
    api.patch(&name, &params, &Patch::Apply(object))
        .await
        .with_context(describe)?;
    Ok(Applied {
        api_version: types.api_version,
        kind: types.kind,
        namespace,
        name,
        created,
    })
}

fn api(client: &Client, resource: &ApiResource, namespace: Option<&str>) -> Api<DynamicObject> {
    match namespace {
        Some(namespace) => Api::namespaced_with(client.clone(), namespace, resource),
        None => Api::all_with(client.clone(), resource),
    }
}

async fn await_established(client: &Client, name: &str) -> Result<()> {
    let definitions: Api<CustomResourceDefinition> = Api::all(client.clone());
    let established = await_condition(definitions, name, conditions::is_crd_established());
    tokio::time::timeout(ESTABLISHED_DEADLINE, established)
        .await
        .with_context(|| format!("the CRD {name} was not established"))??;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_split_and_empty_ones_passed_over() {
        let yaml = "---\n# only a comment\n---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n\
                    data:\n  x: |\n    ---\n    not a document\n---\napiVersion: v1\nkind: Secret\n\
                    metadata: {name: b}\n---\n";
        let objects = parse(yaml).unwrap();
        let names: Vec<_> = objects
            .iter()
            .map(|object| (kind(object), object.name_any()))
            .collect();
        assert_eq!(
            names,
            [("ConfigMap", "a".to_owned()), ("Secret", "b".to_owned())]
        );
        assert_eq!(objects[0].data["data"]["x"], "---\nnot a document\n");
    }

    #[test]
    fn a_text_that_is_no_object_is_refused() {
        assert!(parse("just words").is_err());
    }
}
