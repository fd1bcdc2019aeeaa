//! The extensions that a CSR requests: each is known, or the CSR is refused.

use const_oid::ObjectIdentifier;
use const_oid::db::rfc5280::{
    ID_CE_BASIC_CONSTRAINTS, ID_CE_EXT_KEY_USAGE, ID_CE_KEY_USAGE, ID_CE_NAME_CONSTRAINTS,
    ID_CE_SUBJECT_ALT_NAME, ID_CE_SUBJECT_KEY_IDENTIFIER,
};
use der::asn1::OctetStringRef;
use der::{Decode, Encode, Tag};
use x509_cert::ext::pkix::KeyUsage;

use super::{CsrError, name_constraints};
use crate::quote;
use crate::x509::basic_constraints::BasicConstraints;
use crate::x509::names::SubjectAltNames;
use crate::x509::strict;

/// The most purposes in one extendedKeyUsage. There are about twenty with a name in Kubernetes;
/// policy compares each with each.
const MAX_PURPOSES: usize = 64;

/// The value of every requested extension that is used.
#[derive(Clone, Debug, Default)]
pub struct RequestedExtensions {
    /// subjectAltName.
    pub subject_alt_names: Option<SubjectAltNames>,
    /// basicConstraints.
    pub basic_constraints: Option<BasicConstraints>,
    /// keyUsage, with at least one bit.
    pub key_usage: Option<KeyUsage>,
    /// extKeyUsage, in order.
    pub extended_key_usage: Option<Vec<ObjectIdentifier>>,
    /// The value of nameConstraints, as received and well-formed.
    pub name_constraints: Option<Vec<u8>>,
}

impl RequestedExtensions {
    /// Reads Extensions (RFC 5280 4.1): at least one, and none twice.
    pub(super) fn read(der: &[u8]) -> Result<Self, CsrError> {
        let elements = strict::sequence(der)
            .and_then(strict::elements)
            .map_err(CsrError::malformed("extensionRequest"))?;
        if elements.is_empty() {
            return Err(CsrError::NoExtensions);
        }
        let mut requested = Self::default();
        let mut seen = Vec::new();
        for element in elements {
            let (oid, value) = read_extension(element).map_err(CsrError::malformed("extension"))?;
            if seen.contains(&oid) {
                return Err(CsrError::RepeatedExtension(quote::oid(&oid)));
            }
            requested.set(oid, value)?;
            seen.push(oid);
        }
        Ok(requested)
    }

    fn set(&mut self, oid: ObjectIdentifier, value: &[u8]) -> Result<(), CsrError> {
        match oid {
            ID_CE_SUBJECT_ALT_NAME => {
                self.subject_alt_names = Some(SubjectAltNames::from_der(value)?);
            }
            ID_CE_BASIC_CONSTRAINTS => {
                self.basic_constraints = Some(read_basic_constraints(value)?);
            }
            ID_CE_KEY_USAGE => self.key_usage = Some(read_key_usage(value)?),
            ID_CE_EXT_KEY_USAGE => {
                self.extended_key_usage = Some(read_extended_key_usage(value)?);
            }
            ID_CE_NAME_CONSTRAINTS => {
                name_constraints::check(value)?;
                self.name_constraints = Some(value.to_vec());
            }
            // The identifier is the CA's to choose (RFC 5280 4.2.1.2): ours is computed.
            ID_CE_SUBJECT_KEY_IDENTIFIER => {
                <&OctetStringRef>::from_der(value)
                    .map_err(CsrError::not_der("subjectKeyIdentifier"))?;
            }
            other => return Err(CsrError::UnknownExtension(quote::oid(&other))),
        }
        Ok(())
    }
}

/// Extension ::= SEQUENCE { extnID OBJECT IDENTIFIER, critical BOOLEAN DEFAULT FALSE,
/// extnValue OCTET STRING }
///
/// Criticality is the CA's decision, so that the flag is checked and dropped. DER does not
/// encode a default (X.690 section 11.5): the flag is TRUE or not there.
fn read_extension(der: &[u8]) -> Result<(ObjectIdentifier, &[u8]), der::Error> {
    let elements = strict::elements(strict::sequence(der)?)?;
    let (oid, value) = match elements.as_slice() {
        [oid, value] => (oid, value),
        [oid, critical, value] => {
            if !bool::from_der(critical)? {
                return Err(Tag::Boolean.non_canonical_error().into());
            }
            (oid, value)
        }
        _ => return Err(Tag::Sequence.length_error().into()),
    };
    Ok((strict::oid(oid)?, strict::content(value, Tag::OctetString)?))
}

fn read_basic_constraints(value: &[u8]) -> Result<BasicConstraints, CsrError> {
    const NAME: &str = "basicConstraints";
    let constraints = BasicConstraints::from_der(value).map_err(CsrError::not_der(NAME))?;
    if !constraints.ca && constraints.path_length.is_some() {
        let fault = "has a path length without cA; set cA or remove the path length";
        return Err(CsrError::invalid(NAME, fault));
    }
    Ok(constraints)
}

/// KeyUsage with at least one bit (RFC 5280 4.2.1.3), in its one DER form: a named bit list
/// without trailing zeros (X.690 section 11.2.2).
fn read_key_usage(value: &[u8]) -> Result<KeyUsage, CsrError> {
    let not_der = CsrError::not_der("keyUsage");
    let usage = KeyUsage::from_der(value).map_err(not_der)?;
    if usage.0.is_empty() {
        return Err(CsrError::invalid(
            "keyUsage",
            "has no bit set; set one or leave it out",
        ));
    }
    if usage.to_der().map_err(not_der)? != value {
        return Err(not_der(Tag::BitString.non_canonical_error().into()));
    }
    Ok(usage)
}

/// ExtKeyUsageSyntax ::= SEQUENCE SIZE (1..MAX) OF KeyPurposeId
fn read_extended_key_usage(value: &[u8]) -> Result<Vec<ObjectIdentifier>, CsrError> {
    const NAME: &str = "extKeyUsage";
    let purposes = strict::sequence(value)
        .and_then(strict::elements)
        .and_then(|oids| {
            oids.into_iter()
                .map(strict::oid)
                .collect::<Result<Vec<_>, _>>()
        })
        .map_err(CsrError::not_der(NAME))?;
    match purposes.len() {
        0 => Err(CsrError::invalid(
            NAME,
            "is empty; name a purpose or leave it out",
        )),
        1..=MAX_PURPOSES => Ok(purposes),
        count => Err(CsrError::invalid(
            NAME,
            format!("names {count} purposes, more than the maximum of {MAX_PURPOSES}; name fewer"),
        )),
    }
}
