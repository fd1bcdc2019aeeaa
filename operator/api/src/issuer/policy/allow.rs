//! What the requesters of a rule may have.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::subject::AllowedSubject;
use crate::duration::GoDuration;

/// What a rule allows. What is not listed is refused.
///
/// Patterns may contain the variables of the rule's requesters, such as `{namespace}`, as whole
/// segments of a path or whole labels of a DNS name. A pattern with a variable that is not known of
/// a requester never matches.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [{
    "rule": "!has(self.defaultSpiffeId) || has(self.spiffeIds)",
    "message": "defaultSpiffeId requires spiffeIds, one of which must match it",
}, {
    "rule": "!has(self.minDuration) || !has(self.maxDuration) || duration(self.minDuration) <= duration(self.maxDuration)",
    "message": "minDuration must not be longer than maxDuration",
}, {
    "rule": "!has(self.defaultDuration) || !has(self.maxDuration) || duration(self.defaultDuration) <= duration(self.maxDuration)",
    "message": "defaultDuration must not be longer than maxDuration",
}, {
    "rule": "!has(self.defaultDuration) || !has(self.minDuration) || duration(self.minDuration) <= duration(self.defaultDuration)",
    "message": "defaultDuration must not be shorter than minDuration",
}, {
    "rule": "has(self.spiffeIds) || has(self.dnsNames) || has(self.ipAddresses) || has(self.emailAddresses) || has(self.uris) || has(self.otherNames) || has(self.subject) || has(self.ca) || (has(self.unlistedNames) && self.unlistedNames == 'Allowed')",
    "message": "allow lists no names; set spiffeIds, another list of names, unlistedNames: Allowed, or ca",
}]))]
pub struct Allow {
    /// The paths of SPIFFE IDs in the trust domain, such as `/ns/{namespace}/sa/{serviceAccount}`.
    /// `*` matches one segment, and `**` at the end one or more.
    #[serde(default, rename = "spiffeIds", skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(min = 1, max = 64),
        inner(length(min = 2, max = 512)),
        extend("x-kubernetes-list-type" = "set", "x-kubernetes-validations" = path_rules())
    )]
    pub spiffe_ids: Vec<String>,
    /// The path that Signet adds to a request without a SPIFFE ID, without wildcards. Defaults to
    /// `/ns/{namespace}/sa/{serviceAccount}` for ServiceAccounts and pods, and to
    /// `/ns/{namespace}/certificate/{certificate}` for Certificates, if `spiffeIds` matches it.
    #[serde(
        default,
        rename = "defaultSpiffeId",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(length(min = 2, max = 512))]
    pub default_spiffe_id: Option<String>,
    /// DNS names, such as `*.{namespace}.svc.cluster.local`. `*` matches one label, and `**` at the
    /// beginning one or more. A common name that reads as a DNS name must match one too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(min = 1, max = 64),
        inner(length(min = 1, max = 253)),
        extend("x-kubernetes-list-type" = "set")
    )]
    pub dns_names: Vec<String>,
    /// IP addresses, and ranges such as `10.0.0.0/8`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(min = 1, max = 64),
        inner(length(min = 2, max = 64)),
        extend("x-kubernetes-list-type" = "set")
    )]
    pub ip_addresses: Vec<String>,
    /// Email addresses, or `*@example.org` for all of a host.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(min = 1, max = 64),
        inner(length(min = 3, max = 320)),
        extend("x-kubernetes-list-type" = "set")
    )]
    pub email_addresses: Vec<String>,
    /// URIs of an issuer without `spec.spiffe`, such as `https://example.org/{namespace}/*`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(min = 1, max = 64),
        inner(length(min = 3, max = 512)),
        extend("x-kubernetes-list-type" = "set")
    )]
    pub uris: Vec<String>,
    /// The object identifiers of otherNames. Their values are not checked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(min = 1, max = 16),
        inner(length(min = 3, max = 128), regex(pattern = "^[0-2]([.](0|[1-9][0-9]*))+$")),
        extend("x-kubernetes-list-type" = "set")
    )]
    pub other_names: Vec<String>,
    /// The values of subject attributes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<AllowedSubject>,
    /// Whether a DNS name may be a wildcard (`*.example.org`): its `*` must then be matched by a `*`
    /// or `**` of a pattern. Defaults to false.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub wildcards: bool,
    /// `Refused`, the default, or `Allowed`: then names that no list has, of any kind but the SPIFFE
    /// ID, are not checked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unlisted_names: Option<UnlistedNames>,
    /// Allows CA certificates, within `spec.profile.ca`. The holder of one can give any name to
    /// anyone, so that the lists do not apply to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca: Option<CaRight>,
    /// The lifetime of a certificate whose request has none. Defaults to 2160h, as in cert-manager.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_duration: Option<GoDuration>,
    /// The minimum lifetime that may be requested. Defaults to no minimum.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_duration: Option<GoDuration>,
    /// The maximum lifetime. A longer requested lifetime is shortened to it. Defaults to that of the
    /// profile, which it never exceeds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_duration: Option<GoDuration>,
    /// The usages that may be requested, by their Kubernetes names, such as `client auth`. Defaults
    /// to all that the issuer allows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(min = 1, max = 23),
        inner(length(min = 1, max = 32)),
        extend("x-kubernetes-list-type" = "set")
    )]
    pub usages: Vec<String>,
    /// The keys that may be certified. Defaults to all that the issuer certifies.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(min = 1, max = 3),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["algorithm"])
    )]
    pub keys: Vec<AllowedKey>,
}

/// Whether names that no list has are allowed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum UnlistedNames {
    /// They are refused.
    #[default]
    Refused,
    /// They are allowed.
    Allowed,
}

/// The right to CA certificates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CaRight {
    /// The maximum path length: how many CAs may follow below them. Defaults to 0.
    #[serde(default)]
    #[schemars(range(min = 0, max = 10))]
    pub path_length: u8,
    /// The maximum lifetime. Defaults to that of `spec.profile.ca`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_duration: Option<GoDuration>,
}

/// A kind of key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [{
    "rule": "!has(self.minSize) || self.algorithm != 'Ed25519'",
    "message": "minSize has no effect on Ed25519 keys; remove it",
}, {
    "rule": "!has(self.maxSize) || self.algorithm != 'Ed25519'",
    "message": "maxSize has no effect on Ed25519 keys; remove it",
}, {
    "rule": "!has(self.minSize) || !has(self.maxSize) || self.minSize <= self.maxSize",
    "message": "maxSize must not be below minSize",
}]))]
pub struct AllowedKey {
    /// The algorithm.
    pub algorithm: AllowedAlgorithm,
    /// The minimum size in bits. Defaults to what the issuer certifies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 256, max = 16384))]
    pub min_size: Option<u32>,
    /// The maximum size in bits, for software that accepts no larger keys. Defaults to no maximum.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 256, max = 16384))]
    pub max_size: Option<u32>,
}

/// The algorithm of a key.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
pub enum AllowedAlgorithm {
    /// RSA.
    #[serde(rename = "RSA")]
    Rsa,
    /// ECDSA over a NIST curve.
    #[serde(rename = "ECDSA")]
    Ecdsa,
    /// Ed25519.
    Ed25519,
}

/// Returns the rules for paths. Signet checks the rest of SPIFFE-ID 2 itself.
fn path_rules() -> Value {
    json!([{
        "rule": "self.all(path, path.startsWith('/') && !path.endsWith('/') && !path.contains('//'))",
        "message": "must be paths such as /ns/{namespace}/sa/{serviceAccount}, without the trust domain",
    }])
}
