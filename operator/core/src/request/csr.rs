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
mod stub;

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
    /// Whether there is any attribute, ignored ones included.
    has_attributes: bool,
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

    pub(super) fn read(der: &[u8], verify: Verify) -> Result<Self, CsrError> {
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
        let attributes = info.attributes()?;
        let extensions = match attributes::extension_request(attributes)? {
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
            has_attributes: !attributes.is_empty(),
        }))
    }
}

impl Deref for Csr {
    type Target = Fields;

    fn deref(&self) -> &Fields {
        &self.0
    }
}

/// Returns the DER of the key that a CSR names, which may be one that is refused.
pub(super) fn claimed_key(csr: &[u8], is_pem: bool) -> Option<Vec<u8>> {
    let der = claimed_der(csr, is_pem)?;
    let info = RequestInfo::read(Signed::from_der(&der).ok()?.content).ok()?;
    info.public_key.to_der().ok()
}

/// Returns the first URI that a CSR names, whether or not its signature is valid.
pub(super) fn claimed_uri(csr: &[u8], is_pem: bool) -> Option<String> {
    let read = Csr::read(&claimed_der(csr, is_pem)?, |_, _, _, _| Ok(())).ok()?;
    let names = read.extensions.subject_alt_names.as_ref()?;
    names.uris().first().cloned()
}

fn claimed_der(csr: &[u8], is_pem: bool) -> Option<Vec<u8>> {
    check_size(csr).ok()?;
    match is_pem {
        true => pem::decode(csr).ok(),
        false => Some(csr.to_vec()),
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
