//! Certificate signing requests: strict PKCS#10 (RFC 2986) whose self-signature was checked.
//!
//! DER only and nothing left over; every attribute and extension is known or refused; the
//! signature is checked over the bytes that were received. From a [`Csr`] come the public key
//! and the raw bytes of subject and subjectAltName; what the requested extensions hold is
//! compared with the request around the CSR (A3-21 to A3-27).

use const_oid::ObjectIdentifier;
use x509_cert::ext::pkix::KeyUsage;

mod attributes;
mod error;
mod extensions;
mod name_constraints;
mod pem;
mod pkcs10;
mod signature;

pub use error::{CsrError, PemError};

use crate::x509::algorithm::SignatureAlgorithm;
use crate::x509::basic_constraints::BasicConstraints;
use crate::x509::names::{DistinguishedName, SubjectAltNames};
use crate::x509::public_key::{PublicKey, SignatureMismatch};
use extensions::RequestedExtensions;
use pkcs10::CertificationRequest;

/// The largest CSR that is read, in bytes, as PEM as well as in DER.
pub const MAX_SIZE: usize = 64 * 1024;

/// A strictly parsed CSR that proves possession of its key.
#[derive(Clone, Debug)]
pub struct Csr {
    subject_der: Vec<u8>,
    subject: DistinguishedName,
    public_key: PublicKey,
    extensions: RequestedExtensions,
}

/// Checks a signature: the key, its algorithm, the message and the signature.
type Verify = fn(&PublicKey, SignatureAlgorithm, &[u8], &[u8]) -> Result<(), SignatureMismatch>;

impl Csr {
    /// Reads a CSR in PEM: exactly one block, `CERTIFICATE REQUEST` or the older `NEW
    /// CERTIFICATE REQUEST`, with nothing but white space around it.
    ///
    /// The API server and cert-manager's webhook skip text around the block. Signet refuses it:
    /// two readers of one request must not disagree about what it is.
    ///
    /// # Errors
    /// [`CsrError`], see [`Self::from_der`].
    pub fn from_pem(pem: &[u8]) -> Result<Self, CsrError> {
        check_size(pem)?;
        Self::from_der(&pem::decode(pem)?)
    }

    /// Reads a CSR in DER and checks its self-signature over the received
    /// CertificationRequestInfo.
    ///
    /// # Errors
    /// [`CsrError`]: larger than [`MAX_SIZE`], not strict DER, a key or signature algorithm that
    /// is unknown or weak, a malformed name, an attribute or extension that is unknown or
    /// repeated, or a signature that does not verify.
    pub fn from_der(der: &[u8]) -> Result<Self, CsrError> {
        Self::read(der, PublicKey::verify)
    }

    /// Reads a CSR in DER as [`Self::from_der`] does, without checking its self-signature, which
    /// no fuzzer gets past. Only builds for the fuzzer have it.
    ///
    /// # Errors
    /// [`CsrError`].
    #[cfg(fuzzing)]
    pub fn from_der_unverified(der: &[u8]) -> Result<Self, CsrError> {
        Self::read(der, |_, _, _, _| Ok(()))
    }

    fn read(der: &[u8], verify: Verify) -> Result<Self, CsrError> {
        check_size(der)?;
        let request = CertificationRequest::read(der)?;
        let algorithm = signature::algorithm(&request.signature_algorithm)?;
        let public_key = PublicKey::from_spki_der(request.public_key)?;
        let subject = DistinguishedName::read(request.subject, "subject")?;
        let extensions = match attributes::extension_request(request.attributes)? {
            Some(extensions) => RequestedExtensions::read(extensions)?,
            None => RequestedExtensions::default(),
        };
        // Last, so that everything before it is also reached by input that is not signed.
        verify(&public_key, algorithm, request.info, request.signature)?;
        Ok(Self {
            subject_der: request.subject.to_vec(),
            subject,
            public_key,
            extensions,
        })
    }

    /// Returns the subject Name, as received.
    pub fn subject_der(&self) -> &[u8] {
        &self.subject_der
    }

    /// Returns whether the subject is a SEQUENCE of no RDN. Istio's, an organization of zero
    /// length, is not empty.
    pub fn subject_is_empty(&self) -> bool {
        self.subject.is_empty
    }

    /// Returns the last commonName of the subject.
    pub fn common_name(&self) -> Option<&str> {
        self.subject.common_name.as_deref()
    }

    /// Returns the key that is to be certified.
    pub fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    /// Returns the requested subjectAltName.
    pub fn subject_alt_names(&self) -> Option<&SubjectAltNames> {
        self.extensions.subject_alt_names.as_ref()
    }

    /// Returns the requested basicConstraints.
    pub fn basic_constraints(&self) -> Option<BasicConstraints> {
        self.extensions.basic_constraints
    }

    /// Returns the requested keyUsage, which has at least one bit.
    pub fn key_usage(&self) -> Option<KeyUsage> {
        self.extensions.key_usage
    }

    /// Returns the requested extKeyUsage, in order.
    pub fn extended_key_usage(&self) -> Option<&[ObjectIdentifier]> {
        self.extensions.extended_key_usage.as_deref()
    }

    /// Returns the value of the requested nameConstraints extension, as received and well-formed.
    pub fn name_constraints_der(&self) -> Option<&[u8]> {
        self.extensions.name_constraints.as_deref()
    }
}

fn check_size(input: &[u8]) -> Result<(), CsrError> {
    if input.len() > MAX_SIZE {
        Err(CsrError::TooLarge(input.len()))
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
