//! `CAGeneration`: a CA certificate and its key reference, in an object of their own.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use signet_keys::KeyConfig;

use crate::IssuerKind;

/// The maximum length of a chain or bundle, in bytes of PEM. The object must fit into etcd's 1.5
/// MiB, and CEL's cost estimate needs a bound.
const PEM_LIMIT: u32 = 64 * 1024;

/// A CA certificate, its chain, and the key that signs under it.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "signet.dev",
    version = "v1alpha1",
    kind = "CAGeneration",
    plural = "cagenerations",
    namespaced,
    shortname = "cagen",
    selectable = ".spec.issuerRef.kind",
    selectable = ".spec.issuerRef.name",
    category = "signet",
    doc = "A CAGeneration holds a CA certificate, its chain, and a reference to its key. Signet creates it before the key signs under the CA certificate, and never changes it. It is not owned by its issuer. Back it up together with the key: if you delete it, Signet no longer knows the CA.",
    printcolumn = r#"{"name":"Kind","type":"string","jsonPath":".spec.issuerRef.kind"}"#,
    printcolumn = r#"{"name":"Issuer","type":"string","jsonPath":".spec.issuerRef.name"}"#,
    printcolumn = r#"{"name":"Generation","type":"integer","jsonPath":".spec.generation"}"#,
    printcolumn = r#"{"name":"CA expiry","type":"string","jsonPath":".spec.notAfter"}"#,
    printcolumn = r#"{"name":"Age","type":"date","jsonPath":".metadata.creationTimestamp"}"#
)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [{
    "rule": "self == oldSelf",
    "message": "the spec of a CAGeneration is immutable",
}]))]
pub struct CAGenerationSpec {
    /// The issuer: an Issuer in the same namespace, or a ClusterIssuer, whose generations are in
    /// the cluster resource namespace.
    pub issuer_ref: IssuerReference,
    /// The number of this generation, starting at 1.
    #[schemars(range(min = 1))]
    pub generation: u32,
    /// The key that signs under this generation.
    pub key: GenerationKey,
    /// The CA certificate and those above it, in PEM, the trust anchor last.
    #[schemars(length(min = 1, max = PEM_LIMIT))]
    pub certificate_chain: String,
    /// The roots that come with it, in PEM.
    #[schemars(length(max = PEM_LIMIT))]
    pub roots: String,
    /// The start of the validity: the latest notBefore of the CA certificate and those above it.
    pub not_before: Time,
    /// The end of the validity: the earliest notAfter of the CA certificate and those above it. No
    /// leaf under it is valid for longer.
    pub not_after: Time,
}

/// An issuer of this group.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct IssuerReference {
    /// Issuer or ClusterIssuer.
    pub kind: IssuerKind,
    /// The issuer's name.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
}

/// A key's configuration, and the fingerprint of its public key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GenerationKey {
    /// The issuer's `spec.key` when the generation was created.
    pub config: KeyConfig,
    /// What the backend resolved `config` to, if that can change: the ARN of the key behind an AWS
    /// KMS alias, or the version of a Transit key. This generation signs with exactly this key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 2048))]
    pub pin: Option<String>,
    /// The SHA-256 of the key's SubjectPublicKeyInfo, in hex. It is compared each time Signet
    /// connects to the key.
    #[schemars(regex(pattern = "^[0-9a-f]{64}$"), length(max = 64))]
    pub fingerprint: String,
}
