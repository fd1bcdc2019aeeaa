//! `spec.rotation`: how and when another CA generation takes over.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::duration::GoDuration;

/// How CA generations follow each other. Commands name a certificate or a key by its fingerprint, so
/// that they mean the same after a restore.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [{
    "rule": "!has(self.activationDelay) || !has(self.activation) || self.activation == 'Automatic'",
    "message": "activationDelay has no effect with activation Manual; set only one of them",
}]))]
pub struct RotationSpec {
    /// When a generation under a new root begins to sign. `Automatic`, the default: when every leaf
    /// that was issued before the root was published has expired, or after `activationDelay`.
    /// `Manual`: when `activate` names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activation: Option<ActivationMode>,
    /// How long after the publication of its root a generation begins to sign. Set it if all
    /// consumers follow the trust bundle. Defaults to the recorded lifetime of leaves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activation_delay: Option<GoDuration>,
    /// Requests a rotation: a new value starts one, to the key to which `spec.key` leads now.
    #[serde(default, rename = "requestID", skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64))]
    pub request_id: Option<String>,
    /// The SHA-256 of the CA certificate of the next generation, in hex: it is activated without
    /// further delay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = "^[0-9a-f]{64}$"), length(max = 64))]
    pub activate: Option<String>,
    /// The SHA-256 of the CA certificate of an earlier generation, in hex. While it is set, a new
    /// generation with that certificate and its key signs, and takes precedence over `spec.key` and
    /// `spec.certificate`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = "^[0-9a-f]{64}$"), length(max = 64))]
    pub rollback_to: Option<String>,
    /// The SHA-256 of the SubjectPublicKeyInfo of keys that must not sign any more, in hex. Entries
    /// cannot be removed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 32),
        inner(regex(pattern = "^[0-9a-f]{64}$"), length(max = 64)),
        extend("x-kubernetes-list-type" = "set")
    )]
    pub revoked: Vec<String>,
    /// How many CA generations that have ended are kept. Defaults to 3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 32))]
    pub revision_history_limit: Option<u8>,
}

/// How a generation under a new root is activated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ActivationMode {
    /// After a delay.
    #[default]
    Automatic,
    /// By `activate`.
    Manual,
}
