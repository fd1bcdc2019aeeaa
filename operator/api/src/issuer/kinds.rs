//! The two kinds of issuers. They have cert-manager's names because Open Service Mesh accepts no others.

use std::borrow::Cow;
use std::fmt::{self, Debug};

use kube::{CustomResource, Resource};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use signet_keys::KeyConfig;

use crate::{
    BundleSpec, CertificateSpec, IssuerStatus, KeyLimits, MeshCASpec, MeshStatus, PolicySpec,
    Profile, RotationSpec, SpiffeSpec,
};

/// The desired state of an issuer: its key, its CA certificate, and what it issues.
#[derive(CustomResource, Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "signet.dev",
    version = "v1alpha1",
    kind = "Issuer",
    namespaced,
    status = "IssuerStatus",
    shortname = "siss",
    category = "signet",
    // The names of CA generations hold the issuer's kind and name.
    validation = Rule::new("self.metadata.name.size() <= 200").message("metadata.name must have at most 200 characters"),
    validation = Rule::new("!has(self.spec.certificate.issuerRef) || has(self.spec.certificate.issuerRef.serviceAccountRef)").message("certificate.issuerRef of an Issuer requires serviceAccountRef: the request is made in the name of a ServiceAccount of its namespace"),
    validation = Rule::new("!has(self.spec.spiffe) || !has(self.spec.profile) || !has(self.spec.profile.ca)").message("an Issuer with spiffe issues no CA certificates, because they cannot be confined to its namespace; remove profile.ca, or use a ClusterIssuer"),
    validation = Rule::new("!has(self.spec.bundle) || !has(self.spec.bundle.namespaceSelector)").message("bundle.namespaceSelector is for ClusterIssuers; an Issuer publishes its bundle only in its own namespace"),
    doc = "An Issuer signs certificate requests in its own namespace, with a CA whose key is in a KMS, Vault, an HSM or a Secret.",
    printcolumn = r#"{"name":"Ready","type":"string","jsonPath":".status.conditions[?(@.type==\"Ready\")].status"}"#,
    printcolumn = r#"{"name":"Reason","type":"string","jsonPath":".status.conditions[?(@.type==\"Ready\")].reason"}"#,
    printcolumn = r#"{"name":"Key","type":"string","jsonPath":".status.ca[0].key"}"#,
    printcolumn = r#"{"name":"CA state","type":"string","jsonPath":".status.ca[0].state"}"#,
    printcolumn = r#"{"name":"CA expiry","type":"string","jsonPath":".status.ca[0].notAfter"}"#,
    printcolumn = r#"{"name":"Rotation","type":"string","jsonPath":".status.conditions[?(@.type==\"Rotating\")].reason"}"#,
    printcolumn = r#"{"name":"Age","type":"date","jsonPath":".metadata.creationTimestamp"}"#,
    printcolumn = r#"{"name":"Message","type":"string","priority":1,"jsonPath":".status.conditions[?(@.type==\"Ready\")].message"}"#
)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [{
    "rule": "!has(self.certificate.existing) || has(self.key.software) || has(self.certificate.existing.secretName) || has(self.certificate.existing.configMapName)",
    "message": "certificate.existing requires secretName or configMapName, unless key is software",
}, {
    "rule": "!has(self.spiffe) || !has(self.profile) || !has(self.profile.ca) || (has(self.policy) && self.policy.rules.exists(rule, has(rule.preset) || (has(rule.allow) && has(rule.allow.ca))))",
    "message": "with spiffe set, profile.ca requires a rule in policy.rules that allows CA certificates, with allow.ca or a preset",
}, {
    "rule": "!has(self.policy) || (has(self.profile) && has(self.profile.ca)) || !self.policy.rules.exists(rule, has(rule.allow) && has(rule.allow.ca))",
    "message": "a rule with allow.ca requires profile.ca, which allows CA certificates at all",
}, {
    "rule": "!has(self.policy) || has(self.spiffe) || !self.policy.rules.exists(rule, has(rule.allow) && has(rule.allow.spiffeIds))",
    "message": "allow.spiffeIds is for issuers with spiffe; an issuer without a trust domain checks its URIs against allow.uris",
}, {
    "rule": "!has(self.policy) || !has(self.spiffe) || !self.policy.rules.exists(rule, has(rule.allow) && has(rule.allow.uris))",
    "message": "allow.uris is for issuers without spiffe; the one URI of an X509-SVID is its SPIFFE ID (X509-SVID 2)",
}, {
    "rule": "!has(self.spiffe) || !has(self.profile) || !has(self.profile.minDuration) || has(self.profile.maxDuration) || duration(self.profile.minDuration) <= duration('2208h')",
    "message": "with spiffe set, profile.maxDuration is 2208h by default, and profile.minDuration must not be longer; set profile.maxDuration",
}, {
    "rule": "has(self.spiffe) == has(oldSelf.spiffe) && (!has(self.spiffe) || self.spiffe.trustDomain == oldSelf.spiffe.trustDomain)",
    "message": "spiffe.trustDomain cannot be added, changed or removed; create another issuer with its own key",
}, {
    "rule": "!has(oldSelf.rotation) || !has(oldSelf.rotation.revoked) || (has(self.rotation) && has(self.rotation.revoked) && oldSelf.rotation.revoked.all(key, key in self.rotation.revoked))",
    "message": "entries of rotation.revoked cannot be removed",
}]))]
pub struct IssuerSpec {
    /// The CA's private key. Set exactly one backend.
    pub key: KeyConfig,
    /// Limits on the use of the key. Defaults to the limits of the backend.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_limits: Option<KeyLimits>,
    /// The source of the CA certificate for that key. Set exactly one; there is no default.
    pub certificate: CertificateSpec,
    /// The SPIFFE trust domain of the issuer: every leaf is an X509-SVID in it. If not set, the
    /// issuer is a plain private CA.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spiffe: Option<SpiffeSpec>,
    /// Who may have which certificates. If not set, the preset `Default` is in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<PolicySpec>,
    /// Which certificates the issuer may issue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<Profile>,
    /// How the CA's key and certificate are rotated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rotation: Option<RotationSpec>,
    /// Where the trust bundle is published. By default, a ClusterIssuer's is published in a
    /// ConfigMap in the cluster resource namespace, and an Issuer's in a ConfigMap in its namespace
    /// if the operator may write ConfigMaps in all namespaces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bundle: Option<BundleSpec>,
    /// Whether the issuer stops signing. Requests wait. Revocation, the trust bundle and cleanup
    /// continue.
    #[serde(default, skip_serializing_if = "is_false")]
    pub suspend: bool,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_false(value: &bool) -> bool {
    !value
}

/// The desired state of an issuer. Its Secrets are in the cluster resource namespace, by default
/// the operator's own.
#[derive(CustomResource, Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "signet.dev",
    version = "v1alpha1",
    kind = "ClusterIssuer",
    status = "IssuerStatus",
    shortname = "sciss",
    category = "signet",
    // The names of CA generations hold the issuer's kind and name.
    validation = Rule::new("self.metadata.name.size() <= 200").message("metadata.name must have at most 200 characters"),
    validation = Rule::new("!has(self.spec.certificate.issuerRef) || !has(self.spec.certificate.issuerRef.serviceAccountRef)").message("certificate.issuerRef.serviceAccountRef is for Issuers; the request of a ClusterIssuer is made by Signet's own account"),
    doc = "A ClusterIssuer signs certificate requests in all namespaces, with a CA whose key is in a KMS, Vault, an HSM or a Secret. Its Secrets are in the cluster resource namespace.",
    printcolumn = r#"{"name":"Ready","type":"string","jsonPath":".status.conditions[?(@.type==\"Ready\")].status"}"#,
    printcolumn = r#"{"name":"Reason","type":"string","jsonPath":".status.conditions[?(@.type==\"Ready\")].reason"}"#,
    printcolumn = r#"{"name":"Key","type":"string","jsonPath":".status.ca[0].key"}"#,
    printcolumn = r#"{"name":"CA state","type":"string","jsonPath":".status.ca[0].state"}"#,
    printcolumn = r#"{"name":"CA expiry","type":"string","jsonPath":".status.ca[0].notAfter"}"#,
    printcolumn = r#"{"name":"Rotation","type":"string","jsonPath":".status.conditions[?(@.type==\"Rotating\")].reason"}"#,
    printcolumn = r#"{"name":"Age","type":"date","jsonPath":".metadata.creationTimestamp"}"#,
    printcolumn = r#"{"name":"Message","type":"string","priority":1,"jsonPath":".status.conditions[?(@.type==\"Ready\")].message"}"#
)]
#[serde(transparent)]
#[schemars(transparent)]
pub struct ClusterIssuerSpec(pub IssuerSpec);

