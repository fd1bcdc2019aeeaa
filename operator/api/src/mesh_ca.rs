//! `MeshCA`: the CA of a mesh, below an issuer.

mod certificate;
mod derived;
mod mesh;
mod status;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::time::Duration;

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use signet_keys::KeyType;

pub use certificate::MeshCertificateSpec;
pub use mesh::{GenericMesh, IstioMesh, LinkerdMesh, Mesh, SecretEntries, SpireMesh};
pub use status::{MeshCAStatus, MeshStatus, MeshWait};

use crate::duration::GoDuration;
use crate::{IssuerKind, IssuerResource, IssuerSpec, IssuerStatus, RotationSpec};

/// The desired state of a mesh's CA: the mesh, its key and the issuer above.
#[derive(CustomResource, Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "signet.dev",
    version = "v1alpha1",
    kind = "MeshCA",
    plural = "meshcas",
    namespaced,
    status = "MeshCAStatus",
    shortname = "smca",
    category = "signet",
    // The names of CA generations hold the kind and the name.
    validation = Rule::new("self.metadata.name.size() <= 200").message("metadata.name must have at most 200 characters"),
    validation = Rule::new("!has(self.spec.mesh.spire) || self.spec.mesh.spire.secretName != self.metadata.name + '-signet-keys'").message("mesh.spire.secretName must not be the Secret with the keys of the MeshCA, which has its name and -signet-keys"),
    validation = Rule::new("!has(self.spec.mesh.generic) || self.spec.mesh.generic.secretName != self.metadata.name + '-signet-keys'").message("mesh.generic.secretName must not be the Secret with the keys of the MeshCA, which has its name and -signet-keys"),
    doc = "A MeshCA is the CA of a service mesh that signs with a key in a Secret. Signet creates the key, gets its certificate from an issuer, and writes both where the mesh reads them. A MeshCA signs no requests.",
    printcolumn = r#"{"name":"Ready","type":"string","jsonPath":".status.conditions[?(@.type==\"Ready\")].status"}"#,
    printcolumn = r#"{"name":"Reason","type":"string","jsonPath":".status.conditions[?(@.type==\"Ready\")].reason"}"#,
    printcolumn = r#"{"name":"CA state","type":"string","jsonPath":".status.ca[0].state"}"#,
    printcolumn = r#"{"name":"CA expiry","type":"string","jsonPath":".status.ca[0].notAfter"}"#,
    printcolumn = r#"{"name":"Rotation","type":"string","jsonPath":".status.conditions[?(@.type==\"Rotating\")].reason"}"#,
    printcolumn = r#"{"name":"Waits for","type":"string","jsonPath":".status.mesh.waitsFor"}"#,
    printcolumn = r#"{"name":"Age","type":"date","jsonPath":".metadata.creationTimestamp"}"#,
    printcolumn = r#"{"name":"Roots","type":"string","priority":1,"jsonPath":".status.mesh.loadedRoots"}"#,
    printcolumn = r#"{"name":"Message","type":"string","priority":1,"jsonPath":".status.conditions[?(@.type==\"Ready\")].message"}"#
)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [{
    "rule": "has(self.mesh.istio) == has(oldSelf.mesh.istio) && has(self.mesh.linkerd) == has(oldSelf.mesh.linkerd) && has(self.mesh.spire) == has(oldSelf.mesh.spire) && has(self.mesh.generic) == has(oldSelf.mesh.generic)",
    "message": "the mesh of a MeshCA cannot be changed; create another MeshCA",
}, {
    "rule": "duration(has(self.certificate.issuerRef.duration) ? self.certificate.issuerRef.duration : '2160h').getSeconds() >= 6 * ((has(self.mesh.spire) && duration(self.mesh.spire.caTTL) > duration(self.maxLeafLifetime) ? duration(self.mesh.spire.caTTL) : duration(self.maxLeafLifetime)) + duration(self.propagation)).getSeconds()",
    "message": "certificate.issuerRef.duration, 2160h by default, must be at least six times the sum of propagation and maxLeafLifetime, or of propagation and mesh.spire.caTTL if that is longer; request a longer duration, or lower the lifetimes here and in the mesh",
}, {
    "rule": "duration(self.maxLeafLifetime) <= duration('2160h')",
    "message": "maxLeafLifetime must be at most 2160h (90 days)",
}, {
    "rule": "duration(self.propagation) <= duration('24h')",
    "message": "propagation must be at most 24h",
}, {
    "rule": "!has(self.mesh.linkerd) || self.keyType == 'ECDSAP256'",
    "message": "Linkerd accepts only a CA key of keyType ECDSAP256",
}, {
    "rule": "!has(self.mesh.spire) || self.keyType != 'ED25519'",
    "message": "SPIRE reads only EC and RSA keys; set another keyType than ED25519",
}, {
    "rule": "!has(self.mesh.spire) || !has(self.certificate.issuerRef.pathLength) || self.certificate.issuerRef.pathLength >= 1",
    "message": "SPIRE signs a CA of its own under this one, so certificate.issuerRef.pathLength must be at least 1",
}, {
    "rule": "!has(self.mesh.linkerd) || !has(self.rotation) || !has(self.rotation.activation) || self.rotation.activation == 'Manual'",
    "message": "Linkerd reads roots only when it starts, so rotation.activation is Manual: a person confirms that the mesh was restarted",
}, {
    "rule": "!has(self.rotation) || !has(self.rotation.activationDelay)",
    "message": "rotation.activationDelay of a MeshCA follows from maxLeafLifetime and propagation; remove it",
}, {
    "rule": "!has(oldSelf.rotation) || !has(oldSelf.rotation.revoked) || (has(self.rotation) && has(self.rotation.revoked) && oldSelf.rotation.revoked.all(key, key in self.rotation.revoked))",
    "message": "entries of rotation.revoked cannot be removed",
}]))]
pub struct MeshCASpec {
    /// The mesh. Set exactly one; it cannot be changed.
    pub mesh: Mesh,
    /// The type of the keys that Signet creates. A change is a key rotation. All meshes accept ECDSA
    /// P-256, and Linkerd accepts nothing else.
    #[serde(default)]
    pub key_type: KeyType,
    /// The issuer above, and which of its roots are trusted.
    pub certificate: MeshCertificateSpec,
    /// The maximum lifetime of the certificates that the mesh issues to workloads, at most 2160h (90
    /// days). Configure the mesh with the same maximum: with a longer one, rotations end
    /// certificates early.
    #[serde(default = "one_day")]
    pub max_leaf_lifetime: GoDuration,
    /// How long it takes until the mesh uses what was written for it: kubelet updates the files of a
    /// Secret within about two minutes, and the mesh reads them. At most 24h. A CA is renewed when
    /// three times the sum of this and `maxLeafLifetime` is left of its lifetime.
    #[serde(default = "ten_minutes")]
    pub propagation: GoDuration,
    /// How the CA's key and certificate are rotated. `activationDelay` is the sum of
    /// `maxLeafLifetime` and `propagation`, and cannot be set. With `mesh.linkerd`, activation is
    /// `Manual`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rotation: Option<RotationSpec>,
    /// Takes over the objects of the mesh that Signet did not create, with the CA in them as the
    /// first generation. Without it, such an object is not touched.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub adopt: bool,
    /// Whether Signet stops requesting certificates and changing the mesh's CA. Revocation and
    /// cleanup continue.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub suspend: bool,
}

