//! The parts of the spec.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::AllowedRequesters;
use crate::duration::GoDuration;

/// How the CA certificate comes about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [{
    "rule": "[has(self.selfSigned), has(self.existing)].filter(present, present).size() == 1",
    "message": "name exactly one of: selfSigned, existing",
}]))]
pub struct CertificateSpec {
    /// Signet makes a self-signed root over the key. For trying it out, or for a private root.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub self_signed: Option<SelfSigned>,
    /// The certificate exists. It is read from the Secret or ConfigMap that is named here, or,
    /// where none is, from the Secret of `key.software`: the CA certificate first in `tls.crt`,
    /// intermediates after it, and the roots in `ca.crt`. The Secret of a cert-manager CA issuer,
    /// a `kubernetes.io/tls` Secret, looks like that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub existing: Option<Existing>,
}

/// A self-signed root. These fields are read once, when Signet makes the root.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SelfSigned {
    /// The root's subject in the form of RFC 4514, such as `CN=Example Root,O=Example`. Defaults
    /// to the issuer's name as common name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 3, max = 1024))]
    pub subject: Option<String>,
    /// The root's lifetime. Defaults to ten years.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration: Option<GoDuration>,
    /// How many CAs may follow below the root. Unlimited by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 10))]
    pub path_length: Option<u8>,
}

/// Where a certificate that exists is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [{
    "rule": "!(has(self.secretName) && has(self.configMapName))",
    "message": "name one of secretName and configMapName",
}]))]
pub struct Existing {
    /// The Secret that holds the certificate under `tls.crt`, and the roots under `ca.crt`. It is
    /// in the Issuer's namespace; for a ClusterIssuer, in the cluster resource namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub secret_name: Option<String>,
    /// The ConfigMap that holds them, under the same keys and in the same namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub config_map_name: Option<String>,
}

/// The one source that a valid spec names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertificateSource<'a> {
    /// `selfSigned`.
    SelfSigned(&'a SelfSigned),
    /// `existing`.
    Existing(&'a Existing),
}

impl CertificateSpec {
    /// Returns the source, or none when the spec names none or several (the schema refuses both).
    pub fn source(&self) -> Option<CertificateSource<'_>> {
        match (&self.self_signed, &self.existing) {
            (Some(own), None) => Some(CertificateSource::SelfSigned(own)),
            (None, Some(existing)) => Some(CertificateSource::Existing(existing)),
            _ => None,
        }
    }
}

/// The trust domain that an issuer speaks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SpiffeSpec {
    /// The trust domain's name, such as `example.org`: lower-case letters, digits, dots, hyphens
    /// and underscores. A ServiceAccount that asks for itself gets
    /// `spiffe://<trust domain>/ns/<namespace>/sa/<name>`; a cert-manager Certificate gets
    /// `spiffe://<trust domain>/ns/<namespace>/certificate/<name>`, or the one URI under
    /// `/ns/<namespace>/` that it lists itself. Everybody else is refused.
    #[schemars(length(min = 1, max = 255), extend("x-kubernetes-validations" = [{
        "rule": "self.matches('^[a-z0-9_-]+([.][a-z0-9_-]+)*$')",
        "message": "a trust domain is a bare name such as example.org: lower-case letters, digits, hyphens and underscores, with single dots between them, without spiffe:// and without a path",
    }]))]
    pub trust_domain: String,
}

/// What certificates of an issuer may be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Profile {
    /// Allows requests for CA certificates, which are refused otherwise. Whoever gets one can
    /// issue in the name of this CA.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca: Option<CaProfile>,
}

/// The terms on which CA certificates are issued.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CaProfile {
    /// The path length of CA certificates that are issued: how many CAs may follow below them.
    /// It never exceeds what this issuer's own CA allows.
    #[serde(default)]
    #[schemars(range(min = 0, max = 10))]
    pub path_length: u8,
    /// Who may request a CA certificate. Required with `spec.spiffe`: under a CA certificate,
    /// its holder can give any identity of the trust domain to anyone. Without `spec.spiffe`, no
    /// list means every approved request. A listed ServiceAccount may request from a ClusterIssuer
    /// in any namespace; with `spec.spiffe`, an Issuer issues only to requesters of its own
    /// namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed_requesters: Option<AllowedRequesters>,
}

/// How much is asked of a key at most. Issuers of one namespace, or of the cluster, that share a
/// key share its limits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct KeyLimits {
    /// Signatures a second. By default 500 for AWS KMS, whose quota is shared by all keys of an
    /// account and region, and without limit for the others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100_000))]
    pub signatures_per_second: Option<u32>,
    /// The maximum number of certificates that are in flight: being signed and written. Further
    /// requests are queued, and namespaces are served round-robin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1024))]
    pub max_in_flight: Option<u16>,
}
