//! `CAGeneration`: a key and, once its parent has signed it, its CA certificate, in an object of
//! their own.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use signet_keys::KeyConfig;

use crate::IssuerKind;

/// The maximum length of a chain or bundle, in bytes of PEM. The object must fit into etcd's 1.5
/// MiB, and CEL's cost estimate needs a bound.
const PEM_LIMIT: u32 = 64 * 1024;

/// A key, its CA certificate and chain, and the facts of its life.
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
    doc = "A CAGeneration holds a reference to a key, the CA certificate that was issued for it, and when it was published, activated and superseded. Signet creates it before the key signs under the CA certificate, and sets each fact once. It is not owned by its issuer. Back it up together with the key: if you delete it, Signet no longer knows the CA.",
    printcolumn = r#"{"name":"Kind","type":"string","jsonPath":".spec.issuerRef.kind"}"#,
    printcolumn = r#"{"name":"Issuer","type":"string","jsonPath":".spec.issuerRef.name"}"#,
    printcolumn = r#"{"name":"Generation","type":"integer","jsonPath":".spec.generation"}"#,
    printcolumn = r#"{"name":"Activated","type":"date","jsonPath":".spec.activatedAt"}"#,
    printcolumn = r#"{"name":"Superseded","type":"date","jsonPath":".spec.supersededAt"}"#,
    printcolumn = r#"{"name":"CA expiry","type":"string","jsonPath":".spec.certificate.notAfter"}"#,
    printcolumn = r#"{"name":"Age","type":"date","jsonPath":".metadata.creationTimestamp"}"#
)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [{
    "rule": "self.issuerRef == oldSelf.issuerRef && self.generation == oldSelf.generation && self.key == oldSelf.key && self.purpose == oldSelf.purpose && self.preparedAt == oldSelf.preparedAt",
    "message": "issuerRef, generation, key, purpose and preparedAt of a CAGeneration are immutable",
}, {
    "rule": "has(oldSelf.trustDomain) == has(self.trustDomain) && (!has(self.trustDomain) || self.trustDomain == oldSelf.trustDomain)",
    "message": "the trustDomain of a CAGeneration is immutable",
}, {
    "rule": "has(oldSelf.csr) == has(self.csr) && (!has(self.csr) || self.csr == oldSelf.csr)",
    "message": "the csr of a CAGeneration is immutable",
}, {
    "rule": "!has(oldSelf.certificate) || (has(self.certificate) && self.certificate == oldSelf.certificate)",
    "message": "certificate is set once",
}, {
    "rule": "!has(oldSelf.inheritedRoots) || (has(self.inheritedRoots) && self.inheritedRoots == oldSelf.inheritedRoots)",
    "message": "inheritedRoots is set once",
}, {
    "rule": "!has(oldSelf.publishedAt) || (has(self.publishedAt) && self.publishedAt == oldSelf.publishedAt)",
    "message": "publishedAt is set once",
}, {
    "rule": "!has(oldSelf.activatedAt) || (has(self.activatedAt) && self.activatedAt == oldSelf.activatedAt)",
    "message": "activatedAt is set once",
}, {
    "rule": "!has(oldSelf.supersededAt) || (has(self.supersededAt) && self.supersededAt == oldSelf.supersededAt)",
    "message": "supersededAt is set once",
}, {
    "rule": "!has(oldSelf.longestLeafSeconds) || (has(self.longestLeafSeconds) && self.longestLeafSeconds >= oldSelf.longestLeafSeconds)",
    "message": "longestLeafSeconds may only grow",
}, {
    "rule": "!has(oldSelf.longestCASeconds) || (has(self.longestCASeconds) && self.longestCASeconds >= oldSelf.longestCASeconds)",
    "message": "longestCASeconds may only grow",
}]))]
pub struct CAGenerationSpec {
    /// The owner: an Issuer or MeshCA in the same namespace, or a ClusterIssuer, whose generations
    /// are in the cluster resource namespace.
    pub issuer_ref: IssuerReference,
    /// The number of this generation, starting at 1.
    #[schemars(range(min = 1))]
    pub generation: u32,
    /// The key that signs under this generation.
    pub key: GenerationKey,
    /// The part of the issuer's spec that it was created for.
    pub purpose: GenerationPurpose,
    /// The issuer's SPIFFE trust domain. A generation never signs for another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 255))]
    pub trust_domain: Option<String>,
    /// When it was created.
    pub prepared_at: Time,
    /// The CSR for its certificate, in PEM, where the source wants one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16384))]
    pub csr: Option<String>,
    /// The CA certificate. Set once, after it passed every check.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<GenerationCertificate>,
    /// The roots of a lost CA that came before this one, in PEM. They stay in the trust bundle until
    /// they expire or their keys are revoked, because no record says when the last certificate under
    /// them ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = PEM_LIMIT))]
    pub inherited_roots: Option<String>,
    /// When its root was in the trust bundle, wherever that is published. Only this starts the
    /// delay of its activation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub published_at: Option<Time>,
    /// When it began to sign.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activated_at: Option<Time>,
    /// When another generation took its place, or when it was no longer wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub superseded_at: Option<Time>,
    /// The longest lifetime of a leaf under it, in seconds. Raised before the first longer leaf is
    /// signed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub longest_leaf_seconds: Option<i64>,
    /// The longest lifetime of a CA certificate under it, in seconds. Raised before the first
    /// longer one is signed.
    #[serde(
        default,
        rename = "longestCASeconds",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(range(min = 1))]
    pub longest_ca_seconds: Option<i64>,
}

/// The owner of a CA: an issuer of this group, or a MeshCA.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct IssuerReference {
    /// Issuer, ClusterIssuer or MeshCA.
    pub kind: IssuerKind,
    /// The owner's name.
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

/// The part of an issuer's spec that a generation was created for. A spec that asks for something
/// else starts another generation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GenerationPurpose {
    /// The SHA-256 of `spec.certificate` without what only says how it is renewed, in hex.
    #[schemars(regex(pattern = "^[0-9a-f]{64}$"), length(max = 64))]
    pub certificate: String,
    /// The `spec.rotation.requestID` that it answers.
    #[serde(default, rename = "requestID", skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64))]
    pub request_id: Option<String>,
    /// The `spec.rotation.rollbackTo` during which it was created.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = "^[0-9a-f]{64}$"), length(max = 64))]
    pub rollback_to: Option<String>,
}

/// A CA certificate with those above it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GenerationCertificate {
    /// The CA certificate and those above it, in PEM, the trust anchor last.
    #[schemars(length(min = 1, max = PEM_LIMIT))]
    pub chain: String,
    /// Why the trust anchor is trusted.
    pub trust: RootTrust,
    /// The SHA-256 of the CA certificate, in hex.
    #[schemars(regex(pattern = "^[0-9a-f]{64}$"), length(max = 64))]
    pub fingerprint: String,
    /// The start of the validity: the latest notBefore of the CA certificate and those above it.
    pub not_before: Time,
    /// The end of the validity: the earliest notAfter of the CA certificate and those above it. No
    /// certificate under it is valid for longer.
    pub not_after: Time,
}

/// Why a root is trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum RootTrust {
    /// Signet created it.
    Created,
    /// The spec names it, or the object in which the certificate is.
    Listed,
    /// It was the first root that the parent returned.
    Pinned,
}
