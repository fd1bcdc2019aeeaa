//! `spec.mesh`: which mesh, and where it reads its CA.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use signet_keys::{SECRET_ENTRY_PATTERN, exactly_one};

use crate::duration::GoDuration;

/// A mesh that signs with a CA key in a Secret of its namespace, which is that of the MeshCA.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = exactly_one)]
pub enum Mesh {
    /// Istio, where istiod signs: the Secret `cacerts` in istiod's namespace.
    Istio(IstioMesh),
    /// Linkerd with `identity.externalCA`: the Secret `linkerd-identity-issuer` in the scheme
    /// `kubernetes.io/tls`, and the ConfigMap `linkerd-identity-trust-roots`.
    Linkerd(LinkerdMesh),
    /// SPIRE with the upstream authority `disk`: the Secret with the files of that plugin.
    Spire(SpireMesh),
    /// Another mesh that reads PEM from a Secret, such as Dapr.
    Generic(GenericMesh),
}

/// Istio has no settings: istiod reads a Secret of a fixed name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct IstioMesh {}

/// Linkerd has no settings: it reads objects of fixed names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LinkerdMesh {}

/// Where SPIRE reads its upstream CA, and how long its own CA is valid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [{
    "rule": "duration(self.caTTL) <= duration('2160h')",
    "message": "mesh.spire.caTTL must be at most 2160h (90 days)",
}, {
    // The Secret of before would keep a private key.
    "rule": "self.secretName == oldSelf.secretName",
    "message": "mesh.spire.secretName cannot be changed; create another MeshCA",
}]))]
pub struct SpireMesh {
    /// The Secret that is mounted for the plugin `disk`. Defaults to `spiffe-upstream-ca`, as SPIRE's
    /// Helm chart has it. It cannot be changed.
    #[serde(default = "spiffe_upstream_ca")]
    #[schemars(length(min = 1, max = 253), extend("x-kubernetes-validations" = object_name()))]
    pub secret_name: String,
    /// SPIRE's `ca_ttl`, at most 2160h (90 days): how long the CA is valid that SPIRE signs under
    /// this one. SPIRE reads the roots only when it signs another.
    #[serde(default = "super::one_day", rename = "caTTL")]
    pub ca_ttl: GoDuration,
}

/// Where another mesh reads its CA. It cannot be changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [{
    "rule": "self == oldSelf",
    "message": "mesh.generic cannot be changed; create another MeshCA",
}]))]
pub struct GenericMesh {
    /// The Secret that the mesh reads.
    #[schemars(length(min = 1, max = 253), extend("x-kubernetes-validations" = object_name()))]
    pub secret_name: String,
    /// The names of its entries.
    pub entries: SecretEntries,
    /// A ConfigMap that has the roots, too, in an entry of the same name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253), extend("x-kubernetes-validations" = object_name()))]
    pub config_map_name: Option<String>,
}

/// The names of the entries of a Secret, each in PEM.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [{
    "rule": "self.privateKey != self.certificate && self.privateKey != self.roots && self.certificate != self.roots && (!has(self.chain) || !(self.chain in [self.privateKey, self.certificate, self.roots]))",
    "message": "privateKey, certificate, chain and roots must be different entries",
}]))]
pub struct SecretEntries {
    /// The private key, in PKCS#8.
    #[schemars(length(min = 1, max = 253), regex(pattern = SECRET_ENTRY_PATTERN))]
    pub private_key: String,
    /// The CA certificate. Without `chain`, those above it follow, without the root.
    #[schemars(length(min = 1, max = 253), regex(pattern = SECRET_ENTRY_PATTERN))]
    pub certificate: String,
    /// The certificates above the CA certificate, without the root. The entry may be empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253), regex(pattern = SECRET_ENTRY_PATTERN))]
    pub chain: Option<String>,
    /// The roots.
    #[schemars(length(min = 1, max = 253), regex(pattern = SECRET_ENTRY_PATTERN))]
    pub roots: String,
}

fn spiffe_upstream_ca() -> String {
    "spiffe-upstream-ca".to_owned()
}

/// Returns the rule for the name of an object.
fn object_name() -> Value {
    json!([{
        "rule": "self.matches('^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$')",
        "message": "write the name of an object: lower-case letters, digits, hyphens and dots",
    }])
}
