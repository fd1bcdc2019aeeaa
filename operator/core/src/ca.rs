//! The CA certificates above what is issued: chains and trust bundles.

mod bundle;
mod certificate;
pub mod creation;
mod extensions;
mod generation;
pub mod lifecycle;
mod lifetimes;
mod limits;
pub mod offer;
mod order;
pub(crate) mod pem;
mod subtrees;

#[cfg(test)]
pub(crate) mod tests;

use jiff::Timestamp;

pub use bundle::Bundle;
pub use certificate::CaCertificate;
pub use generation::{Certified, Generation, Purpose, Root};
pub use lifetimes::{Lifetimes, allowance, step_for};
pub use limits::{Forbidden, Limits};
pub use pem::MAX_BYTES as MAX_PEM_BYTES;

use crate::x509::names::ComparableName;

/// The issuing CA, the intermediates above it, and the roots that are trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaChain {
    /// Issuing CA first, each issued by the next.
    path: Vec<CaCertificate>,
    /// The trust anchors, the one of this path first.
    roots: Vec<CaCertificate>,
}

/// Why certificates do not form a chain that can issue. Each message states what to change.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChainError {
    /// There is no certificate at all.
    #[error("it holds no PEM block CERTIFICATE; put the CA certificate first")]
    Empty,
    /// More certificates than any chain needs.
    #[error("it holds more than {0} certificates; keep only those of the CA's own chain")]
    TooMany(usize),
    /// More text than any chain needs, and than a CAGeneration has room for.
    #[error("it is larger than {0} bytes; keep only the certificates of the CA's own chain")]
    TooLarge(usize),
    /// The text is not PEM, or a block is not a certificate.
    #[error("certificate {index} cannot be read: {message}")]
    Unreadable {
        /// Which one, counted from 1.
        index: usize,
        /// The reader's message.
        message: String,
    },
    /// A certificate that is not a CA's, or may not sign certificates.
    #[error("the certificate of {subject} {message}")]
    Unfit {
        /// Its subject.
        subject: String,
        /// What is wrong.
        message: String,
    },
    /// A signature that verifiers refuse, or that only few know.
    #[error(
        "the certificate of {subject} is signed with {algorithm}, which verifiers do not accept; \
         have it signed again, with SHA-256"
    )]
    Signature {
        /// Its subject.
        subject: String,
        /// The algorithm, or its broken hash.
        algorithm: String,
    },
    /// Roots of which none is above the path.
    #[error(
        "none of the roots in it is above {0}; add the root and the intermediates above it, or \
         remove the roots that do not belong to the CA"
    )]
    NoPathToRoot(String),
    /// A certificate of the file that no other leads to.
    #[error(
        "the certificate of {0} is not part of the CA's chain; remove it, or correct the order"
    )]
    Unrelated(String),
    /// Many certificates of one name, of which hardly any issued another.
    #[error(
        "it holds many certificates of one name that did not issue each other; keep only those of the \
         CA's own chain"
    )]
    TooManyCandidates,
}

impl CaChain {
    /// Reads a chain as a `kubernetes.io/tls` Secret has it: `tls.crt` with the CA certificate
    /// first and intermediates in any order, and `ca.crt` with roots (and intermediates).
    ///
    /// The path ends at a self-signed certificate where there is one: of several over its subject
    /// and key, at one that is valid at `now`, and of those at the one that ends last. Where there
    /// is none, the highest known certificate is the trust anchor, as cert-manager's CA issuer has
    /// it (rule A2-14).
    ///
    /// Written down again, path and roots read as the same chain, with the path for `tls.crt`
    /// and the roots for `ca.crt`: so a chain that was kept is the one that was found.
    ///
    /// # Errors
    /// What cannot be read, is not a CA's, does not belong to the chain, or makes a path or a list
    /// of roots that would be too much to read.
    pub fn from_pem(
        tls_crt: &[u8],
        ca_crt: Option<&[u8]>,
        now: Timestamp,
    ) -> Result<Self, ChainError> {
        let others = ca_crt.map_or_else(|| Ok(Vec::new()), pem::read)?;
        let mut own = pem::read(tls_crt)?;
        order::repair(&mut own);
        let chain = order::build(own, others, now)?;
        pem::check_written(&chain.path)?;
        pem::check_written(&chain.roots)?;
        Ok(chain)
    }

    /// A root that signed itself and issues directly.
    pub fn from_root(root: CaCertificate) -> Self {
        Self {
            path: vec![root.clone()],
            roots: vec![root],
        }
    }

    /// Returns the CA certificate whose key signs.
    pub fn issuing(&self) -> &CaCertificate {
        &self.path[0]
    }

    /// Returns the issuing CA and what stands above it, with the trust anchor at the end.
    pub fn path(&self) -> &[CaCertificate] {
        &self.path
    }

    /// Returns the trust anchors.
    pub fn roots(&self) -> &[CaCertificate] {
        &self.roots
    }

    /// Returns what follows a leaf in `status.certificate`: every intermediate, no self-signed root
    /// (rule A2-13).
    pub fn intermediates(&self) -> impl Iterator<Item = &CaCertificate> {
        self.path
            .iter()
            .filter(|certificate| !certificate.is_self_signed())
    }

    /// Returns whether the path reads as the same one from where only it is stored, as in a
    /// CAGeneration. Another would never be found again, or would be for another key.
    pub fn is_storable(&self, now: Timestamp) -> bool {
        let stored: String = self.path.iter().map(CaCertificate::pem).collect();
        let read = Self::from_pem(stored.as_bytes(), None, now);
        read.is_ok_and(|read| read.path == self.path)
    }

    /// Returns whether both are the same issuing certificate below the same intermediates. Roots
    /// are not compared: a root that is added or renewed leaves the CA what it is.
    pub fn is_same_path(&self, other: &Self) -> bool {
        self.issuing() == other.issuing() && self.intermediates().eq(other.intermediates())
    }

    /// Returns the subjects of all its CA certificates, those of roots included.
    pub fn subjects(&self) -> impl Iterator<Item = ComparableName> {
        let all = self.path.iter().chain(&self.roots);
        all.map(|certificate| certificate.comparable_subject.clone())
    }

    /// Returns what its CA certificates forbid below them. It is for the rules of an issuer, which
    /// are made once and not for each request.
    pub fn limits(&self) -> Limits {
        Limits::of(&self.path, self.path_length())
    }

    /// Returns when the first certificate of the path ends (PKI-6).
    pub fn not_after(&self) -> Timestamp {
        let ends = self.path.iter().map(CaCertificate::not_after);
        ends.fold(Timestamp::MAX, Ord::min)
    }

    /// Returns when the last certificate of the path begins.
    pub fn not_before(&self) -> Timestamp {
        let starts = self.path.iter().map(CaCertificate::not_before);
        starts.fold(Timestamp::MIN, Ord::max)
    }

    /// Returns how many CAs may follow below the issuing CA; none is without limit (PKI-7).
    ///
    /// A limit above counts the CAs between, so each certificate's own is less by its place in
    /// the path; self-issued ones count too, since not every verifier leaves them out.
    pub fn path_length(&self) -> Option<u8> {
        let places = self.path.iter().zip(0u8..);
        let limits = places.filter_map(|(ca, place)| Some(ca.path_length()?.saturating_sub(place)));
        limits.min()
    }
}
