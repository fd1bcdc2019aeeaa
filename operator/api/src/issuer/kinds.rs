//! The two kinds. Their names are cert-manager's on purpose: Open Service Mesh accepts no other.

use std::fmt;

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use signet_keys::KeyConfig;

use super::{CertificateSpec, IssuerStatus, KeyLimits, Profile, SpiffeSpec};

/// What the issuer signs with, and what it signs.
#[derive(CustomResource, Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "signet.dev",
    version = "v1alpha1",
    kind = "Issuer",
    namespaced,
    status = "IssuerStatus",
    shortname = "siss",
    category = "signet",
    doc = "An Issuer signs for requests of its own namespace, with a CA whose key is elsewhere.",
    printcolumn = r#"{"name":"Ready","type":"string","jsonPath":".status.conditions[?(@.type==\"Ready\")].status"}"#,
    printcolumn = r#"{"name":"Reason","type":"string","jsonPath":".status.conditions[?(@.type==\"Ready\")].reason"}"#,
    printcolumn = r#"{"name":"Key","type":"string","jsonPath":".status.ca[0].key"}"#,
    printcolumn = r#"{"name":"CA expiry","type":"string","jsonPath":".status.ca[0].notAfter"}"#,
    printcolumn = r#"{"name":"Age","type":"date","jsonPath":".metadata.creationTimestamp"}"#,
    printcolumn = r#"{"name":"Message","type":"string","priority":1,"jsonPath":".status.conditions[?(@.type==\"Ready\")].message"}"#
)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [{
    "rule": "!has(self.certificate.existing) || has(self.key.software) || has(self.certificate.existing.secretName) || has(self.certificate.existing.configMapName)",
    "message": "name the Secret or ConfigMap that holds the CA certificate in certificate.existing.secretName or configMapName",
}, {
    "rule": "!has(self.spiffe) || !has(self.profile) || !has(self.profile.ca) || has(self.profile.ca.allowedRequesters)",
    "message": "profile.ca of an issuer with a trust domain requires profile.ca.allowedRequesters: list who may request a CA certificate",
}]))]
pub struct IssuerSpec {
    /// Where the CA's private key is kept. Exactly one backend is named.
    pub key: KeyConfig,
    /// How much is asked of the key at most. Absent, the backend's own limits hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_limits: Option<KeyLimits>,
    /// How the CA certificate over that key comes about. Exactly one source is named, and none
    /// is guessed.
    pub certificate: CertificateSpec,
    /// Makes the issuer speak for a SPIFFE trust domain: every leaf is an X509-SVID inside it.
    /// Absent, the issuer is a plain private CA.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spiffe: Option<SpiffeSpec>,
    /// What certificates of this issuer may be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<Profile>,
}

/// What the issuer signs with, and what it signs. Its Secrets are in the cluster resource
/// namespace, which is the operator's own unless it was told otherwise.
#[derive(CustomResource, Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "signet.dev",
    version = "v1alpha1",
    kind = "ClusterIssuer",
    status = "IssuerStatus",
    shortname = "sciss",
    category = "signet",
    doc = "A ClusterIssuer signs for requests of every namespace, with a CA whose key is elsewhere. Its Secrets are in the cluster resource namespace.",
    printcolumn = r#"{"name":"Ready","type":"string","jsonPath":".status.conditions[?(@.type==\"Ready\")].status"}"#,
    printcolumn = r#"{"name":"Reason","type":"string","jsonPath":".status.conditions[?(@.type==\"Ready\")].reason"}"#,
    printcolumn = r#"{"name":"Key","type":"string","jsonPath":".status.ca[0].key"}"#,
    printcolumn = r#"{"name":"CA expiry","type":"string","jsonPath":".status.ca[0].notAfter"}"#,
    printcolumn = r#"{"name":"Age","type":"date","jsonPath":".metadata.creationTimestamp"}"#,
    printcolumn = r#"{"name":"Message","type":"string","priority":1,"jsonPath":".status.conditions[?(@.type==\"Ready\")].message"}"#
)]
#[serde(transparent)]
#[schemars(transparent)]
pub struct ClusterIssuerSpec(pub IssuerSpec);

/// Which of the two kinds.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
pub enum IssuerKind {
    /// Namespaced.
    Issuer,
    /// Cluster-scoped.
    ClusterIssuer,
}

impl IssuerKind {
    /// The kind's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Issuer => "Issuer",
            Self::ClusterIssuer => "ClusterIssuer",
        }
    }

    /// The resource's plural, as signer names have it.
    pub const fn plural(self) -> &'static str {
        match self {
            Self::Issuer => "issuers",
            Self::ClusterIssuer => "clusterissuers",
        }
    }
}

impl fmt::Display for IssuerKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What the two kinds have in common, so that one body serves both.
pub trait IssuerResource {
    /// Which kind it is.
    const KIND: IssuerKind;

    /// The shared spec.
    fn issuer_spec(&self) -> &IssuerSpec;

    /// The shared status.
    fn issuer_status(&self) -> Option<&IssuerStatus>;
}

impl IssuerResource for Issuer {
    const KIND: IssuerKind = IssuerKind::Issuer;

    fn issuer_spec(&self) -> &IssuerSpec {
        &self.spec
    }

    fn issuer_status(&self) -> Option<&IssuerStatus> {
        self.status.as_ref()
    }
}

impl IssuerResource for ClusterIssuer {
    const KIND: IssuerKind = IssuerKind::ClusterIssuer;

    fn issuer_spec(&self) -> &IssuerSpec {
        &self.spec.0
    }

    fn issuer_status(&self) -> Option<&IssuerStatus> {
        self.status.as_ref()
    }
}
