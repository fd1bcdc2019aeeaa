//! `CAGeneration`: one CA certificate over one key, kept where a lost status cannot lose it.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use signet_keys::KeyConfig;

use crate::issuer::IssuerKind;

/// The longest chain or bundle, in bytes of PEM. The object must fit into etcd's 1.5 MiB, and CEL's
/// cost estimate needs a bound.
const PEM_LIMIT: u32 = 64 * 1024;

/// The CA certificate, its chain, and the key that signs under it.
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
    doc = "A CAGeneration holds the certificate chain of one CA over one key. Signet writes it before the key signs under it, and never changes it. It is not owned by its issuer: back it up together with the key. Deleting it makes Signet forget the CA.",
    printcolumn = r#"{"name":"Kind","type":"string","jsonPath":".spec.issuerRef.kind"}"#,
    printcolumn = r#"{"name":"Issuer","type":"string","jsonPath":".spec.issuerRef.name"}"#,
    printcolumn = r#"{"name":"Generation","type":"integer","jsonPath":".spec.generation"}"#,
    printcolumn = r#"{"name":"CA expiry","type":"string","jsonPath":".spec.notAfter"}"#,
    printcolumn = r#"{"name":"Age","type":"date","jsonPath":".metadata.creationTimestamp"}"#
)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [{
    "rule": "self == oldSelf",
    "message": "a CA generation never changes; make a new one",
}]))]
pub struct CAGenerationSpec {
    /// The issuer, in the same namespace; a ClusterIssuer's generations are in the cluster
    /// resource namespace.
    pub issuer_ref: IssuerReference,
    /// The number of this generation, from 1.
    #[schemars(range(min = 1))]
    pub generation: u32,
    /// The key under which this generation signs.
    pub key: GenerationKey,
    /// The CA certificate and what stands above it, in PEM, the trust anchor last.
    #[schemars(length(min = 1, max = PEM_LIMIT))]
    pub certificate_chain: String,
    /// The roots that come with it, in PEM.
    #[schemars(length(max = PEM_LIMIT))]
    pub roots: String,
    /// When the CA certificate, or one above it, begins.
    pub not_before: Time,
    /// When the CA certificate, or one above it, ends. No leaf under it lives longer.
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

/// A key, as it was configured, and its public half.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GenerationKey {
    /// The issuer's `spec.key` when the generation was made.
    pub config: KeyConfig,
    /// What the backend resolved that to, where it could become something else: the key's ARN
    /// behind an alias in AWS KMS, the version of a Transit key. This generation signs with
    /// exactly that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 2048))]
    pub pin: Option<String>,
    /// SHA-256 over the SubjectPublicKeyInfo, in hex. It is checked each time the key is loaded.
    #[schemars(regex(pattern = "^[0-9a-f]{64}$"), length(max = 64))]
    pub fingerprint: String,
}
