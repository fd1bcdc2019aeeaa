//! Deleting what was applied, and waiting until it is gone.

use anyhow::{Context, Result};
use kube::api::{DeleteParams, DynamicObject, Preconditions};
use kube::{Api, Client, ResourceExt};

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
    match api.delete(&object.name, &parameters).await {
        // Gone meanwhile, or another one by now.
        Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => {}
        result => drop(result?),
    }
    let observe = async || {
        let left = api.get_opt(&object.name).await?;
        Ok(match left.filter(|left| left.uid() == uid) {
            Some(left) => Observation::Progress(left.resource_version().unwrap_or_default()),
            None => Observation::Reached(()),
        })
    };
    until("it to be gone, by its version", observe).await
}

/// The object, if it is the one that was created.
async fn found(api: &Api<DynamicObject>, object: &Applied) -> Result<Option<DynamicObject>> {
    let found = api.get_opt(&object.name).await?;
    // No UID: the process ended while it created the object.
    Ok(found.filter(|found| object.uid.is_none() || found.uid() == object.uid))
}
