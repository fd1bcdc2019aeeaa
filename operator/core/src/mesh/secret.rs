//! The CA of a mesh as the mesh reads it from a Secret, one file per mesh.
//!
//! A mesh is one variant of [`Mesh`], and one file that writes [`Contents`] as entries and reads
//! them back. [`rollout`](super::rollout) decides which contents may follow which.

mod above;
mod contents;
mod entries;
mod error;
mod generic;
pub mod istio;
pub mod linkerd;
mod private_key;
mod read;
mod roots;
mod spire;
#[cfg(test)]
pub(crate) mod tests;
mod tls;

use std::collections::BTreeMap;

use jiff::Timestamp;

pub use above::{Above, UnfitIssuer};
pub use contents::{Contents, Existing, SigningCa};
pub use entries::Entries;
pub use error::{SecretError, Unfit};
pub use generic::GenericNames;
pub use istio::IstioLayout;
pub use private_key::PrivateKeyPem;
pub use roots::RootsFile;

use crate::ca::CaChain;

/// A mesh that signs with a CA in a Secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mesh {
    /// istiod, with the Secret `cacerts`.
    Istio(IstioLayout),
    /// Linkerd's identity controller, with `identity.externalCA` and the scheme
    /// `kubernetes.io/tls`.
    Linkerd,
    /// A SPIRE server with `UpstreamAuthority "disk"`.
    Spire,
    /// Another one, with these names of entries.
    Generic(GenericNames),
}

/// Which changes of its roots a mesh accepts while it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RootChanges {
    /// Only those after which one file is a contiguous piece of the other.
    Contiguous,
    /// Any.
    Any,
}

/// The entries of the objects that a mesh reads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Objects {
    /// Those of the Secret.
    pub secret: Entries,
    /// Those of the ConfigMap; none for a mesh without one.
    pub config_map: BTreeMap<String, String>,
}

impl Mesh {
    /// Returns the entries that the mesh reads these contents from.
    pub fn write(&self, contents: &Contents) -> Objects {
        match self {
            Self::Istio(layout) => istio::write(*layout, contents),
            Self::Linkerd => linkerd::write(contents),
            Self::Spire => spire::write(contents),
            Self::Generic(names) => generic::write(names, contents),
        }
    }

    /// Reads what the mesh reads; none if the objects have no entries of it. Of several
    /// certificates of one root, the path ends at one that is valid at `now`.
    ///
    /// # Errors
    /// The objects have something that the mesh does not read, or reads as something else.
    pub fn read(&self, objects: &Objects, now: Timestamp) -> Result<Option<Existing>, SecretError> {
        match self {
            Self::Istio(layout) => istio::read(*layout, objects, now),
            Self::Linkerd => linkerd::read(objects, now),
            Self::Spire => spire::read(objects, now),
            Self::Generic(names) => generic::read(names, objects, now),
        }
    }

    /// Checks what the mesh requires of a CA besides what every issuer's must be.
    ///
    /// # Errors
    /// The mesh would refuse the CA or a root of it.
    pub fn check(&self, chain: &CaChain) -> Result<(), Unfit> {
        let is_long_enough = |limit| limit >= self.path_length();
        if !chain.path_length().is_none_or(is_long_enough) {
            let subject = chain.issuing().subject().to_owned();
            return Err(Unfit::PathLength { subject });
        }
        match self {
            Self::Linkerd => linkerd::check(chain),
            Self::Istio(_) | Self::Spire | Self::Generic(_) => Ok(()),
        }
    }

    /// Returns how many CAs must be able to follow below the mesh's.
    pub const fn path_length(&self) -> u8 {
        match self {
            // SPIRE signs a CA of its own under these files.
            Self::Spire => 1,
            Self::Istio(_) | Self::Linkerd | Self::Generic(_) => 0,
        }
    }

    /// Returns the type of a Secret that Signet creates. The type of a Secret is immutable.
    pub const fn secret_type(&self) -> &'static str {
        match self {
            Self::Istio(IstioLayout::Tls) | Self::Linkerd | Self::Spire => "kubernetes.io/tls",
            Self::Istio(IstioLayout::Plugin) | Self::Generic(_) => "Opaque",
        }
    }

    /// Returns which changes of its roots the mesh accepts while it runs.
    pub const fn root_changes(&self) -> RootChanges {
        match self {
            Self::Istio(_) => RootChanges::Contiguous,
            Self::Linkerd | Self::Spire | Self::Generic(_) => RootChanges::Any,
        }
    }

    /// Returns what makes a mesh load roots that it has refused.
    pub const fn reload(&self) -> &'static str {
        match self {
            Self::Istio(_) => istio::RELOAD,
            Self::Linkerd | Self::Spire | Self::Generic(_) => "restart the mesh",
        }
    }
}
