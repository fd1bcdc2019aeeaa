//! The parts of the spec.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::issuer_ref::IssuerRef;
use super::trusted_roots::TrustedRootsSpec;
use super::vault_pki::VaultPkiSource;
use crate::duration::GoDuration;

/// The source of the CA certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [{
    "rule": "[has(self.selfSigned), has(self.existing), has(self.issuerRef), has(self.vaultPki), has(self.manual)].filter(present, present).size() == 1",
    "message": "name exactly one of: selfSigned, existing, issuerRef, vaultPki, manual",
}]))]
pub struct CertificateSpec {
    /// Signet creates a self-signed root for the key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub self_signed: Option<SelfSigned>,
    /// The certificate exists, in the given Secret or ConfigMap or, if neither is set, in the
    /// Secret of `key.software`. `tls.crt` holds the CA certificate, followed by intermediates, and
    /// `ca.crt` the roots, as in the `kubernetes.io/tls` Secret of a cert-manager CA issuer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub existing: Option<Existing>,
    /// Another issuer signs the certificate: one of cert-manager's, of an external issuer, or of
    /// Signet. Signet creates a CertificateRequest for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer_ref: Option<IssuerRef>,
    /// An issuer of the PKI engine of HashiCorp Vault or OpenBao signs the certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vault_pki: Option<VaultPkiSource>,
    /// A person gets the certificate: Signet puts a CSR into `status.csr`, and the signed chain is
    /// put into a Secret or ConfigMap.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manual: Option<Manual>,
    /// How long before its expiry Signet renews a CA certificate, at most nine tenths of its
    /// lifetime. Defaults to a third of its lifetime or the longest lifetime of a leaf, whichever is
    /// longer, and to at most half of its lifetime. Has no effect with `existing`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub renew_before: Option<GoDuration>,
    /// The roots that are trusted, in addition to those that Signet created and those in the object
    /// that `existing` or `manual` names. Those in an object are published in the trust bundle.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trusted_roots: Option<TrustedRootsSpec>,
    /// Trusts each new root that a parent returns, without a list. A parent can then add trust
    /// anchors. Has no effect with `selfSigned`, `existing` and `manual`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub follow_parent_roots: bool,
    /// Accepts a CA certificate without a self-signed root above it. The highest certificate of its
    /// chain is then the trust anchor, which some verifiers do not accept.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub allow_missing_root: bool,
    /// The SHA-256 of the root certificate, in hex. No CA with another root is accepted, so that a
    /// cluster that is rebuilt comes back with the same root or not at all. A root that renews it,
    /// with its subject and key, is accepted too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = "^[0-9a-f]{64}$"), length(max = 64))]
    pub expected_root: Option<String>,
    /// Whether Signet may create a CA: `Allowed`, the default, or `Forbidden`. With `Forbidden`,
    /// only a CA that exists already is used: Signet creates no key, no self-signed root for a key
    /// without one, and requests no first CA certificate. Renewals continue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub creation: Option<CreationMode>,
    /// The fingerprint of a lost CA, as the condition names it: Signet starts over with another CA.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = "^[0-9a-f]{64}$"), length(max = 64))]
    pub acknowledged_loss: Option<String>,
}

/// Whether a CA may be created.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum CreationMode {
    /// It may, unless an earlier one is lost.
    #[default]
    Allowed,
    /// It may not.
    Forbidden,
}

/// A self-signed root. A change starts a new CA generation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SelfSigned {
    /// The root's subject as an RFC 4514 name, such as `CN=Example Root,O=Example`. Defaults to the
    /// issuer's kind, namespace and name and the number of the CA generation as common name. A root
    /// that is renewed over the same key keeps its subject.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 3, max = 1024))]
    pub subject: Option<String>,
    /// The root's lifetime. Defaults to ten years.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration: Option<GoDuration>,
    /// How many CAs may follow below the root. Defaults to no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 10))]
    pub path_length: Option<u8>,
}

