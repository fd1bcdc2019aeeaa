//! What a mesh requires of the issuer above its CA, as far as that is known before a request.

use super::{Mesh, Unfit, linkerd};
use crate::ca::CaChain;
use crate::x509::algorithm::SignatureAlgorithm;

/// What is known of the issuer above the CA of a mesh.
#[derive(Clone, Copy, Debug)]
pub struct Above<'a> {
    /// The path length that its profile allows in CA certificates; none if it signs none.
    pub profile: Option<u8>,
    /// Whether it is in a namespace and has a trust domain, and so signs no CA certificates.
    pub is_confined: bool,
    /// The CA with which it signs, and how it signs; none if that is not known.
    pub authority: Option<(&'a CaChain, SignatureAlgorithm)>,
}

/// Why an issuer cannot sign a CA that the mesh accepts. Each message states what to change, and
/// follows the name of the issuer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnfitIssuer {
    /// A CA certificate cannot be confined to a namespace.
    #[error(
        "is in a namespace and has a trust domain, so it signs no CA certificates; use a \
         ClusterIssuer"
    )]
    Confined,
    /// Its profile has no CA certificates.
    #[error(
        "signs no CA certificates; set its spec.profile.ca.pathLength to {needed}, or more if \
         others need it"
    )]
    NoProfile {
        /// The path length that the CA of the mesh needs.
        needed: u8,
    },
    /// Its profile allows a shorter path only.
    #[error(
        "signs CA certificates with a path length of at most {found}, and the mesh needs {needed}; \
         set its spec.profile.ca.pathLength to at least {needed}"
    )]
    Profile {
        /// The path length that it allows.
        found: u8,
        /// The path length that the CA of the mesh needs.
        needed: u8,
    },
    /// Its own CA certificate, or one above it, allows a shorter path only.
    #[error(
        "allows a path of {found} CAs below its own CA certificate, and the mesh needs {required}; \
         have that certificate signed with a path length of at least {required}"
    )]
    OwnPathLength {
        /// How many CAs may follow below it.
        found: u8,
        /// How many have to.
        required: u8,
    },
    /// It signs by another algorithm.
    #[error(
        "signs by {0}, and Linkerd accepts only a CA certificate that is signed by ECDSA or RSA \
         PKCS#1 v1.5 with SHA-256; use an issuer with a key on P-256, or an RSA key that signs with \
         SHA-256"
    )]
    Signature(SignatureAlgorithm),
    /// Its root.
    #[error("is below a root that the mesh would refuse: {0}")]
    Root(Unfit),
}

impl Mesh {
    /// Checks whether an issuer can sign a CA that the mesh accepts, with the path length that is
    /// requested if there is one.
    ///
    /// # Errors
    /// It cannot, by what is known of it.
    pub fn check_above(&self, above: &Above<'_>, requested: Option<u8>) -> Result<(), UnfitIssuer> {
        let needed = self.path_length().max(requested.unwrap_or_default());
        above.check_path_length(needed)?;
        let Some((chain, algorithm)) = above.authority else {
            return Ok(());
        };
        match self {
            Self::Linkerd => linkerd::check_above(chain, algorithm),
            Self::Istio(_) | Self::Spire | Self::Generic(_) => Ok(()),
        }
    }
}

impl Above<'_> {
    /// The path length of a CA is at least one more than that of the CA that it signs (PKI-7).
    fn check_path_length(&self, needed: u8) -> Result<(), UnfitIssuer> {
        if self.is_confined {
            return Err(UnfitIssuer::Confined);
        }
        let found = self.profile.ok_or(UnfitIssuer::NoProfile { needed })?;
        if found < needed {
            return Err(UnfitIssuer::Profile { found, needed });
        }
        let required = needed.saturating_add(1);
        let own = self.authority.and_then(|(chain, _)| chain.path_length());
        match own {
            Some(found) if found < required => Err(UnfitIssuer::OwnPathLength { found, required }),
            Some(_) | None => Ok(()),
        }
    }
}
