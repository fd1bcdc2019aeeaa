//! `spec.certificate.trustedRoots`: which roots an issuer may chain to.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A list of roots.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [{
    "rule": "[has(self.fingerprints), has(self.configMapName), has(self.secretName)].filter(present, present).size() == 1",
    "message": "set exactly one of: fingerprints, configMapName, secretName",
}, {
    "rule": "!has(self.fingerprints) || self.fingerprints.all(fingerprint, fingerprint.matches('^[0-9a-f]{64}$'))",
    "message": "fingerprints must be the SHA-256 of certificates as 64 lower-case hex digits without colons, as `openssl x509 -in root.pem -outform DER | sha256sum` prints them",
}]))]
pub struct TrustedRootsSpec {
    /// The SHA-256 of each root certificate, as 64 lower-case hex digits without colons.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(min = 1, max = 16),
        inner(length(max = 128)),
        extend("x-kubernetes-list-type" = "set")
    )]
    pub fingerprints: Vec<String>,
    /// The ConfigMap with the roots in `ca.crt`, in the namespace of the Issuer or MeshCA or, for a
    /// ClusterIssuer, in the cluster resource namespace. Signet follows changes of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub config_map_name: Option<String>,
    /// The Secret with the roots in `ca.crt`, in the same namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub secret_name: Option<String>,
}
