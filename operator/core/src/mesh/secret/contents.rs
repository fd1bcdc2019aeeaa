//! What a mesh signs with and trusts, whatever the names of the entries.

use jiff::Timestamp;

use super::{PrivateKeyPem, RootsFile, SecretError};
use crate::ca::offer::{Refusal, expiry};
use crate::ca::{CaCertificate, CaChain};

/// A CA certificate, those above it, and the private key of the CA.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SigningCa {
    certificate: CaCertificate,
    /// The issuer of the CA certificate first; no root.
    above: Vec<CaCertificate>,
    key: PrivateKeyPem,
}

impl SigningCa {
    /// Returns the issuing CA of a chain, with its key. That the key is the CA's is for the caller
    /// to check: what connects to a key knows its public key.
    pub fn new(chain: &CaChain, key: PrivateKeyPem) -> Self {
        let certificate = chain.issuing().clone();
        let above = chain.intermediates().filter(|one| **one != certificate);
        Self {
            above: above.cloned().collect(),
            certificate,
            key,
        }
    }

    /// Returns the CA certificate.
    pub fn certificate(&self) -> &CaCertificate {
        &self.certificate
    }

    /// Returns the CA certificates above it, without a root.
    pub fn above(&self) -> &[CaCertificate] {
        &self.above
    }

    /// Returns the private key.
    pub fn key(&self) -> &PrivateKeyPem {
        &self.key
    }

    /// Returns the SHA-256 of the SubjectPublicKeyInfo of the certificate, in hex.
    pub fn key_fingerprint(&self) -> String {
        self.certificate.public_key().fingerprint()
    }

    /// Returns the identifier of the certificate's key in hex, which names the key's entry in the
    /// Secret of all keys.
    pub fn key_identifier(&self) -> String {
        hex::encode(self.certificate.public_key().key_identifier())
    }

    /// Returns the CA certificate, and above it every certificate but the root.
    pub(super) fn path(&self) -> impl Iterator<Item = &CaCertificate> {
        std::iter::once(&self.certificate).chain(&self.above)
    }

    /// Returns the path as PEM, CA certificate first.
    pub(super) fn path_pem(&self) -> String {
        self.path().map(CaCertificate::pem).collect()
    }
}

/// What a mesh reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contents {
    /// What it signs with.
    pub ca: SigningCa,
    /// What its workloads trust.
    pub roots: RootsFile,
}

impl Contents {
    /// Returns the chain of the CA up to its root, as a CAGeneration can have it.
    ///
    /// # Errors
    /// No root of the file is above the CA, the chain cannot be stored, or it has expired.
    pub fn chain(&self, now: Timestamp) -> Result<CaChain, SecretError> {
        let (path, roots) = (self.ca.path_pem(), self.roots.as_str());
        let chain = CaChain::from_pem(path.as_bytes(), Some(roots.as_bytes()), now);
        let valid = chain.map_err(Refusal::from).and_then(|chain| {
            expiry(&chain, now)?;
            Ok(chain)
        });
        let message = match valid {
            Ok(chain) if chain.is_storable(now) => return Ok(chain),
            Ok(_) => "it cannot be stored in a CAGeneration; leave out certificates that are not \
                      part of its chain"
                .to_owned(),
            Err(error) => error.to_string(),
        };
        Err(SecretError::Certificates {
            entry: "the CA certificate".to_owned(),
            message,
        })
    }
}

/// What the objects of a mesh have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Existing {
    /// What the mesh reads.
    pub contents: Contents,
    /// Whether every entry has it, in meshes that have their roots in two objects.
    pub is_complete: bool,
}

impl RootsFile {
    /// Returns whether a root of the file is above the CA, or is the CA.
    pub(in crate::mesh) fn covers(&self, ca: &SigningCa) -> bool {
        self.certificates()
            .any(|root| ca.path().any(|one| one == root || one.is_issued_by(root)))
    }
}

impl Existing {
    /// Contents that every entry has.
    pub(super) fn complete(contents: Contents) -> Self {
        Self {
            contents,
            is_complete: true,
        }
    }
}
