//! The common part of everything that a CA key signs.

use std::fmt;

use der::asn1::{AnyRef, BitStringRef};
use der::{Decode, Encode};

use super::IssueError;
use crate::x509::algorithm::SignatureAlgorithm;
use crate::x509::public_key::{PublicKey, SignatureMismatch};
use crate::x509::signed::Signed;

/// DER to be signed, with the key and the algorithm that must sign it.
///
/// A key signs nothing else, and only the types of this module that wrap it make one:
/// [`CertificateToSign`](super::CertificateToSign) and [`SelfTest`](super::SelfTest).
#[derive(Clone)]
pub struct ToBeSigned {
    der: Vec<u8>,
    algorithm: SignatureAlgorithm,
    key: PublicKey,
}

impl ToBeSigned {
    pub(super) fn new(der: Vec<u8>, algorithm: SignatureAlgorithm, key: &PublicKey) -> Self {
        Self {
            der,
            algorithm,
            key: key.clone(),
        }
    }

    /// Returns the DER that is signed.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// Returns how it must be signed.
    pub fn algorithm(&self) -> SignatureAlgorithm {
        self.algorithm
    }

    /// Checks a signature over these bytes.
    ///
    /// # Errors
    /// It is not one of the key with the algorithm.
    pub fn verify(&self, signature: &Signature) -> Result<(), SignatureMismatch> {
        self.key
            .verify(self.algorithm, &self.der, signature.as_bytes())
    }

    /// Combines the bytes with a signature that verifies, as certificates, CSRs and CRLs are
    /// encoded.
    pub(super) fn combine(&self, signature: &Signature) -> Result<Vec<u8>, IssueError> {
        self.verify(signature)?;
        let signed = Signed {
            content: AnyRef::from_der(&self.der)?,
            algorithm: self.algorithm.identifier(),
            signature: BitStringRef::from_bytes(signature.as_bytes())?,
        };
        Ok(signed.to_der()?)
    }
}

impl fmt::Debug for ToBeSigned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ToBeSigned")
            .field("bytes", &self.der.len())
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}

/// The signature value over a [`ToBeSigned`], in the form that X.509 carries (ECDSA in DER).
#[derive(Clone, PartialEq, Eq)]
pub struct Signature(Vec<u8>);

impl Signature {
    /// Holds what a key backend returned, unchecked: [`ToBeSigned::verify`] checks it.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// Returns the bytes of the signature value.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signature({} bytes)", self.0.len())
    }
}
