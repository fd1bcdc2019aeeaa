//! The status: a view of the issuer's CA generations.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::conditions::list_by_type;

/// The observed state of an issuer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
// kstatus counts a new object as in progress until Signet has observed it.
#[schemars(extend("default" = { "observedGeneration": -1 }))]
pub struct IssuerStatus {
    /// The `metadata.generation` that this status describes; -1 before the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// `Ready`: the issuer can sign. `Reconciling` and `Stalled`, as in kstatus: the issuer is not
    /// ready, and the cause may pass without a change of the spec (`Reconciling`), or requires one or
    /// a person who restores a lost CA (`Stalled`). `Rotating`: another CA generation is to take over. `BundlePublished`, if there is
    /// an object with the trust bundle: it is up to date. `MeshUpdated`, of a MeshCA: the mesh has
    /// loaded what Signet wrote for it last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(transform = list_by_type)]
    pub conditions: Vec<Condition>,
    /// A summary of the CAGenerations: the current one, the next one, then the others from the
    /// newest on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "atomic"))]
    pub ca: Vec<CaSummary>,
    /// Every root that is trusted now, in PEM.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bundle: Option<String>,
    /// The CSR that a person is to get signed, with `spec.certificate.manual`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub csr: Option<PendingCsr>,
}

/// A CSR that waits for its certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PendingCsr {
    /// The number of the CA generation that waits for the certificate.
    pub generation: u32,
    /// The CSR, in PEM.
    pub pem: String,
    /// SHA-256 over the CSR's DER, in hex. Compare it with the file that is signed.
    pub sha256: String,
    /// The key identifier (RFC 5280 4.2.1.2) of the key, in hex. The certificate has it as
    /// subjectKeyIdentifier.
    pub subject_key_id: String,
}

/// A summary of a CAGeneration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CaSummary {
    /// The CAGeneration's name.
    pub name: String,
    /// Its number.
    pub generation: u32,
    /// Its place in a rotation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<GenerationRole>,
    /// Its state.
    pub state: GenerationState,
    /// The key: its backend and name.
    pub key: String,
    /// SHA-256 over the key's SubjectPublicKeyInfo, in hex.
    pub key_fingerprint: String,
    /// The subject of the CA certificate as an RFC 4514 name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// SHA-256 over the CA certificate, in hex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
    /// The start of the validity of the CA certificate and those above it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Time>,
    /// The end of the validity of the CA certificate and those above it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_after: Option<Time>,
}

/// The place of a CA generation in a rotation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum GenerationRole {
    /// It signs, unless the issuer is not ready.
    Current,
    /// It is to follow the current one.
    Next,
    /// The current one has followed it.
    Previous,
}

/// The state of a CA generation, derived from its facts and the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum GenerationState {
    /// It has a key and waits for its certificate.
    Requested,
    /// It has a certificate, and its root is yet to be published.
    Prepared,
    /// Its root is in the bundle, and it waits for its activation.
    Published,
    /// It signs.
    Active,
    /// Another took its place, and certificates under it may still be valid.
    Old,
    /// No certificate under it can be valid.
    Expired,
    /// The spec revokes its key.
    Revoked,
}

impl GenerationState {
    /// Returns the state as the API writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Requested => "Requested",
            Self::Prepared => "Prepared",
            Self::Published => "Published",
            Self::Active => "Active",
            Self::Old => "Old",
            Self::Expired => "Expired",
            Self::Revoked => "Revoked",
        }
    }
}
