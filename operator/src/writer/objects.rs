//! Objects that Signet creates.

use std::fmt::Debug;

use kube::api::{ApiResource, DeleteParams, Patch, PatchParams, PostParams, Preconditions};
use kube::core::NamespaceResourceScope;
use kube::{Api, Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{WriteResult, Writer};
use crate::api_error::is_namespace_terminating;
use crate::plan::FIELD_MANAGER;

/// What identifies an object at one time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ObjectVersion {
    pub uid: String,
    pub resource_version: String,
}

/// The objects of a kind in one namespace, or of the whole cluster, for writing.
pub struct Objects<'a, K> {
    writer: &'a Writer,
    api: Api<K>,
    /// Empty for objects of the whole cluster.
    namespace: &'a str,
}

impl Writer {
    /// Returns the objects of a kind in a namespace.
    pub fn namespaced<'a, K>(&'a self, namespace: &'a str) -> Objects<'a, K>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
    {
        Objects {
            writer: self,
            api: Api::namespaced(self.client.clone(), namespace),
            namespace,
        }
    }

    /// Returns the objects of a kind that are in no namespace, in the version of `resource`.
    pub fn of_cluster<K>(&self, resource: &ApiResource) -> Objects<'_, K>
    where
        K: Resource<DynamicType = ApiResource>,
    {
        Objects {
            writer: self,
            api: Api::all_with(self.client.clone(), resource),
            namespace: "",
        }
    }

    /// Creates an object, and returns whether it did. An existing object is never overwritten.
    pub async fn create<K>(&self, namespace: &str, object: &K) -> Result<bool, kube::Error>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
        K: Clone + Debug + DeserializeOwned + Serialize,
    {
        let created = self.namespaced::<K>(namespace).create(object).await?;
        Ok(created.is_some())
    }
}

impl<K> Objects<'_, K>
where
    K: Resource + Clone + Debug + DeserializeOwned,
{
    /// Creates an object, and returns its version; none if an object of that name exists, which is
    /// never overwritten.
    pub async fn create(&self, object: &K) -> Result<Option<ObjectVersion>, kube::Error>
    where
        K: Serialize,
    {
        let params = PostParams {
            field_manager: Some(FIELD_MANAGER.to_owned()),
            ..PostParams::default()
        };
        let terminating = &self.writer.terminating;
        match self.api.create(&params, object).await {
            Ok(created) => {
                terminating.forget(self.namespace);
                Ok(Some(ObjectVersion {
                    uid: created.uid().unwrap_or_default(),
                    resource_version: created.resource_version().unwrap_or_default(),
                }))
            }
            Err(kube::Error::Api(answer)) if answer.is_already_exists() => Ok(None),
            Err(error) => {
                if is_namespace_terminating(&error) {
                    terminating.log(self.namespace);
                }
                Err(error)
            }
        }
    }

    /// Applies an object that Signet created. It contains the UID and the resourceVersion, so that
    /// neither an object that took its name meanwhile nor a newer state is overwritten.
    pub async fn apply(&self, name: &str, object: &K) -> Result<WriteResult, kube::Error>
    where
        K: Serialize,
    {
        let params = PatchParams::apply(FIELD_MANAGER).force();
        self.patch(name, &params, &Patch::Apply(object)).await
    }

    /// Changes these fields of an object in the state that was read (RFC 7396), and no others.
    pub async fn change(
        &self,
        name: &str,
        version: &ObjectVersion,
        mut change: Value,
    ) -> Result<WriteResult, kube::Error> {
        change["metadata"]["uid"] = json!(version.uid);
        change["metadata"]["resourceVersion"] = json!(version.resource_version);
        let params = PatchParams {
            field_manager: Some(FIELD_MANAGER.to_owned()),
            ..PatchParams::default()
        };
        self.patch(name, &params, &Patch::Merge(change)).await
    }

    async fn patch<P: Serialize + Debug>(
        &self,
        name: &str,
        params: &PatchParams,
        patch: &Patch<P>,
    ) -> Result<WriteResult, kube::Error> {
        let _permit = self.writer.permits.acquire(self.namespace).await;
        match self.api.patch(name, params, patch).await {
            Ok(_) => Ok(WriteResult::Done),
            Err(kube::Error::Api(answer)) if answer.is_conflict() || answer.is_not_found() => {
                Ok(WriteResult::Conflict)
            }
            Err(error) => Err(error),
        }
    }

    /// Deletes an object in the state that was read. It may be gone already.
    pub async fn delete(
        &self,
        name: &str,
        version: &ObjectVersion,
    ) -> Result<WriteResult, kube::Error> {
        let params = DeleteParams {
            preconditions: Some(Preconditions {
                uid: Some(version.uid.clone()),
                resource_version: Some(version.resource_version.clone()),
            }),
            ..DeleteParams::default()
        };
        match self.api.delete(name, &params).await {
            Ok(_) => Ok(WriteResult::Done),
            Err(kube::Error::Api(answer)) if answer.is_not_found() => Ok(WriteResult::Done),
            Err(kube::Error::Api(answer)) if answer.is_conflict() => Ok(WriteResult::Conflict),
            Err(error) => Err(error),
        }
    }
}

impl<K> Debug for Objects<'_, K> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Objects(..)")
    }
}
