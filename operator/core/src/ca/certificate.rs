//! One CA certificate, read strictly as far as issuing depends on it.

use aws_lc_rs::digest::{SHA256, digest};
use der::asn1::AnyRef;
use der::{Decode, Encode};
use jiff::Timestamp;
use x509_cert::name::Name;
use x509_cert::time::Time;

use super::extensions::Extensions;
use super::{ChainError, pem};
use crate::quote;
use crate::x509::algorithm::SignatureAlgorithm;
use crate::x509::link::LinkAlgorithm;
use crate::x509::names::{ComparableName, EMPTY_NAME, SubjectAltNames};
use crate::x509::public_key::{PublicKey, PublicKeyError};
use crate::x509::signed::{Signed, TbsCertificate, V1, V3};

/// What `openssl x509 -req` makes without an extension file.
const VERSION_1: &str = "is an X.509 version 1 certificate without extensions, as if it were \
     signed without an extension file; sign the CSR again with basicConstraints CA:TRUE and key \
     usage keyCertSign";

/// A CA certificate: it has a subject, cA is true, keyUsage (where there is one) has keyCertSign,
/// and the key is of a kind that Signet knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaCertificate {
    der: Vec<u8>,
    pem: String,
    tbs: Vec<u8>,
    serial_number: Vec<u8>,
    algorithm: LinkAlgorithm,
    signature: Vec<u8>,
    issuer: Vec<u8>,
    subject: Vec<u8>,
    subject_text: String,
    pub(super) comparable_subject: ComparableName,
    not_before: Timestamp,
    not_after: Timestamp,
    public_key: PublicKey,
    pub(super) extensions: Extensions,
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
        if !matches!(fields.version, V1 | V3) {
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
        let unfit = |message: String| ChainError::Unfit {
            subject: subject_text.clone(),
            message,
        };
        if fields.version == V1 {
            return Err(unfit(VERSION_1.to_owned()));
        }
        let public_key = PublicKey::from_spki_der(&raw(fields.subject_public_key_info)?);
        let public_key = public_key.map_err(|error| match error {
            PublicKeyError::WeakRsa(_) => unfit(format!("cannot be used: {error}")),
            error => unreadable(error.to_string()),
        })?;
        let extensions = Extensions::read(&fields.extensions.unwrap_or_default()).map_err(unfit)?;
        if subject == EMPTY_NAME {
            return Err(unfit(
                "has no subject, which a CA must have; use a CA certificate".to_owned(),
            ));
        }
        let algorithm = LinkAlgorithm::read(&outer.algorithm);
        // Once, and not on every call: it costs a signature check.
        let is_self_signed = issuer == subject
            && algorithm
                .verify(&public_key, &tbs, signature)
                .unwrap_or(!extensions.names_another_authority());
        Ok(Self {
            is_self_signed,
            algorithm,
            signature: signature.to_vec(),
            serial_number: fields.serial_number.as_bytes().to_vec(),
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
            extensions,
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

    /// Returns the subject for comparison with others.
    pub fn comparable_subject(&self) -> ComparableName {
        self.comparable_subject.clone()
    }

    /// Returns the subject for another certificate of the same CA.
    pub fn subject_name(&self) -> Option<Name> {
        Name::from_der(&self.subject).ok()
    }

    /// Returns the subject for a person to read (RFC 4514), in one line and cut off when it is
    /// long.
    pub fn subject(&self) -> &str {
        &self.subject_text
    }

    /// Returns the name of its issuer for a person to read, as [`subject`](Self::subject).
    pub fn issuer(&self) -> String {
        let name = Name::from_der(&self.issuer);
        name.map_or_else(|_| String::new(), |name| quote::name(&name.to_string()))
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
        self.extensions.key_identifier.as_deref()
    }

    /// Its own pathLenConstraint.
    pub fn path_length(&self) -> Option<u8> {
        self.extensions.path_length
    }

    /// SHA-256 over the DER.
    pub fn fingerprint(&self) -> &[u8] {
        &self.fingerprint
    }

    /// Returns the serial number, as unsigned bytes without leading zeros.
    pub fn serial_number(&self) -> &[u8] {
        &self.serial_number
    }

    /// Returns the URIs of its subjectAltName that begin like a SPIFFE ID.
    pub fn spiffe_ids(&self) -> impl Iterator<Item = &str> {
        let names = self.extensions.names.as_ref();
        let uris = names.map(SubjectAltNames::uris).unwrap_or_default();
        let scheme = |uri: &str| {
            uri.get(..9)
                .is_some_and(|it| it.eq_ignore_ascii_case("spiffe://"))
        };
        uris.iter()
            .map(String::as_str)
            .filter(move |uri| scheme(uri))
    }

    /// Returns whether it is issued by itself: the same name, and its own key verifies it.
    ///
    /// A root's signature over itself proves nothing, so a root that signed itself with an
    /// algorithm that Signet does not check (SHA-1) is a root too, unless its key identifiers say
    /// that another key signed it.
    pub fn is_self_signed(&self) -> bool {
        self.is_self_signed
    }

    /// Returns whether `other` issued it: by name, and by a signature that verifies.
    pub fn is_issued_by(&self, other: &Self) -> bool {
        let verifies = || {
            let key = &other.public_key;
            self.algorithm.verify(key, &self.tbs, &self.signature)
        };
        self.issuer_name_matches(other) && verifies().unwrap_or(false)
    }

    /// Returns the algorithm of its signature if it is one that Signet signs with.
    pub(crate) fn signature_algorithm(&self) -> Option<SignatureAlgorithm> {
        match self.algorithm {
            LinkAlgorithm::Own(algorithm) => Some(algorithm),
            _ => None,
        }
    }

    /// Returns the algorithm of its signature if Signet does not check such signatures.
    pub(super) fn unchecked_algorithm(&self) -> Option<&str> {
        self.algorithm.unchecked()
    }

    /// Returns whether both are certificates of one CA: of one subject and one key.
    pub fn is_same_ca(&self, other: &Self) -> bool {
        self.subject == other.subject && self.public_key == other.public_key
    }

    pub(super) fn is_valid_at(&self, now: Timestamp) -> bool {
        self.not_before <= now && now < self.not_after
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
