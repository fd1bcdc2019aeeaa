//! Takes the steps, through the writer.

use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::Resource;
use kube::core::ObjectMeta;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::decide::Step;
use super::object::{Content, Kind, Location, ObjectKind};
use super::problem::Problem;
use crate::api_error::is_namespace_terminating;
use crate::writer::{Objects, WriteResult, Writer};

/// Takes one step. Nothing can be written in a namespace that is being deleted, which is not a
/// problem.
pub(super) async fn apply(at: &Location, step: &Step<'_>, writer: &Writer) -> Result<(), Problem> {
    let namespace = at.namespace.as_str();
    let taken = match at.kind {
        Kind::Namespaced(ObjectKind::ConfigMap) => {
            let objects = writer.namespaced::<ConfigMap>(namespace);
            take(at, step, &objects, Content::config_map).await
        }
        Kind::Namespaced(ObjectKind::Secret) => {
            let objects = writer.namespaced::<Secret>(namespace);
            take(at, step, &objects, Content::secret).await
        }
        Kind::ClusterTrustBundle(version) => {
            let objects = writer.of_cluster(&version.resource());
            let object = |content: &Content, meta| content.trust_bundle(version, meta);
            take(at, step, &objects, object).await
        }
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
    objects: &Objects<'_, K>,
    object: impl Fn(&Content, ObjectMeta) -> K,
) -> Result<WriteResult, (&'static str, kube::Error)>
where
    K: Resource + Clone + std::fmt::Debug + DeserializeOwned + Serialize,
{
    let (content, version) = match step {
        Step::Delete(version) => {
            let deleted = objects.delete(&at.name, version).await;
            return deleted.map_err(|error| ("delete", error));
        }
        Step::Apply(content, version) => (content, version.clone()),
        Step::Create(content) => {
            let new = object(content, content.created(at));
            let created = objects.create(&new).await;
            match created.map_err(|error| ("create", error))? {
                Some(version) => (content, version),
                None => return Ok(WriteResult::Conflict),
            }
        }
    };
    let applied = object(content, content.applied(at, &version));
    let applied = objects.apply(&at.name, &applied).await;
    applied.map_err(|error| ("patch", error))
}
