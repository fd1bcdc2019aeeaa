//! Where an issuer's trust bundle is published.

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema};
use serde::{Deserialize, Serialize};
use serde_json::json;

/// How the trust bundle of an issuer is published: in an object named `issuer-<name>-bundle` or
/// `clusterissuer-<name>-bundle`, and in a ClusterTrustBundle named
/// `issuers.signet.dev:<namespace>.<name>:bundle` or `clusterissuers.signet.dev:<name>:bundle`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [{
    "rule": "!has(self.namespaceSelector) || self.kind == 'ConfigMap'",
    "message": "namespaceSelector requires kind ConfigMap, because copies are ConfigMaps",
}, {
    "rule": "!has(self.labels) || self.kind != 'None' || !has(self.clusterTrustBundle) || self.clusterTrustBundle",
    "message": "kind None without a ClusterTrustBundle publishes nothing, so labels must not be set",
}]))]
pub struct BundleSpec {
    /// The kind of the object. `None` publishes no ConfigMap and no Secret, and deletes the one that
    /// Signet has published for this issuer.
    #[serde(default)]
    pub kind: BundleKind,
    /// Whether the bundle is also in a ClusterTrustBundle, which pods project by its signer name. By
    /// default, that of an issuer with a trust domain is. `false` deletes what Signet has published.
    /// That of an Issuer requires the operator's flag `--issuer-cluster-trust-bundles`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster_trust_bundle: Option<bool>,
    /// Labels of these objects and of copies, such as the one that a trust-manager Bundle selects.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(transform = object_labels)]
    pub labels: BTreeMap<String, String>,
    /// The namespaces with a copy of a ClusterIssuer's bundle, by their labels. An empty selector
    /// selects every namespace. A copy in a namespace that is no longer selected is deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace_selector: Option<NamespaceSelector>,
}

/// The kind of the object that holds a bundle, under the key `ca.crt`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum BundleKind {
    /// A ConfigMap.
    #[default]
    ConfigMap,
    /// A Secret, for consumers that read only Secrets. The bundle itself is public.
    Secret,
    /// Neither.
    None,
}

/// Selects namespaces as Kubernetes' label selectors do: all requirements must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NamespaceSelector {
    /// Labels that a namespace must have.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(transform = selected_labels)]
    pub match_labels: BTreeMap<String, String>,
    /// Requirements on the labels of a namespace.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), extend("x-kubernetes-list-type" = "atomic"))]
    pub match_expressions: Vec<LabelRequirement>,
}

/// A requirement on one label.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [{
    "rule": "(self.operator in ['In', 'NotIn']) == (has(self.values) && self.values.size() > 0)",
    "message": "operators In and NotIn require values; Exists and DoesNotExist have none",
}]))]
pub struct LabelRequirement {
    /// The label's key.
    #[schemars(length(min = 1, max = MAX_LABEL_KEY), extend("x-kubernetes-validations" = [{
        "rule": KEY_RULE,
        "message": KEY_MESSAGE,
    }]))]
    pub key: String,
    /// How the label is compared.
    pub operator: LabelOperator,
    /// The values for In and NotIn.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 64),
        inner(length(max = 63), regex(pattern = LABEL_VALUE)),
        extend("x-kubernetes-list-type" = "set")
    )]
    pub values: Vec<String>,
}

/// How a label is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum LabelOperator {
    /// The label has one of the values.
    In,
    /// The label is missing or has none of the values.
    NotIn,
    /// The label is present.
    Exists,
    /// The label is missing.
    DoesNotExist,
}

/// A prefix of 253 characters, a slash, and a name of 63.
const MAX_LABEL_KEY: u32 = 317;
const LABEL_VALUE: &str = "^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$";
const KEY_MESSAGE: &str = "a label's key is a name of at most 63 letters, digits, '-', '_' and '.', which may have a prefix such as example.com/";

/// The syntax of a label's key, as a CEL rule about it.
const KEY_RULE: &str = "self.size() <= 317 && self.matches('^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$')";

/// The schema of the labels of an object that Signet publishes.
fn object_labels(schema: &mut Schema) {
    let own = json!({
        "rule": "!self.exists(key, key == 'app.kubernetes.io/managed-by')",
        "message": "app.kubernetes.io/managed-by is set by Signet",
    });
    labels(schema, vec![own]);
}

/// The schema of the labels by which namespaces are selected.
pub(crate) fn selected_labels(schema: &mut Schema) {
    labels(schema, Vec::new());
}

/// The schema of a map of labels, with the bounds that Kubernetes has for them.
fn labels(schema: &mut Schema, mut rules: Vec<serde_json::Value>) {
    rules.push(json!({
        "rule": format!("self.all(key, {})", KEY_RULE.replace("self.", "key.")),
        "message": KEY_MESSAGE,
    }));
    schema.insert("maxProperties".to_owned(), json!(16));
    schema.insert("x-kubernetes-validations".to_owned(), json!(rules));
    let value = json!({ "type": "string", "maxLength": 63, "pattern": LABEL_VALUE });
    schema.insert("additionalProperties".to_owned(), value);
}