/// The location of an existing certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [{
    "rule": "!(has(self.secretName) && has(self.configMapName))",
    "message": "set only one of secretName and configMapName",
}]))]
pub struct Existing {
    /// The Secret with the certificate in `tls.crt` and the roots in `ca.crt`, in the Issuer's
    /// namespace or, for a ClusterIssuer, in the cluster resource namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub secret_name: Option<String>,
    /// The ConfigMap with the same keys, in the same namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub config_map_name: Option<String>,
}

/// Where a person puts the signed chain, and what the CSR requests. A change of what it requests
/// starts a new CA generation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [{
    "rule": "has(self.secretName) != has(self.configMapName)",
    "message": "set secretName or configMapName",
}]))]
pub struct Manual {
    /// The Secret for the chain, in the Issuer's namespace or, for a ClusterIssuer, in the cluster
    /// resource namespace. `tls.crt` holds the CA certificate, followed by intermediates, and
    /// `ca.crt` the root.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub secret_name: Option<String>,
    /// The ConfigMap for the chain, with the same keys, in the same namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub config_map_name: Option<String>,
    /// What the CSR requests.
    #[serde(flatten)]
    pub request: CaRequest,
}

/// What Signet requests for an intermediate CA.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CaRequest {
    /// The subject as an RFC 4514 name, such as `CN=Example Issuing CA,O=Example`. Defaults to the
    /// issuer's kind, namespace and name and the number of the CA generation as common name. A
    /// certificate that is renewed over the same key keeps its subject.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 3, max = 1024))]
    pub subject: Option<String>,
    /// How many CAs may follow below it. Defaults to no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 10))]
    pub path_length: Option<u8>,
    /// The names that the CA may certify (RFC 5280 4.2.1.10). Defaults to no limit. With
    /// `uriDomains`, peers that verify with rustls, such as ztunnel and Linkerd, refuse every SPIFFE
    /// ID under the CA.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name_constraints: Option<NameConstraints>,
}

/// Names that a CA may and may not certify, as in cert-manager's Certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [{
    "rule": "has(self.permitted) || has(self.excluded)",
    "message": "set permitted, excluded or both",
}]))]
pub struct NameConstraints {
    /// The names that the CA may certify.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permitted: Option<Subtrees>,
    /// The names that it may not certify.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub excluded: Option<Subtrees>,
}

/// Names of each form.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Subtrees {
    /// DNS domains, such as `example.org`, which covers itself and every name below it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 64),
        inner(length(min = 1, max = 253)),
        extend("x-kubernetes-list-type" = "atomic")
    )]
    pub dns_domains: Vec<String>,
    /// CIDR blocks, such as `10.0.0.0/8`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 64),
        inner(length(min = 1, max = 64)),
        extend("x-kubernetes-list-type" = "atomic")
    )]
    pub ip_ranges: Vec<String>,
    /// Mailboxes, or the host of many.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 64),
        inner(length(min = 1, max = 320)),
        extend("x-kubernetes-list-type" = "atomic")
    )]
    pub email_addresses: Vec<String>,
    /// The hosts of URIs. In a SPIFFE ID the host is the trust domain.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 64),
        inner(length(min = 1, max = 253)),
        extend("x-kubernetes-list-type" = "atomic")
    )]
    pub uri_domains: Vec<String>,
}