/// The default lifetime of the certificates of workloads in Istio and Linkerd, and of SPIRE's CA.
const fn one_day() -> GoDuration {
    GoDuration(Duration::from_secs(24 * 3600))
}

const fn ten_minutes() -> GoDuration {
    GoDuration(Duration::from_secs(600))
}

impl IssuerResource for MeshCA {
    const KIND: IssuerKind = IssuerKind::MeshCA;

    /// Which key is to be used depends on those that exist, and is not in the spec.
    fn issuer_spec(&self) -> Cow<'_, IssuerSpec> {
        let name = self.metadata.name.as_deref().unwrap_or_default();
        Cow::Owned(self.spec.issuer_spec(name, None))
    }

    fn issuer_status(&self) -> Option<&IssuerStatus> {
        self.status.as_ref().map(|status| &status.issuer)
    }

    fn set_issuer_status(&mut self, status: IssuerStatus) {
        self.status.get_or_insert_default().issuer = status;
    }

    fn mesh(&self) -> Option<&MeshCASpec> {
        Some(&self.spec)
    }

    fn mesh_status(&self) -> Option<&MeshStatus> {
        self.status.as_ref()?.mesh.as_ref()
    }

    fn set_mesh_status(&mut self, status: Option<MeshStatus>) {
        self.status.get_or_insert_default().mesh = status;
    }

    fn status_with(&self, status: &IssuerStatus) -> Value {
        let mesh = self.status.as_ref().and_then(|status| status.mesh.clone());
        json!(MeshCAStatus {
            issuer: status.clone(),
            mesh,
        })
    }
}
