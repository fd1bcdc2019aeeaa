//! Which certificates an issuer may issue.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::duration::GoDuration;

/// Which certificates an issuer may issue.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [{
    "rule": "!has(self.minDuration) || !has(self.maxDuration) || duration(self.minDuration) <= duration(self.maxDuration)",
    "message": "minDuration must not be longer than maxDuration",
}, {
    "rule": "!has(self.minDuration) || !has(self.ca) || !has(self.ca.maxDuration) || duration(self.minDuration) <= duration(self.ca.maxDuration)",
    "message": "minDuration must not be longer than ca.maxDuration",
}]))]
pub struct Profile {
    /// The maximum lifetime of certificates that are not a CA's. A longer requested lifetime is
    /// shortened to it. Defaults to 2208h (92 days) with `spec.spiffe`, and to no limit without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_duration: Option<GoDuration>,
    /// How much of the lifetime of the CA certificate, and of those above it, must remain to
    /// shorten a certificate that would expire later. While less remains, requests for certificates
    /// that would outlive the CA wait until it is renewed. Defaults to 1h.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_duration: Option<GoDuration>,
    /// What happens if the CA certificate, or one above it, expires before the requested
    /// certificate would. With `Shorten`, the default, the certificate expires together with the
    /// CA. With `Wait`, the request waits until the CA is renewed.
    #[serde(
        default,
        rename = "whenCAExpiresFirst",
        skip_serializing_if = "Option::is_none"
    )]
    pub when_ca_expires_first: Option<WhenCaExpiresFirst>,
    /// The URLs of the CA's CRL (http, https or ldap), for the extension cRLDistributionPoints of
    /// issued certificates. `$(generation)` stands for the number of the CAGeneration, so that the
    /// URLs of one CA certificate do not appear under another.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(min = 1, max = 8),
        inner(length(min = 1, max = 512)),
        extend("x-kubernetes-list-type" = "set", "x-kubernetes-validations" = url_rules())
    )]
    pub crl_distribution_points: Vec<String>,
    /// The URLs of the CA certificate (http, https or ldap), for the extension authorityInfoAccess
    /// of issued certificates (caIssuers), with the same variable.
    #[serde(
        default,
        rename = "issuingCertificateURLs",
        skip_serializing_if = "Vec::is_empty"
    )]
    #[schemars(
        length(min = 1, max = 8),
        inner(length(min = 1, max = 512)),
        extend("x-kubernetes-list-type" = "set", "x-kubernetes-validations" = url_rules())
    )]
    pub issuing_certificate_urls: Vec<String>,
    /// The URLs of the CA's OCSP responders (http or https), for the extension authorityInfoAccess
    /// of issued certificates, with the same variable.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(min = 1, max = 8),
        inner(length(min = 1, max = 512)),
        extend("x-kubernetes-list-type" = "set", "x-kubernetes-validations" = ocsp_url_rules())
    )]
    pub ocsp_servers: Vec<String>,
    /// Allows CA certificates, which are refused by default, up to these limits. The holder of a CA
    /// certificate can issue certificates that chain to this CA. Without `spec.policy`, an issuer
    /// without `spec.spiffe` issues them for every approved request. Otherwise, only requesters of
    /// rules with `allow.ca` get one, because the holder of a CA certificate can give any identity
    /// in the trust domain to anyone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca: Option<CaProfile>,
}

/// What happens if the CA expires before a requested certificate would.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum WhenCaExpiresFirst {
    /// The certificate expires together with the CA.
    #[default]
    Shorten,
    /// The request waits until the CA is renewed.
    Wait,
}

/// How CA certificates are issued.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CaProfile {
    /// The path length of issued CA certificates: how many CAs may follow below them. It never
    /// exceeds what this issuer's own CA allows.
    #[serde(default)]
    #[schemars(range(min = 0, max = 10))]
    pub path_length: u8,
    /// The maximum lifetime of CA certificates. A longer requested lifetime is shortened to it.
    /// Defaults to no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_duration: Option<GoDuration>,
}

/// Returns the rules for URLs of CRLs or CA certificates. Signet checks the rest of RFC 3986 itself.
fn url_rules() -> Value {
    json!([{
        "rule": "self.all(url, url.matches('^(https?://[^/?]|ldap://)') && url.matches('^[]!$-;=?-[_a-z~]+$'))",
        "message": "must be absolute URLs with the scheme http, https or ldap, without a fragment; percent-encode other characters",
    }, only_variable()])
}

/// Returns the rules for URLs of OCSP responders.
fn ocsp_url_rules() -> Value {
    json!([{
        "rule": "self.all(url, url.matches('^https?://[^/?]') && url.matches('^[]!$-;=?-[_a-z~]+$'))",
        "message": "must be absolute URLs with the scheme http or https, without a fragment; percent-encode other characters",
    }, only_variable()])
}

fn only_variable() -> Value {
    json!({
        "rule": "self.all(url, !url.replace('$(generation)', '').contains('$('))",
        "message": "may contain only the variable $(generation)",
    })
}
