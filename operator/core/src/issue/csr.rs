//! The CSR for an issuer's own CA certificate, which a parent CA signs.

use std::ops::Deref;

use aws_lc_rs::digest::{SHA256, digest};
use const_oid::db::rfc2985::PKCS_9_AT_EXTENSION_REQUEST;
use der::asn1::{Any, AnyRef, SetOfVec};
use der::pem::LineEnding;
use der::{Decode, Encode, Sequence};
use x509_cert::attr::{Attribute, Attributes};
use x509_cert::name::Name;

use super::{IssueError, Signature, ToBeSigned, extensions};
use crate::request::csr;
use crate::spiffe::TrustDomain;
use crate::x509::algorithm::SignatureAlgorithm;
use crate::x509::name_constraints::NameConstraints;
use crate::x509::names::ComparableName;
use crate::x509::public_key::PublicKey;

/// The only version of PKCS#10 is 1, which is encoded as 0 (RFC 2986 section 4.1).
const VERSION_1: u8 = 0;

/// The CA certificate that an issuer requests from its parent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaRequest {
    /// The subject, with its attributes in the order of the spec; not empty.
    pub subject: Name,
    /// How many CAs may follow below it; none is without limit.
    pub path_length: Option<u8>,
    /// Requests the SPIFFE ID of the trust domain itself (X5-7, X5-8).
    pub trust_domain: Option<TrustDomain>,
    /// The names that the CA may certify; none is without limit.
    pub name_constraints: Option<NameConstraints>,
}

impl CaRequest {
    /// Builds the CSR over `public_key`. The same request and key make the same bytes.
    ///
    /// # Errors
    /// The subject is empty (PKI-2) or cannot be encoded.
    pub fn to_be_signed(
        &self,
        public_key: &PublicKey,
        algorithm: SignatureAlgorithm,
    ) -> Result<CsrToSign, IssueError> {
        if self.subject.is_empty() {
            return Err(IssueError::NoSubject);
        }
        let requested = extensions::for_ca_request(self, public_key)?;
        let subject = self.subject.to_der()?;
        let info = RequestInfo {
            version: VERSION_1,
            subject: AnyRef::from_der(&subject)?,
            public_key: AnyRef::from_der(public_key.spki_der())?,
            attributes: Attributes::try_from(vec![Attribute {
                oid: PKCS_9_AT_EXTENSION_REQUEST,
                values: SetOfVec::try_from(vec![Any::encode_from(&requested)?])?,
            }])?,
        };
        Ok(CsrToSign(ToBeSigned::new(
            info.to_der()?,
            algorithm,
            public_key,
        )))
    }
}

/// CertificationRequestInfo (RFC 2986 section 4.1), with name and key as raw DER.
#[derive(Sequence)]
struct RequestInfo<'a> {
    version: u8,
    subject: AnyRef<'a>,
    public_key: AnyRef<'a>,
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT")]
    attributes: Attributes,
}

/// A CertificationRequestInfo, from a [`CaRequest`].
///
/// No reader can mistake the signed bytes for a certificate or a CRL: where those have an
/// AlgorithmIdentifier, this has the subject, whose first element is a SET.
#[derive(Clone, Debug)]
pub struct CsrToSign(ToBeSigned);

impl Deref for CsrToSign {
    type Target = ToBeSigned;

    fn deref(&self) -> &ToBeSigned {
        &self.0
    }
}

/// The CSR for a CA certificate, whose signature was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Csr {
    der: Vec<u8>,
    pem: String,
    fingerprint: String,
    public_key: PublicKey,
    subject: ComparableName,
}

impl Csr {
    /// Combines bytes and signature, and reads the result as strictly as the CSR of a requester.
    ///
    /// # Errors
    /// The signature is wrong, or Signet would refuse such a CSR.
    pub fn assemble(to_sign: &CsrToSign, signature: &Signature) -> Result<Self, IssueError> {
        Self::from_der(to_sign.combine(signature)?)
    }

    /// Reads a CSR that was stored.
    ///
    /// # Errors
    /// It is not one PEM block with a CSR, or Signet would refuse such a CSR.
    pub fn from_pem(pem: &str) -> Result<Self, IssueError> {
        let (_, der) = der::pem::decode_vec(pem.as_bytes()).map_err(der::Error::from)?;
        Self::from_der(der)
    }

    fn from_der(der: Vec<u8>) -> Result<Self, IssueError> {
        let read = csr::Csr::from_der(&der)?;
        let pem = der::pem::encode_string("CERTIFICATE REQUEST", LineEnding::LF, &der);
        Ok(Self {
            pem: pem.map_err(der::Error::from)?,
            fingerprint: hex::encode(digest(&SHA256, &der)),
            subject: ComparableName::from_der(&read.subject_der)?,
            public_key: read.public_key.clone(),
            der,
        })
    }

    /// Returns the key that it requests a certificate for.
    pub fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    /// Returns the subject in a form in which names that match are equal.
    pub fn comparable_subject(&self) -> ComparableName {
        self.subject.clone()
    }

    /// Returns the CSR's DER.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// Returns one PEM block, `CERTIFICATE REQUEST`.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// Returns the SHA-256 of the DER in lower-case hex, for comparison over another channel.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }
}
