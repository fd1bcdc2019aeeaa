//! The status: a view of the issuer's CA generations.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::conditions::list_by_type;

/// The observed state of an issuer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct IssuerStatus {
    /// `Ready`: the issuer can sign. `Reconciling` and `Stalled`, as in kstatus: the issuer is not
    /// ready, and the cause may be transient (`Reconciling`) or requires a change by a user
    /// (`Stalled`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(transform = list_by_type)]
    pub conditions: Vec<Condition>,
    /// A summary of the CAGenerations, the signing one first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "atomic"))]
    pub ca: Vec<CaSummary>,
    /// Every root that is trusted now, in PEM.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bundle: Option<String>,
}

/// A summary of a CAGeneration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CaSummary {
    /// The CAGeneration's name.
    pub name: String,
    /// Whether the key signs under this CA certificate.
    pub state: GenerationState,
    /// The key: its backend and name.
    pub key: String,
    /// The subject of the CA certificate as an RFC 4514 name.
    pub subject: String,
    /// SHA-256 over the CA certificate, in hex.
    pub fingerprint: String,
    /// The start of the CA certificate's validity.
    pub not_before: Time,
    /// The end of the CA certificate's validity.
    pub not_after: Time,
}

/// The state of a CA generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum GenerationState {
    /// It signs.
    Active,
    /// It does not sign, and its root stays trusted until its certificate expires.
    Inactive,
    /// Its certificate has expired; it can be deleted.
    Expired,
}
