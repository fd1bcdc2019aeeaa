//! Meshes, one file per mesh in each of two places: built-in rules for their agents, here, and
//! the CA that a mesh reads from a Secret, in [`secret`]; [`rollout`] has the order in which that
//! Secret changes.
//!
//! A preset has the requests of its agent and nothing else. It knows the usual namespace and
//! account of the agent, which a rule of an issuer can replace.

mod build;
mod csi_driver_spiffe;
mod error;
mod istio;
mod istio_csr;
mod linkerd;
mod open_service_mesh;
mod replacement;
pub mod rollout;
pub mod secret;
mod spire;

use std::fmt;

pub use error::PresetError;
pub use replacement::Replacement;

use crate::policy::rule::Rule;
use crate::spiffe::TrustDomain;

/// A built-in rule for the agents of a mesh.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Preset {
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
    /// csi-driver-spiffe, which requests with the token of the pod.
    CsiDriverSpiffe,
    /// csi-driver-spiffe, which requests with its own ServiceAccount.
    CsiDriverSpiffeOwnAccount,
    /// Open Service Mesh.
    OpenServiceMesh,
}

/// What the rules of a preset depend on.
#[derive(Clone, Copy, Debug)]
pub struct PresetContext<'a> {
    /// The name of the rule in the spec.
    pub name: &'a str,
    /// The trust domain of the issuer.
    pub trust_domain: Option<&'a TrustDomain>,
    /// The requesters that the rule has instead of the preset's.
    pub replacement: Option<&'a Replacement>,
}

impl Preset {
    /// Every preset.
    pub const ALL: [Self; 8] = [
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
        match self {
            Self::Istio => "Istio",
            Self::IstioCsr => "IstioCsr",
            Self::LinkerdIdentity => "LinkerdIdentity",
            Self::SpireUpstream => "SpireUpstream",
            Self::SpireNested => "SpireNested",
            Self::CsiDriverSpiffe => "CsiDriverSpiffe",
            Self::CsiDriverSpiffeOwnAccount => "CsiDriverSpiffeOwnAccount",
            Self::OpenServiceMesh => "OpenServiceMesh",
        }
    }

    /// Returns the rules that the preset stands for, in order.
    ///
    /// # Errors
    /// The requesters in the spec are not of the preset's kind, or the preset does not fit the
    /// issuer.
    pub fn rules(self, context: &PresetContext<'_>) -> Result<Vec<Rule>, PresetError> {
        match self {
            Self::Istio => istio::rules(context),
            Self::IstioCsr => istio_csr::rules(context),
            Self::LinkerdIdentity => linkerd::rules(context),
            Self::SpireUpstream => spire::rules(context, self, 0),
            Self::SpireNested => spire::rules(context, self, 1),
            Self::CsiDriverSpiffe => csi_driver_spiffe::with_token_of_pod(context),
            Self::CsiDriverSpiffeOwnAccount => csi_driver_spiffe::with_own_account(context),
            Self::OpenServiceMesh => open_service_mesh::rules(context),
        }
    }
}

impl fmt::Display for Preset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests;
