//! cert-manager's `CertificateRequest`, as far as an external issuer needs it.
//!
//! Every field is lenient on purpose: the API server and cert-manager's webhook have checked
//! them, and one odd object must not stop the watch of all others.
#![allow(missing_docs, reason = "cert-manager's API reference documents them")]

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::CustomResource;
use serde::{Deserialize, Deserializer, Serialize};

/// `spec`, immutable once created (CM-1).
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "cert-manager.io",
    version = "v1",
    kind = "CertificateRequest",
    namespaced,
    status = "CertificateRequestStatus",
    schema = "disabled"
)]
#[serde(rename_all = "camelCase", default)]
pub struct CertificateRequestSpec {
    /// The PEM of the CSR, in base64.
    pub request: String,
    /// The lifetime, in Go's form; 90 days when absent (rule A3-28).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration: Option<String>,
    #[serde(rename = "isCA")]
    pub is_ca: bool,
    pub usages: Vec<String>,
    pub issuer_ref: ObjectReference,
    /// Who created the request; stamped by cert-manager's webhook (CM-2).
    #[serde(skip_serializing_if = "String::is_empty")]
    pub username: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub uid: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// What the authenticator added about that user.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub extra: BTreeMap<String, Vec<String>>,
}

/// The reference to an issuer. An empty group means cert-manager's own, an empty kind `Issuer`
/// (CM-5).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ObjectReference {
    pub group: String,
    pub kind: String,
    pub name: String,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CertificateRequestStatus {
    /// Approved, Denied, InvalidRequest and Ready.
    pub conditions: Vec<CertificateRequestCondition>,
    /// Leaf first, then the intermediates, in PEM, in base64.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<String>,
    /// The trust bundle in PEM, in base64.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca: Option<String>,
    /// When it failed finally (CM-6).
    #[serde(deserialize_with = "time", skip_serializing_if = "Option::is_none")]
    pub failure_time: Option<Time>,
}

/// A condition. cert-manager's has no observedGeneration.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CertificateRequestCondition {
    #[serde(rename = "type")]
    pub type_: String,
    pub status: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    #[serde(deserialize_with = "time", skip_serializing_if = "Option::is_none")]
    pub last_transition_time: Option<Time>,
}

/// Reads a time that another controller wrote. The API server accepts more than a [`Time`] holds,
/// such as the last second of the year 9999, which is read as none.
fn time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Time>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    Ok(text.and_then(|text| text.parse().ok()).map(Time))
}

impl CertificateRequestStatus {
    pub fn condition(&self, type_: &str) -> Option<&CertificateRequestCondition> {
        self.conditions
            .iter()
            .find(|condition| condition.type_ == type_)
    }

    pub fn is_true(&self, type_: &str) -> bool {
        self.condition(type_)
            .is_some_and(|condition| condition.status == "True")
    }
}
