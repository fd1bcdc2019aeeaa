//! One CA certificate, read strictly as far as issuing depends on it.

use aws_lc_rs::digest::{SHA256, digest};
use der::asn1::AnyRef;
use der::{Decode, Encode};
use jiff::Timestamp;
use x509_cert::name::Name;
use x509_cert::time::Time;

use super::constraints::Constraints;
use super::{ChainError, pem};
use crate::quote;
use crate::x509::algorithm::SignatureAlgorithm;
use crate::x509::names::{ComparableName, EMPTY_NAME};
use crate::x509::public_key::PublicKey;
use crate::x509::signed::{Signed, TbsCertificate, V3};

/// A CA certificate: it has a subject, cA is true, keyUsage (where there is one) has keyCertSign,
/// and the key is of a kind that Signet knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaCertificate {
    der: Vec<u8>,
    pem: String,
    tbs: Vec<u8>,
    algorithm: Option<SignatureAlgorithm>,
    signature: Vec<u8>,
    issuer: Vec<u8>,
    subject: Vec<u8>,
    subject_text: String,
    pub(super) comparable_subject: ComparableName,
    not_before: Timestamp,
    not_after: Timestamp,
    public_key: PublicKey,
    pub(super) constraints: Constraints,
    fingerprint: Vec<u8>,
    is_self_signed: bool,
}

impl CaCertificate {
    /// Reads one CA certificate.
    ///
    /// # Errors
    /// It is not DER, its key is none that Signet knows, it has no subject (PKI-2), or it is no
    /// CA (PKI-4, PKI-5).
    pub fn from_der(der: &[u8]) -> Result<Self, ChainError> {
        Self::read(der, 1)
    }

    /// As [`Self::from_der`], for the certificate of this number (from 1) in a file.
    pub(super) fn read(der: &[u8], index: usize) -> Result<Self, ChainError> {
        let unreadable = |message: String| ChainError::Unreadable { index, message };
        let not_der = |error: der::Error| unreadable(error.to_string());
        let raw = |any: AnyRef<'_>| any.to_der().map_err(not_der);
        let outer = Signed::from_der(der).map_err(not_der)?;
        let tbs = raw(outer.content)?;
        let fields = TbsCertificate::from_der(&tbs).map_err(not_der)?;
        if fields.version != V3 {
            return Err(unreadable("it is not version 3".to_owned()));
        }
        if fields.signature != outer.algorithm {
            // RFC 5280 4.1.1.2: the two fields MUST be the same.
            return Err(unreadable("it names two signature algorithms".to_owned()));
        }
        let signature = outer.signature.as_bytes();
        let signature =
            signature.ok_or_else(|| unreadable("its signature has unused bits".into()))?;
        let (issuer, subject) = (raw(fields.issuer)?, raw(fields.subject)?);
        Name::from_der(&issuer).map_err(not_der)?;
        let subject_text = quote::name(&Name::from_der(&subject).map_err(not_der)?.to_string());
        let public_key = PublicKey::from_spki_der(&raw(fields.subject_public_key_info)?)
            .map_err(|error| unreadable(error.to_string()))?;
        let constraints = Constraints::read(&fields.extensions.unwrap_or_default());
        let unfit = |message| ChainError::Unfit {
            subject: subject_text.clone(),
            message,
        };
        let constraints = constraints.map_err(unfit)?;
        if subject == EMPTY_NAME {
            return Err(unfit(
                "has no subject, which a CA must have; use a CA certificate".to_owned(),
            ));
        }
        let algorithm = SignatureAlgorithm::from_identifier(&outer.algorithm);
        let verifies = |algorithm| public_key.verify(algorithm, &tbs, signature).is_ok();
        Ok(Self {
            // Once, and not on every call: it costs a signature check.
            is_self_signed: issuer == subject && algorithm.is_none_or(verifies),
            algorithm,
            signature: signature.to_vec(),
            issuer,
            not_before: timestamp(fields.validity.not_before),
            not_after: timestamp(fields.validity.not_after),
            fingerprint: digest(&SHA256, der).as_ref().to_vec(),
            pem: pem::write(der).map_err(not_der)?,
            der: der.to_vec(),
            tbs,
            comparable_subject: ComparableName::from_der(&subject).map_err(not_der)?,
            subject,
            subject_text,
            public_key,
            constraints,
        })
    }

    /// Returns the certificate's DER.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// One PEM block.
    pub fn pem(&self) -> String {
        self.pem.clone()
    }

    /// Returns the subject Name as it stands in the certificate (PKI-2).
    pub fn subject_der(&self) -> &[u8] {
        &self.subject
    }

    /// Returns the subject for a person to read (RFC 4514), in one line and cut off when it is
    /// long.
    pub fn subject(&self) -> &str {
        &self.subject_text
    }

    /// Returns the first second of validity.
    pub fn not_before(&self) -> Timestamp {
        self.not_before
    }

    /// Returns the last second of validity.
    pub fn not_after(&self) -> Timestamp {
        self.not_after
    }

    /// Returns the CA's public key.
    pub fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    /// Returns the value of its subjectKeyIdentifier.
    pub fn subject_key_identifier(&self) -> Option<&[u8]> {
        self.constraints.key_identifier.as_deref()
    }

    /// Its own pathLenConstraint.
    pub fn path_length(&self) -> Option<u8> {
        self.constraints.path_length
    }

    /// SHA-256 over the DER.
    pub fn fingerprint(&self) -> &[u8] {
        &self.fingerprint
    }

    /// Returns whether it is issued by itself: the same name, and its own key verifies it.
    ///
    /// A root's signature over itself proves nothing, so a root that signed itself
    /// with an algorithm that Signet does not check (SHA-1, RSA-PSS) is a root too.
    pub fn is_self_signed(&self) -> bool {
        self.is_self_signed
    }

    /// Returns whether `other` issued it: by name, and by a signature that verifies.
    pub fn is_issued_by(&self, other: &Self) -> bool {
        let key = &other.public_key;
        let verifies = |algorithm| key.verify(algorithm, &self.tbs, &self.signature).is_ok();
        self.issuer_name_matches(other) && self.algorithm.is_some_and(verifies)
    }

    pub(super) fn issuer_name_matches(&self, other: &Self) -> bool {
        self.issuer == other.subject
    }
}

/// [`Timestamp`] ends a few hours before the last date of X.509: an expiry "without a well-defined
/// date" (99991231235959Z, RFC 5280 4.1.2.5) becomes its last second.
fn timestamp(time: Time) -> Timestamp {
    i64::try_from(time.to_unix_duration().as_secs())
        .ok()
        .and_then(|seconds| Timestamp::from_second(seconds).ok())
        .unwrap_or(Timestamp::constant(Timestamp::MAX.as_second(), 0))
}
