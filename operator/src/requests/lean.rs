//! Metadata without the parts that Signet does not read.
//!
//! Most of an object's metadata is `managedFields`, a tree of its own for each writer. Reading it
//! costs more than everything else about a request.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{OwnerReference, Time};
use kube::core::ObjectMeta;
use serde::{Deserialize, Deserializer};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
struct Lean {
    name: Option<String>,
    namespace: Option<String>,
    uid: Option<String>,
    resource_version: Option<String>,
    generation: Option<i64>,
    creation_timestamp: Option<Time>,
    annotations: Option<BTreeMap<String, String>>,
    owner_references: Option<Vec<OwnerReference>>,
}

pub(super) fn metadata<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ObjectMeta, D::Error> {
    let lean = Lean::deserialize(deserializer)?;
    Ok(ObjectMeta {
        name: lean.name,
        namespace: lean.namespace,
        uid: lean.uid,
        resource_version: lean.resource_version,
        generation: lean.generation,
        creation_timestamp: lean.creation_timestamp,
        annotations: lean.annotations,
        owner_references: lean.owner_references,
        ..ObjectMeta::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_is_there_and_the_rest_is_not() {
        let text = r#"{
            "name": "web-1", "namespace": "shop", "uid": "u", "resourceVersion": "7",
            "generation": 1, "creationTimestamp": "2026-08-01T00:00:00Z", "annotations": {"a": "b"}, "labels": {"c": "d"},
            "ownerReferences": [{
                "apiVersion": "cert-manager.io/v1", "kind": "Certificate", "name": "web",
                "uid": "o", "controller": true
            }],
            "managedFields": [{"manager": "signet", "fieldsV1": {"f:status": {}}}]
        }"#;
        let metadata = metadata(&mut serde_json::Deserializer::from_str(text)).unwrap();
        assert_eq!(metadata.name.as_deref(), Some("web-1"));
        assert_eq!(metadata.namespace.as_deref(), Some("shop"));
        assert_eq!(metadata.uid.as_deref(), Some("u"));
        assert_eq!(metadata.resource_version.as_deref(), Some("7"));
        assert_eq!(metadata.generation, Some(1));
        let created = metadata.creation_timestamp.unwrap().0;
        assert_eq!(created.to_string(), "2026-08-01T00:00:00Z");
        assert_eq!(metadata.owner_references.unwrap()[0].name, "web");
        assert_eq!(metadata.annotations.unwrap()["a"], "b");
        assert_eq!((metadata.labels, metadata.managed_fields), (None, None));
    }
}
