//! The names of the built-in rules.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use signet_core::mesh;

/// A built-in rule.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
pub enum Preset {
    /// The rule of an issuer without rules. With `spec.spiffe`, a ServiceAccount gets its own SPIFFE
    /// ID, a pod that of its ServiceAccount, and a Certificate any under its namespace; other names
    /// are not checked, and CA certificates are refused. Without, every approved request is allowed.
    Default,
    /// istiod as registration authority, for sidecars and ztunnel.
    Istio,
    /// istio-csr, for sidecars and ztunnel, and the Certificate of istiod that its chart has.
    IstioCsr,
    /// The Certificate of Linkerd's identity issuer, a CA.
    LinkerdIdentity,
    /// A SPIRE server that requests its CA certificate.
    SpireUpstream,
    /// The same, with SPIRE servers nested below it.
    SpireNested,
    /// csi-driver-spiffe with the pod's token.
    CsiDriverSpiffe,
    /// csi-driver-spiffe with its own ServiceAccount.
    CsiDriverSpiffeOwnAccount,
    /// The CertificateRequests of Open Service Mesh.
    OpenServiceMesh,
}

impl Preset {
    /// Every preset.
    pub const ALL: [Self; 9] = [
        Self::Default,
        Self::Istio,
        Self::IstioCsr,
        Self::LinkerdIdentity,
        Self::SpireUpstream,
        Self::SpireNested,
        Self::CsiDriverSpiffe,
        Self::CsiDriverSpiffeOwnAccount,
        Self::OpenServiceMesh,
    ];

    /// Returns its name, as specs have it.
    pub const fn as_str(self) -> &'static str {
        match self.mesh() {
            Some(mesh) => mesh.as_str(),
            None => "Default",
        }
    }

    /// Returns the preset of a mesh; none for `Default`.
    pub const fn mesh(self) -> Option<mesh::Preset> {
        Some(match self {
            Self::Default => return None,
            Self::Istio => mesh::Preset::Istio,
            Self::IstioCsr => mesh::Preset::IstioCsr,
            Self::LinkerdIdentity => mesh::Preset::LinkerdIdentity,
            Self::SpireUpstream => mesh::Preset::SpireUpstream,
            Self::SpireNested => mesh::Preset::SpireNested,
            Self::CsiDriverSpiffe => mesh::Preset::CsiDriverSpiffe,
            Self::CsiDriverSpiffeOwnAccount => mesh::Preset::CsiDriverSpiffeOwnAccount,
            Self::OpenServiceMesh => mesh::Preset::OpenServiceMesh,
        })
    }

    /// Returns the preset of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|preset| preset.as_str() == name)
    }
}
