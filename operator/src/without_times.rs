//! Objects without the times in their `managedFields`, which Signet does not read.
//!
//! Users who may change an object may also write a time there that the API server stores and that
//! cannot be read here. In a list, one such object must not hide all others.

use std::borrow::Cow;

use kube::api::ListParams;
use kube::core::{ObjectList, ObjectMeta, PartialObjectMeta, Request};
use kube::{Client, Resource};
use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// An object that was read without the times in its `managedFields`. The rest of them says what Signet
/// has applied.
#[derive(Clone, Debug)]
pub struct WithoutTimes<K>(pub K);

impl<'de, K: DeserializeOwned> Deserialize<'de> for WithoutTimes<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut object = Value::deserialize(deserializer)?;
        let entries = object.pointer_mut("/metadata/managedFields");
        let entries = entries.and_then(Value::as_array_mut);
        for entry in entries
            .into_iter()
            .flatten()
            .filter_map(Value::as_object_mut)
        {
            entry.remove("time");
        }
        K::deserialize(object).map(Self).map_err(D::Error::custom)
    }
}

impl<K: Resource> Resource for WithoutTimes<K> {
    type DynamicType = K::DynamicType;
    type Scope = K::Scope;

    fn kind(dt: &Self::DynamicType) -> Cow<'_, str> {
        K::kind(dt)
    }

    fn group(dt: &Self::DynamicType) -> Cow<'_, str> {
        K::group(dt)
    }

    fn version(dt: &Self::DynamicType) -> Cow<'_, str> {
        K::version(dt)
    }

    fn plural(dt: &Self::DynamicType) -> Cow<'_, str> {
        K::plural(dt)
    }

    fn meta(&self) -> &ObjectMeta {
        self.0.meta()
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        self.0.meta_mut()
    }
}

/// A page of a list that has only metadata.
pub type MetadataList = ObjectList<WithoutTimes<PartialObjectMeta>>;

/// Lists the metadata of objects in a namespace, or in all.
pub async fn list_metadata<K: Resource<DynamicType = ()>>(
    client: &Client,
    namespace: Option<&str>,
    params: &ListParams,
) -> Result<MetadataList, kube::Error> {
    let request = Request::new(K::url_path(&(), namespace));
    let request = request
        .list_metadata(params)
        .map_err(kube::Error::BuildRequest)?;
    client.request(request).await
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::ConfigMap;
    use serde_json::json;

    use super::*;

    /// The API server stores the last second of the year 9999, which is later than the last time here.
    #[test]
    fn a_time_that_cannot_be_read_hides_no_object() {
        let object = json!({
            "metadata": {
                "name": "a", "resourceVersion": "7",
                "managedFields": [{ "manager": "m", "time": "9999-12-31T23:59:59Z" }],
            },
            "data": { "k": "v" },
        });
        serde_json::from_value::<ConfigMap>(object.clone()).unwrap_err();
        let list = json!({ "metadata": {}, "items": [object] });
        let list: ObjectList<WithoutTimes<ConfigMap>> = serde_json::from_value(list).unwrap();
        let WithoutTimes(read) = &list.items[0];
        let entry = &read.metadata.managed_fields.as_ref().unwrap()[0];
        assert_eq!((entry.manager.as_deref(), &entry.time), (Some("m"), &None));
        assert_eq!(read.metadata.name.as_deref(), Some("a"));
        assert_eq!(read.data.as_ref().unwrap()["k"], "v");
    }
}
