//! The common part of everything that a CA key signs.

use der::asn1::{AnyRef, BitStringRef};
use der::{Decode, Encode};

use super::IssueError;
use crate::x509::algorithm::SignatureAlgorithm;
use crate::x509::public_key::{PublicKey, SignatureMismatch};
use crate::x509::signed::Signed;
use crate::x509::strict;

const UTF8_STRING: u8 = 0x0c;

/// DER to be signed, with the key and the algorithm that must sign it.
///
/// A key signs nothing else, and only this module makes one: as part of a
/// [`CertificateToSign`](super::CertificateToSign) or a [`CsrToSign`](super::CsrToSign), or as a
/// key's self-test.
#[derive(Clone, Debug)]
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

    /// Returns the text that a key signs when it is connected: the same bytes each time.
    ///
    /// It is a UTF8String in DER, and a TBSCertificate, a CertificationRequestInfo and a
    /// TBSCertList are each a SEQUENCE: no reader can mistake the signed text for one of them. It
    /// names the key, for the auditor of an HSM.
    pub fn self_test(key: &PublicKey, algorithm: SignatureAlgorithm) -> Self {
        let text = format!(
            "Signet self-test of the key with SHA-256 fingerprint {}. Not a certificate.",
            key.fingerprint()
        );
        Self::new(strict::tlv(UTF8_STRING, text.as_bytes()), algorithm, key)
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

/// The signature value over a [`ToBeSigned`], in the form that X.509 carries (ECDSA in DER).
#[derive(Clone, Debug, PartialEq, Eq)]
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
