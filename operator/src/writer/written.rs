//! What is read of the API server's response to a write.

use serde::Deserialize;

/// An object that was written, as far as it is read. Most of its metadata is `managedFields`, a tree
/// that costs much to read, for each certificate that is issued.
#[derive(Debug, Deserialize)]
pub(super) struct Written {
    metadata: Metadata,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    resource_version: String,
}

impl Written {
    pub(super) fn version(self) -> String {
        self.metadata.resource_version
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_version_is_read() {
        let text = r#"{
            "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1",
            "metadata": {"name": "web-1", "resourceVersion": "7", "managedFields": "not a list"}
        }"#;
        let written: Written = serde_json::from_str(text).unwrap();
        assert_eq!(written.version(), "7");
    }
}
