//! The status: a view of the issuer's CA generations.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::conditions::list_by_type;

/// What an issuer is doing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct IssuerStatus {
    /// `Ready` says whether the issuer can sign. `Reconciling` and `Stalled` say, in the sense of
    /// kstatus, whether it is on its way there or waits for somebody to change something.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(transform = list_by_type)]
    pub conditions: Vec<Condition>,
    /// The CA generations in short, the one that signs first. Each is a CAGeneration.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "atomic"))]
    pub ca: Vec<CaSummary>,
    /// Every root that is trusted now, in PEM.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bundle: Option<String>,
}

/// One CA generation in short.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CaSummary {
    /// The CAGeneration's name.
    pub name: String,
    /// Whether it signs.
    pub state: GenerationState,
    /// The key: its backend and name.
    pub key: String,
    /// The subject of the CA certificate, as RFC 4514 writes it.
    pub subject: String,
    /// SHA-256 over the CA certificate, in hex.
    pub fingerprint: String,
    /// When the CA certificate begins.
    pub not_before: Time,
    /// When the CA certificate ends.
    pub not_after: Time,
}

/// What a CA generation is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum GenerationState {
    /// It signs.
    Active,
    /// It does not sign now, and its root stays trusted until its certificate has expired.
    Inactive,
    /// Its certificate has expired; nothing depends on it any more.
    Expired,
}
