//! Deleting what was applied, and waiting until it is gone.

use anyhow::{Context, Result};
use kube::api::{DeleteParams, DynamicObject, Preconditions};
use kube::{Api, Client, Resource, ResourceExt};

use super::{Applied, api_of};
use crate::wait::{Observation, until};

/// Deletes what was created (and not what had been there before), last first, each when the one
/// before it is gone. A missing object is not an error, and an object that others have created
/// under the same name since is kept.
///
/// # Errors
/// The API server refuses to delete an object, or the object stays.
pub async fn delete_manifests(client: &Client, applied: &[Applied]) -> Result<()> {
    for object in applied.iter().rev().filter(|object| object.created) {
        delete(client, object)
            .await
            .with_context(|| format!("cannot delete {object}"))?;
    }
    Ok(())
}

async fn delete(client: &Client, object: &Applied) -> Result<()> {
    // A kind that is unknown went with its CRD, and its objects with it.
    let Some(api) = api_of(client, object).await? else {
        return Ok(());
    };
    let Some(found) = found(&api, object).await? else {
        return Ok(());
    };
    let uid = found.uid();
    let parameters = DeleteParams::background().preconditions(Preconditions {
        uid: uid.clone(),
        resource_version: None,
    });
    let observe = async || {
        let left = api.get_opt(&object.name).await?;
        let Some(left) = left.filter(|left| left.uid() == uid) else {
            return Ok(Observation::Reached(()));
        };
        if left.meta().deletion_timestamp.is_none() {
            match api.delete(&object.name, &parameters).await {
                // Gone meanwhile, or changed while it was deleted: the next observation tells.
                Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => {}
                result => drop(result?),
            }
        }
        Ok(Observation::Progress(describe(&left)))
    };
    until("it to be gone", observe).await
}

/// What keeps an object: its version, finalizers and conditions.
fn describe(left: &DynamicObject) -> String {
    format!(
        "version {}, deleted at {:?}, finalizers {:?}, conditions {}",
        left.resource_version().unwrap_or_default(),
        left.meta().deletion_timestamp.as_ref().map(|time| time.0),
        left.finalizers(),
        left.data["status"]["conditions"],
    )
}

/// The object, if it is the one that was created.
async fn found(api: &Api<DynamicObject>, object: &Applied) -> Result<Option<DynamicObject>> {
    let found = api.get_opt(&object.name).await?;
    // No UID: the process ended while it created the object.
    Ok(found.filter(|found| object.uid.is_none() || found.uid() == object.uid))
}
