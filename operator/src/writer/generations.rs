//! Writes about CA generations.

use kube::Api;
use kube::api::{DeleteParams, Patch, PatchParams, Preconditions};
use serde_json::{Value, json};
use signet_api::CAGeneration;

use super::Writer;
use crate::plan::FIELD_MANAGER;

/// What identifies a CA generation's object at one time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoredVersion {
    pub namespace: String,
    pub name: String,
    pub uid: String,
    pub resource_version: String,
}

/// The result of a change of a CA generation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recorded {
    /// It has this resourceVersion now.
    At(String),
    /// The object was changed or deleted since it was read; nothing is written.
    Conflict,
}

impl Writer {
    /// Changes facts in a generation's spec, if it is still the object that was read.
    pub async fn record(
        &self,
        version: &StoredVersion,
        spec: &Value,
    ) -> Result<Recorded, kube::Error> {
        let change = json!({
            "metadata": { "uid": version.uid, "resourceVersion": version.resource_version },
            "spec": spec,
        });
        let params = PatchParams {
            field_manager: Some(FIELD_MANAGER.to_owned()),
            ..PatchParams::default()
        };
        let generations = self.generations(&version.namespace);
        let written = generations
            .patch_metadata(&version.name, &params, &Patch::Merge(change))
            .await;
        match written {
            Ok(written) => {
                let version = written.metadata.resource_version;
                Ok(Recorded::At(version.unwrap_or_default()))
            }
            Err(kube::Error::Api(answer)) if answer.is_conflict() || answer.is_not_found() => {
                Ok(Recorded::Conflict)
            }
            Err(error) => Err(error),
        }
    }

    /// Deletes a generation, if it is still the object that was read.
    pub async fn delete_generation(&self, version: &StoredVersion) -> Result<(), kube::Error> {
        let params = DeleteParams {
            preconditions: Some(Preconditions {
                uid: Some(version.uid.clone()),
                resource_version: Some(version.resource_version.clone()),
            }),
            ..DeleteParams::default()
        };
        let generations = self.generations(&version.namespace);
        match generations.delete(&version.name, &params).await {
            Ok(_) => {
                let (namespace, name) = (&version.namespace, &version.name);
                tracing::info!(%namespace, %name, "deleted a CAGeneration that had ended");
                Ok(())
            }
            Err(kube::Error::Api(answer)) if answer.is_conflict() || answer.is_not_found() => {
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    fn generations(&self, namespace: &str) -> Api<CAGeneration> {
        Api::namespaced(self.client.clone(), namespace)
    }
}
