//! The bytes that a key signs, built field by field from a grant and the CA above it.
//!
//! From the CSR come the public key and, where the grant says so, the raw bytes of subject and
//! subjectAltName. Everything else is Signet's: version 3, the issuer as the CA certificate
//! spells it (PKI-2), the extensions, the validity and the serial number.

mod authority;
mod extensions;
mod issued;
mod serial;
mod tbs;
mod trial;
mod validity;

#[cfg(test)]
mod tests;

use std::fmt;

use jiff::Timestamp;

pub use authority::{Authority, SelfSigned};
pub use issued::{Issued, assemble_root};
pub use validity::{BACKDATE, Window};

use crate::ca::CaChain;
use crate::policy::{Grant, Kind};
use crate::x509::algorithm::SignatureAlgorithm;
use crate::x509::public_key::PublicKey;
use tbs::Fields;

/// A TBSCertificate in DER, together with what is needed to check what comes back.
///
/// There are two ways to make one that becomes a certificate: from a [`Grant`], and from an
/// issuer's own `spec.certificate` ([`SelfSigned`]). A third one becomes nothing:
/// [`trial`](Self::trial).
#[derive(Clone)]
pub struct ToBeSigned {
    der: Vec<u8>,
    algorithm: SignatureAlgorithm,
    window: Window,
    signer: PublicKey,
    /// Of the CA certificate that it was built under.
    ca_fingerprint: Vec<u8>,
    /// Of a CA certificate to be.
    path_length: Option<u8>,
}

/// The signature value over a [`ToBeSigned`], in the form that X.509 carries (ECDSA in DER).
#[derive(Clone, PartialEq, Eq)]
pub struct Signature(Vec<u8>);

/// Why no bytes can be built now. It says something about the CA, never about the request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// The CA, or one above it, is past its end (PKI-6).
    #[error("the CA certificate or one above it expired at {0}; renew the CA")]
    Expired(Timestamp),
    /// The CA, or one above it, has not begun.
    #[error("the CA certificate or one above it is not valid before {0}")]
    NotYetValid(Timestamp),
    /// A field does not fit into DER.
    #[error("the certificate cannot be encoded: {0}")]
    Encoding(#[from] der::Error),
}

impl ToBeSigned {
    /// Builds the certificate that `grant` allows, under `ca`, at the time `now`.
    ///
    /// # Errors
    /// The CA cannot issue at this time, or the encoding fails.
    pub fn from_grant(
        grant: &Grant,
        ca: &Authority<'_>,
        now: Timestamp,
    ) -> Result<Self, TemplateError> {
        let window = Window::inside(ca.chain, now, grant.duration())?;
        let fields = Fields {
            algorithm: ca.algorithm,
            issuer: ca.chain.issuing().subject_der(),
            window,
            subject: grant.subject_der(),
            spki: grant.public_key().spki_der(),
            extensions: extensions::of_grant(grant, ca.chain.issuing())?,
        };
        let fingerprint = ca.chain.issuing().fingerprint();
        let signer = ca.chain.issuing().public_key();
        let path_length = match grant.kind() {
            Kind::Leaf => None,
            Kind::Ca { path_length } => Some(path_length),
        };
        let tbs = Self::new(&fields, grant.request_uid(), fingerprint, signer)?;
        Ok(Self { path_length, ..tbs })
    }

    fn new(
        fields: &Fields<'_>,
        uid: &str,
        ca_fingerprint: &[u8],
        signer: &PublicKey,
    ) -> Result<Self, TemplateError> {
        let serial = serial::number(uid, ca_fingerprint, &fields.without_serial()?);
        Ok(Self {
            der: fields.with_serial(&serial)?,
            algorithm: fields.algorithm,
            window: fields.window,
            signer: signer.clone(),
            ca_fingerprint: ca_fingerprint.to_vec(),
            path_length: None,
        })
    }

    /// The DER that is signed.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// How it must be signed.
    pub fn algorithm(&self) -> SignatureAlgorithm {
        self.algorithm
    }

    /// The validity that was built in.
    pub fn window(&self) -> Window {
        self.window
    }

    /// The key under which the signature must verify.
    pub fn signer(&self) -> &PublicKey {
        &self.signer
    }

    /// Whether this was built under the issuing CA of `chain` and fits inside the chain: its
    /// validity (PKI-6) and, when it is a CA itself, its path length (PKI-7).
    ///
    /// The same key is not enough: a CA that was renewed may have another name or identifier.
    pub(crate) fn fits(&self, chain: &CaChain) -> bool {
        let shorter = |own: u8| chain.path_length().is_none_or(|limit| own < limit);
        self.ca_fingerprint == chain.issuing().fingerprint()
            && self.window.is_inside(chain)
            && self.path_length.is_none_or(shorter)
    }
}

impl fmt::Debug for ToBeSigned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ToBeSigned")
            .field("bytes", &self.der.len())
            .field("algorithm", &self.algorithm)
            .field("window", &self.window)
            .finish_non_exhaustive()
    }
}

impl Signature {
    /// Takes what a key backend answered. Nothing is checked here; the chain does that.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The bytes of the signature value.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signature({} bytes)", self.0.len())
    }
}
