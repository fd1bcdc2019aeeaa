//! Applying YAML to a cluster, as `kubectl apply --server-side` does.

mod delete;

use std::fmt;

use anyhow::{Context, Result};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{ApiResource, DynamicObject, Patch, PatchParams};
use kube::core::{GroupVersionKind, TypeMeta};
use kube::discovery::{Scope, pinned_kind};
use kube::runtime::wait::{await_condition, conditions};
use kube::{Api, Client, ResourceExt};
use serde::{Deserialize, Serialize};

use crate::wait::until_done;

pub use delete::delete_manifests;

/// The field manager of all that is applied.
const FIELD_MANAGER: &str = "signet-controlplane";

/// An object that was applied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Applied {
    pub api_version: String,
    pub kind: String,
    /// `None` for an object of the whole cluster.
    pub namespace: Option<String>,
    pub name: String,
    /// False if the object existed before.
    pub created: bool,
    /// `None` until the API server has it.
    pub uid: Option<String>,
}

impl Applied {
    /// An object that others will create because of what is applied. It counts as created, unless
    /// it is there already.
    pub async fn to_come(
        client: &Client,
        (api_version, kind): (&str, &str),
        namespace: Option<&str>,
        name: &str,
    ) -> Result<Self> {
        let mut object = Self {
            api_version: api_version.to_owned(),
            kind: kind.to_owned(),
            namespace: namespace.map(str::to_owned),
            name: name.to_owned(),
            created: true,
            uid: None,
        };
        if let Some(api) = api_of(client, &object).await? {
            object.created = api.get_metadata_opt(name).await?.is_none();
        }
        Ok(object)
    }

    /// Stores its UID, if that is unknown and the object exists.
    pub async fn identify(&mut self, client: &Client) -> Result<()> {
        if self.uid.is_none()
            && let Some(api) = api_of(client, self).await?
        {
            let found = api.get_metadata_opt(&self.name).await?;
            self.uid = found.and_then(|found| found.uid());
        }
        Ok(())
    }

    /// Whether both are of one kind, namespace and name.
    pub fn is_same(&self, other: &Self) -> bool {
        (&self.api_version, &self.kind, &self.namespace, &self.name)
            == (
                &other.api_version,
                &other.kind,
                &other.namespace,
                &other.name,
            )
    }
}

impl fmt::Display for Applied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{} {namespace}/{}", self.kind, self.name),
            None => write!(f, "{} {}", self.kind, self.name),
        }
    }
}

/// Applies every document of a YAML text by server-side apply, taking over fields from their
/// owners. Namespaces and CRDs go first, and the CRDs are established before their kinds are
/// used; the rest keeps its order. Objects of a namespaced kind that name no namespace get
/// `namespace`.
pub async fn apply_manifests(client: &Client, namespace: &str, yaml: &str) -> Result<Vec<Applied>> {
    let mut applied = Vec::new();
    apply_recorded(client, namespace, yaml, &mut |object| {
        if object.uid.is_some() {
            applied.push(object);
        }
        Ok(())
    })
    .await?;
    Ok(applied)
}

/// As [`apply_manifests`]. Calls `record` twice for each object: before it is applied, without a
/// UID, and once it exists, so that everything can be undone after any end. Returns the errors of
/// `record`.
pub async fn apply_recorded(
    client: &Client,
    namespace: &str,
    yaml: &str,
    record: Record<'_>,
) -> Result<()> {
    let objects = parse(yaml)?;
    let is_first = |object: &DynamicObject| matches!(kind(object), "Namespace" | CRD);
    let (first, rest): (Vec<_>, Vec<_>) = objects.into_iter().partition(is_first);
    for object in &first {
        apply(client, namespace, object, record).await?;
    }
    for definition in first.iter().filter(|object| kind(object) == CRD) {
        await_established(client, &definition.name_any()).await?;
    }
    for object in &rest {
        apply(client, namespace, object, record).await?;
    }
    Ok(())
}

/// Records an object that is applied.
pub type Record<'a> = &'a mut (dyn FnMut(Applied) -> Result<()> + Send);

/// Applies objects in their order.
pub(crate) async fn apply_objects(
    client: &Client,
    namespace: &str,
    objects: &[DynamicObject],
) -> Result<()> {
    for object in objects {
        apply(client, namespace, object, &mut |_| Ok(())).await?;
    }
    Ok(())
}

/// The objects of a YAML text; empty documents are skipped.
pub fn parse(yaml: &str) -> Result<Vec<DynamicObject>> {
    let documents: Vec<serde_json::Value> =
        serde_saphyr::from_multiple(yaml).context("invalid YAML")?;
    let objects = documents.into_iter().filter(|document| !document.is_null());
    objects
        .map(|object| serde_json::from_value(object).context("not a Kubernetes object"))
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

async fn apply(
    client: &Client,
    namespace: &str,
    object: &DynamicObject,
    record: Record<'_>,
) -> Result<()> {
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
    let before = api.get_metadata_opt(&name).await.with_context(describe)?;
    let mut applied = Applied {
        api_version: types.api_version.clone(),
        kind: types.kind.clone(),
        namespace,
        name: name.clone(),
        created: before.is_none(),
        uid: None,
    };
    record(applied.clone())?;
    let params = PatchParams::apply(FIELD_MANAGER).force();
    let patched = api.patch(&name, &params, &Patch::Apply(object)).await;
    applied.uid = patched.with_context(describe)?.uid();
    record(applied)
}

/// The API of an object's kind; `None` if the cluster does not know the kind.
async fn api_of(client: &Client, object: &Applied) -> Result<Option<Api<DynamicObject>>> {
    let types = TypeMeta {
        api_version: object.api_version.clone(),
        kind: object.kind.clone(),
    };
    match pinned_kind(client, &GroupVersionKind::try_from(types)?).await {
        Ok((resource, _)) => Ok(Some(api(client, &resource, object.namespace.as_deref()))),
        Err(kube::Error::Discovery(_)) => Ok(None),
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(None),
        Err(error) => Err(error).context("cannot discover the kinds of the cluster"),
    }
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
    until_done(format!("the CRD {name} to be established"), established).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_documents_and_skips_empty_ones() {
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
    fn rejects_text_that_is_not_an_object() {
        assert!(parse("just words").is_err());
    }
}