/// The source in a valid spec.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertificateSource<'a> {
    /// `selfSigned`.
    SelfSigned(&'a SelfSigned),
    /// `existing`.
    Existing(&'a Existing),
    /// `issuerRef`.
    IssuerRef(&'a IssuerRef),
    /// `vaultPki`.
    VaultPki(&'a VaultPkiSource),
    /// `manual`.
    Manual(&'a Manual),
}

impl CertificateSpec {
    /// Returns the fields that say what the CA certificate is, in a form that is the same for the
    /// same fields. A change of it asks for another CA certificate.
    pub fn canonical(&self) -> String {
        let mut what = Self {
            renew_before: None,
            trusted_roots: None,
            follow_parent_roots: false,
            allow_missing_root: false,
            expected_root: None,
            creation: None,
            acknowledged_loss: None,
            ..self.clone()
        };
        if let Some(parent) = &mut what.issuer_ref {
            // In whose name it is requested says nothing about it.
            parent.service_account_ref = None;
        }
        if let Some(manual) = &mut what.manual {
            // Where the certificate is put says nothing about it.
            (manual.secret_name, manual.config_map_name) = (None, None);
        }
        let mut what = serde_json::json!(what);
        let pki = what.get_mut("vaultPki").and_then(|pki| pki.as_object_mut());
        if let Some(pki) = pki {
            // How Signet logs in says nothing about it.
            pki.remove("auth");
            pki.remove("caBundle");
        }
        sorted(what).to_string()
    }

    /// Returns the source, or none if the spec has none or several (the schema refuses both).
    pub fn source(&self) -> Option<CertificateSource<'_>> {
        let mut sources = [
            self.self_signed.as_ref().map(CertificateSource::SelfSigned),
            self.existing.as_ref().map(CertificateSource::Existing),
            self.issuer_ref.as_ref().map(CertificateSource::IssuerRef),
            self.vault_pki.as_ref().map(CertificateSource::VaultPki),
            self.manual.as_ref().map(CertificateSource::Manual),
        ]
        .into_iter()
        .flatten();
        sources.next().filter(|_| sources.next().is_none())
    }
}

/// Sorts the keys of every object.
fn sorted(value: serde_json::Value) -> serde_json::Value {
    use serde_json::Value;
    match value {
        Value::Object(fields) => {
            let fields = fields.into_iter().map(|(key, value)| (key, sorted(value)));
            let fields: std::collections::BTreeMap<_, _> = fields.collect();
            Value::Object(fields.into_iter().collect())
        }
        Value::Array(items) => items.into_iter().map(sorted).collect(),
        other => other,
    }
}

/// The trust domain of an issuer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SpiffeSpec {
    /// The trust domain's name, such as `example.org`: lower-case letters, digits, dots, hyphens
    /// and underscores. A ServiceAccount gets `spiffe://<trust domain>/ns/<namespace>/sa/<name>`. A
    /// cert-manager Certificate gets the URI that it lists, which must be under `spiffe://<trust
    /// domain>/ns/<namespace>/`, or by default `spiffe://<trust
    /// domain>/ns/<namespace>/certificate/<name>`. Other requesters are refused.
    #[schemars(length(min = 1, max = 255), extend("x-kubernetes-validations" = [{
        "rule": "self.matches('^[a-z0-9_-]+([.][a-z0-9_-]+)*$')",
        "message": "must be a name such as example.org, without spiffe:// and without a path: lower-case letters, digits, hyphens and underscores, separated by single dots",
    }]))]
    pub trust_domain: String,
}

/// Limits on the use of a key. Issuers with the same key share them: the Issuers of a namespace,
/// and all ClusterIssuers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct KeyLimits {
    /// The maximum number of signatures per second. Defaults to 500 for AWS KMS, where all keys of
    /// an account and region share a quota, and to no limit for other backends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100_000))]
    pub signatures_per_second: Option<u32>,
    /// The maximum number of certificates in flight, that is, being signed and written. Further
    /// requests are queued, and namespaces are served round-robin. Defaults to 64 for AWS KMS, 16
    /// for PKCS#11 and 32 for other backends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1024))]
    pub max_in_flight: Option<u16>,
    /// The maximum that each namespace may use, so that none can use up the key's quota alone. A
    /// request that is denied counts as well. Defaults to half of `signaturesPerSecond` for a
    /// ClusterIssuer, and to no limit for an Issuer or a key without `signaturesPerSecond`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_namespace: Option<NamespaceLimits>,
}

/// How much of a key one namespace may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NamespaceLimits {
    /// The maximum number of signatures per second.
    #[schemars(range(min = 1, max = 100_000))]
    pub signatures_per_second: u32,
    /// How many a namespace that used none may use at once. Defaults to `signaturesPerSecond`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100_000))]
    pub burst: Option<u32>,
}