/// Which kind of owner a CA has. A MeshCA signs no requests.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
pub enum IssuerKind {
    /// Namespaced.
    Issuer,
    /// Cluster-scoped.
    ClusterIssuer,
    /// Namespaced, for a mesh that signs by itself.
    MeshCA,
}

impl IssuerKind {
    /// The kind's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Issuer => "Issuer",
            Self::ClusterIssuer => "ClusterIssuer",
            Self::MeshCA => "MeshCA",
        }
    }

    /// The resource's plural. Those of issuers are in signer names.
    pub const fn plural(self) -> &'static str {
        match self {
            Self::Issuer => "issuers",
            Self::ClusterIssuer => "clusterissuers",
            Self::MeshCA => "meshcas",
        }
    }

    /// Whether its objects belong to a namespace, whose owners are tenants.
    pub const fn is_namespaced(self) -> bool {
        match self {
            Self::Issuer | Self::MeshCA => true,
            Self::ClusterIssuer => false,
        }
    }
}

impl fmt::Display for IssuerKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The owner of a CA, so that one body serves every kind.
pub trait IssuerResource:
    Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + Sync + 'static
{
    /// Which kind it is.
    const KIND: IssuerKind;

    /// The shared spec. That of a MeshCA is derived.
    fn issuer_spec(&self) -> Cow<'_, IssuerSpec>;

    /// The shared status.
    fn issuer_status(&self) -> Option<&IssuerStatus>;

    /// Replaces the shared status, as a write of it does.
    fn set_issuer_status(&mut self, status: IssuerStatus);

    /// The mesh whose CA it is; none for an issuer.
    fn mesh(&self) -> Option<&MeshCASpec> {
        None
    }

    /// What was written about the mesh.
    fn mesh_status(&self) -> Option<&MeshStatus> {
        None
    }

    /// Replaces what is written about the mesh. An issuer has none.
    fn set_mesh_status(&mut self, _status: Option<MeshStatus>) {}

    /// Returns the whole status with this shared part, as it is written.
    fn status_with(&self, status: &IssuerStatus) -> Value {
        json!(status)
    }
}

impl IssuerResource for Issuer {
    const KIND: IssuerKind = IssuerKind::Issuer;

    fn issuer_spec(&self) -> Cow<'_, IssuerSpec> {
        Cow::Borrowed(&self.spec)
    }

    fn issuer_status(&self) -> Option<&IssuerStatus> {
        self.status.as_ref()
    }

    fn set_issuer_status(&mut self, status: IssuerStatus) {
        self.status = Some(status);
    }
}

impl IssuerResource for ClusterIssuer {
    const KIND: IssuerKind = IssuerKind::ClusterIssuer;

    fn issuer_spec(&self) -> Cow<'_, IssuerSpec> {
        Cow::Borrowed(&self.spec.0)
    }

    fn issuer_status(&self) -> Option<&IssuerStatus> {
        self.status.as_ref()
    }

    fn set_issuer_status(&mut self, status: IssuerStatus) {
        self.status = Some(status);
    }
}
