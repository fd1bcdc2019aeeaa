//! Takes the steps, through the writer.

use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::Resource;
use kube::core::{NamespaceResourceScope, ObjectMeta};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::decide::Step;
use super::object::{Content, Location, ObjectKind};
use super::problem::Problem;
use crate::api_error::is_namespace_terminating;
use crate::writer::{WriteResult, Writer};

/// Takes one step. Nothing can be written in a namespace that is being deleted, which is not a
/// problem.
pub(super) async fn apply(at: &Location, step: &Step<'_>, writer: &Writer) -> Result<(), Problem> {
    let taken = match at.kind {
        ObjectKind::ConfigMap => take::<ConfigMap>(at, step, writer, Content::config_map).await,
        ObjectKind::Secret => take::<Secret>(at, step, writer, Content::secret).await,
    };
    match taken {
        Ok(WriteResult::Done) => Ok(()),
        Ok(WriteResult::Conflict) => Err(Problem::conflict(at)),
        Err((_, error)) if is_namespace_terminating(&error) => Ok(()),
        Err((verb, error)) => Err(Problem::write(at, verb, &error)),
    }
}

async fn take<K>(
    at: &Location,
    step: &Step<'_>,
    writer: &Writer,
    object: fn(&Content, ObjectMeta) -> K,
) -> Result<WriteResult, (&'static str, kube::Error)>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
    K: Clone + std::fmt::Debug + DeserializeOwned + Serialize,
{
    let (content, version) = match step {
        Step::Delete(version) => {
            let deleted = writer.delete::<K>(&at.namespace, &at.name, version).await;
            return deleted.map_err(|error| ("delete", error));
        }
        Step::Apply(content, version) => (content, version.clone()),
        Step::Create(content) => {
            let new = object(content, content.created(at));
            let created = writer.create_versioned(&at.namespace, &new).await;
            match created.map_err(|error| ("create", error))? {
                Some(version) => (content, version),
                None => return Ok(WriteResult::Conflict),
            }
        }
    };
    let applied = object(content, content.applied(at, &version));
    let applied = writer.apply_object(&at.namespace, &at.name, &applied).await;
    applied.map_err(|error| ("patch", error))
}
