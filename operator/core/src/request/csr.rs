//! Certificate signing requests: strict PKCS#10 (RFC 2986) whose self-signature was checked.
//!
//! DER only and nothing left over; every attribute and extension is known or refused; the
//! signature is checked over the bytes that were received. From a [`Csr`] come the public key
//! and the raw bytes of subject and subjectAltName; what the requested extensions hold is
//! compared with the request around the CSR (A3-21 to A3-27).

mod attributes;
mod error;
mod extensions;
mod name_constraints;
mod pem;
mod pkcs10;
mod signature;

use std::ops::Deref;

use der::asn1::AnyRef;
use der::{Decode, Encode, Tag};

pub use error::{CsrError, PemError};
pub use extensions::RequestedExtensions;

use crate::x509::algorithm::SignatureAlgorithm;
use crate::x509::names::DistinguishedName;
use crate::x509::public_key::{PublicKey, SignatureMismatch};
use crate::x509::signed::Signed;
use pkcs10::RequestInfo;

/// The largest CSR that is read, in bytes, as PEM as well as in DER.
pub const MAX_SIZE: usize = 64 * 1024;

/// A strictly parsed CSR that proves possession of its key.
#[derive(Clone, Debug)]
pub struct Csr(Fields);

/// What a CSR requests.
#[derive(Clone, Debug)]
pub struct Fields {
    /// The subject Name, as received.
    pub subject_der: Vec<u8>,
    pub(crate) subject: DistinguishedName,
    /// The key that is to be certified.
    pub public_key: PublicKey,
    /// The extensions that are used.
    pub extensions: RequestedExtensions,
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
    /// As [`Self::from_der`].
    pub fn from_pem(pem: &[u8]) -> Result<Self, CsrError> {
        check_size(pem)?;
        Self::from_der(&pem::decode(pem)?)
    }

    /// Reads a CSR in DER and checks its self-signature over the received
    /// CertificationRequestInfo.
    ///
    /// # Errors
    /// [`CsrError`] lists them.
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
        let malformed = CsrError::malformed("frame");
        let raw = |any: AnyRef<'_>| any.to_der().map_err(malformed);
        let signed = Signed::from_der(der).map_err(malformed)?;
        let info = RequestInfo::read(signed.content)?;
        let unused_bits = || CsrError::malformed("signature")(Tag::BitString.value_error().into());
        let signature = signed.signature.as_bytes().ok_or_else(unused_bits)?;
        let algorithm = signature::algorithm(&signed.algorithm)?;
        let public_key = PublicKey::from_spki_der(&raw(info.public_key)?)?;
        let subject_der = raw(info.subject)?;
        let subject = DistinguishedName::read(&subject_der, "subject")?;
        let extensions = match attributes::extension_request(info.attributes()?)? {
            Some(extensions) => RequestedExtensions::read(extensions)?,
            None => RequestedExtensions::default(),
        };
        // Last, so that everything before it is also reached by input that is not signed.
        verify(&public_key, algorithm, &raw(signed.content)?, signature)?;
        Ok(Self(Fields {
            subject_der,
            subject,
            public_key,
            extensions,
        }))
    }
}

impl Deref for Csr {
    type Target = Fields;

    fn deref(&self) -> &Fields {
        &self.0
    }
}

fn check_size(input: &[u8]) -> Result<(), CsrError> {
    match input.len() {
        ..=MAX_SIZE => Ok(()),
        size => Err(CsrError::TooLarge(size)),
    }
}

#[cfg(test)]
mod tests;
