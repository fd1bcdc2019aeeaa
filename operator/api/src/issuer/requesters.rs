//! Lists of requesters.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Requesters of certificates.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [{
    "rule": "has(self.serviceAccounts) || has(self.certificates)",
    "message": "name at least one requester in serviceAccounts or certificates.namespaces",
}]))]
pub struct AllowedRequesters {
    /// ServiceAccounts that may request certificates for themselves. cert-manager's own
    /// ServiceAccount has no effect here; list the namespaces of its Certificates in
    /// `certificates`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(min = 1, max = 64),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["namespace", "name"])
    )]
    pub service_accounts: Vec<RequesterServiceAccount>,
    /// cert-manager Certificates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificates: Option<RequesterCertificates>,
}

/// A ServiceAccount.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RequesterServiceAccount {
    /// The namespace of the ServiceAccount.
    #[schemars(
        length(min = 1, max = 63),
        regex(pattern = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")
    )]
    pub namespace: String,
    /// The name of the ServiceAccount.
    #[schemars(
        length(min = 1, max = 253),
        regex(pattern = "^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$")
    )]
    pub name: String,
}

/// cert-manager Certificates, by their namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RequesterCertificates {
    /// The namespaces of the Certificates.
    #[schemars(
        length(min = 1, max = 256),
        inner(length(min = 1, max = 63), regex(pattern = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")),
        extend("x-kubernetes-list-type" = "set")
    )]
    pub namespaces: Vec<String>,
}
