//! Writes the objects of a mesh and the Secret with its keys.

use std::collections::BTreeMap;
use std::fmt::Debug;

use jiff::Timestamp;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::Resource;
use kube::core::{NamespaceResourceScope, ObjectMeta};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use signet_core::mesh::rollout::{Change, Write};
use signet_core::mesh::secret::Entries;

use super::keys::{Keys, NewKey, secret_name};
use super::observe::{Found, Observed, PUT_BACK, WRITTEN};
use crate::api_error::{describe, is_missing_permission};
use crate::context::Context;
use crate::issuer_name::IssuerName;
use crate::plan::{issuer_annotations, managed_by, seconds};
use crate::writer::WriteResult;

type Annotations = BTreeMap<String, String>;

/// The MeshCA for which something is written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Owner<'a> {
    pub(crate) name: &'a IssuerName,
    pub(crate) uid: &'a str,
}

/// Writes what the mesh reads. The Secret comes last: its annotation is when everything was written.
pub(super) async fn write(
    write: &Write,
    observed: &Observed,
    owner: Owner<'_>,
    context: &Context,
) -> Result<(), String> {
    let objects = observed.mesh.write(write.contents());
    let annotations = annotations(write.change(), owner, (context.now)());
    let target = Target { owner, context };
    if let Some(name) = &observed.names.config_map {
        let data = json!(objects.config_map);
        let new = |metadata| ConfigMap {
            metadata,
            data: Some(objects.config_map.clone()),
            ..ConfigMap::default()
        };
        let found = observed.config_map.as_ref();
        target.put(name, found, &data, &annotations, new).await?;
    }
    let data = data(&objects.secret);
    let new = |metadata| Secret {
        metadata,
        data: Some(data.clone()),
        type_: Some(observed.mesh.secret_type().to_owned()),
        ..Secret::default()
    };
    let (name, found) = (&observed.names.secret, observed.secret.as_ref());
    target
        .put(name, found, &json!(data), &annotations, new)
        .await
}

impl Keys {
    /// Adds a key. An entry of that name is never overwritten.
    pub(crate) async fn add(
        &self,
        key: &NewKey,
        owner: Owner<'_>,
        context: &Context,
    ) -> Result<(), String> {
        let data = BTreeMap::from([(key.entry.clone(), ByteString(key.pem.to_vec()))]);
        let new = |metadata| Secret {
            metadata,
            data: Some(data.clone()),
            ..Secret::default()
        };
        let annotations = issuer_annotations(owner.name, owner.uid);
        let (target, name) = (Target { owner, context }, secret_name(&owner.name.name));
        let found = self.found.as_ref();
        target
            .put(&name, found, &json!(data), &annotations, new)
            .await
    }

    /// Removes keys under which no certificate can be valid.
    pub(crate) async fn remove(
        &self,
        entries: &[String],
        owner: Owner<'_>,
        context: &Context,
    ) -> Result<(), String> {
        let Some(found) = &self.found else {
            return Ok(());
        };
        let gone: serde_json::Map<_, _> = entries
            .iter()
            .map(|entry| (entry.clone(), Value::Null))
            .collect();
        let (target, name) = (Target { owner, context }, secret_name(&owner.name.name));
        let nothing = Annotations::new();
        target
            .change::<Secret>(&name, found, &Value::Object(gone), &nothing)
            .await
    }
}

fn annotations(change: &Change, owner: Owner<'_>, now: Timestamp) -> Annotations {
    let mut annotations = issuer_annotations(owner.name, owner.uid);
    let now = seconds(now).0.to_string();
    if *change == Change::PutBack {
        annotations.insert(PUT_BACK.to_owned(), now.clone());
    }
    annotations.insert(WRITTEN.to_owned(), now);
    annotations
}

fn data(entries: &Entries) -> BTreeMap<String, ByteString> {
    let entries = entries.iter();
    entries
        .map(|(name, value)| (name.to_owned(), ByteString(value.to_vec())))
        .collect()
}

/// Where something is written.
struct Target<'a> {
    owner: Owner<'a>,
    context: &'a Context,
}

impl Target<'_> {
    /// Creates an object, or changes the one that was found. Without an object in Git, it takes the
    /// permission to create it.
    async fn put<K>(
        &self,
        name: &str,
        found: Option<&Found>,
        data: &Value,
        annotations: &Annotations,
        new: impl FnOnce(ObjectMeta) -> K,
    ) -> Result<(), String>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
        K: Clone + Debug + DeserializeOwned + Serialize,
    {
        if let Some(found) = found {
            return self.change::<K>(name, found, data, annotations).await;
        }
        let namespace = &self.owner.name.namespace;
        let object = new(ObjectMeta {
            name: Some(name.to_owned()),
            namespace: Some(namespace.clone()),
            // Without an owner, because it outlives the MeshCA.
            labels: Some([managed_by()].into()),
            annotations: Some(annotations.clone()),
            ..ObjectMeta::default()
        });
        match self.context.writer.create(namespace, &object).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(conflict::<K>(name)),
            Err(error) => Err(self.failure::<K>("create", name, &error)),
        }
    }

    async fn change<K>(
        &self,
        name: &str,
        found: &Found,
        data: &Value,
        annotations: &Annotations,
    ) -> Result<(), String>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
        K: Clone + Debug + DeserializeOwned + Serialize,
    {
        let objects = self
            .context
            .writer
            .namespaced::<K>(&self.owner.name.namespace);
        let change = json!({ "metadata": { "annotations": annotations }, "data": data });
        match objects.change(name, &found.version, change).await {
            Ok(WriteResult::Done) => Ok(()),
            Ok(WriteResult::Conflict) => Err(conflict::<K>(name)),
            Err(error) => Err(self.failure::<K>("patch", name, &error)),
        }
    }

    fn failure<K: Resource<DynamicType = ()>>(
        &self,
        verb: &str,
        name: &str,
        error: &kube::Error,
    ) -> String {
        let (kind, resource) = (K::kind(&()), K::plural(&()));
        let namespace = &self.owner.name.namespace;
        match error {
            kube::Error::Api(status) if is_missing_permission(error) => {
                let instead = match verb {
                    "create" => format!(", or apply the {kind} empty and set spec.adopt"),
                    _ => String::new(),
                };
                format!(
                    "Signet may not {verb} the {kind} {name}; allow it to {verb} {resource} with a \
                     Role in the namespace {namespace}{instead}: {}",
                    status.message
                )
            }
            error => format!("cannot {verb} the {kind} {name}: {}", describe(error)),
        }
    }
}

fn conflict<K: Resource<DynamicType = ()>>(name: &str) -> String {
    format!(
        "the {} {name} was changed by another client; Signet tries again",
        K::kind(&())
    )
}
