//! Objects that Signet creates.

use kube::api::{DeleteParams, Patch, PatchParams, PostParams, Preconditions};
use kube::core::NamespaceResourceScope;
use kube::{Api, Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{WriteResult, Writer};
use crate::api_error::is_namespace_terminating;
use crate::plan::FIELD_MANAGER;

/// What identifies an object at one time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ObjectVersion {
    pub uid: String,
    pub resource_version: String,
}

impl Writer {
    /// Creates an object, and returns whether it did. An existing object is never overwritten.
    pub async fn create<K>(&self, namespace: &str, object: &K) -> Result<bool, kube::Error>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
        K: Clone + std::fmt::Debug + DeserializeOwned + Serialize,
    {
        let created = self.create_versioned(namespace, object).await?;
        Ok(created.is_some())
    }

    /// Creates an object, and returns its version; none if an object of that name exists, which is
    /// never overwritten.
    pub async fn create_versioned<K>(
        &self,
        namespace: &str,
        object: &K,
    ) -> Result<Option<ObjectVersion>, kube::Error>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
        K: Clone + std::fmt::Debug + DeserializeOwned + Serialize,
    {
        let params = PostParams {
            field_manager: Some(FIELD_MANAGER.to_owned()),
            ..PostParams::default()
        };
        match self.api(namespace).create(&params, object).await {
            Ok(created) => {
                self.terminating.forget(namespace);
                Ok(Some(ObjectVersion {
                    uid: created.uid().unwrap_or_default(),
                    resource_version: created.resource_version().unwrap_or_default(),
                }))
            }
            Err(kube::Error::Api(answer)) if answer.is_already_exists() => Ok(None),
            Err(error) => {
                if is_namespace_terminating(&error) {
                    self.terminating.log(namespace);
                }
                Err(error)
            }
        }
    }

    /// Applies an object that Signet created. It contains the UID and the resourceVersion, so that
    /// neither an object that took its name meanwhile nor a newer state is overwritten.
    pub async fn apply_object<K>(
        &self,
        namespace: &str,
        name: &str,
        object: &K,
    ) -> Result<WriteResult, kube::Error>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
        K: Clone + std::fmt::Debug + DeserializeOwned + Serialize,
    {
        let _permit = self.permits.acquire(namespace).await;
        let params = PatchParams::apply(FIELD_MANAGER).force();
        let api = self.api::<K>(namespace);
        match api.patch(name, &params, &Patch::Apply(object)).await {
            Ok(_) => Ok(WriteResult::Done),
            Err(kube::Error::Api(answer)) if answer.is_conflict() || answer.is_not_found() => {
                Ok(WriteResult::Conflict)
            }
            Err(error) => Err(error),
        }
    }

    /// Deletes an object in the state that was read. It may be gone already.
    pub async fn delete<K>(
        &self,
        namespace: &str,
        name: &str,
        version: &ObjectVersion,
    ) -> Result<WriteResult, kube::Error>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
        K: Clone + std::fmt::Debug + DeserializeOwned,
    {
        let params = DeleteParams {
            preconditions: Some(Preconditions {
                uid: Some(version.uid.clone()),
                resource_version: Some(version.resource_version.clone()),
            }),
            ..DeleteParams::default()
        };
        match self.api::<K>(namespace).delete(name, &params).await {
            Ok(_) => Ok(WriteResult::Done),
            Err(kube::Error::Api(answer)) if answer.is_not_found() => Ok(WriteResult::Done),
            Err(kube::Error::Api(answer)) if answer.is_conflict() => Ok(WriteResult::Conflict),
            Err(error) => Err(error),
        }
    }

    fn api<K>(&self, namespace: &str) -> Api<K>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
    {
        Api::namespaced(self.client.clone(), namespace)
    }
}
