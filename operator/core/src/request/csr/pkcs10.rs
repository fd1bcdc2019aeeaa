//! The frame of PKCS#10 (RFC 2986 section 4), cut into the slices that were received.

use der::asn1::BitStringRef;
use der::{Decode, Error, Tag, TagNumber};
use spki::AlgorithmIdentifierRef;

use super::CsrError;
use crate::x509::strict;

/// INTEGER 0, which stands for version 1.
const VERSION: [u8; 3] = [0x02, 0x01, 0x00];

/// `attributes [0]`, implicitly tagged.
const ATTRIBUTES: Tag = Tag::ContextSpecific {
    constructed: true,
    number: TagNumber(0),
};

/// The parts of a CertificationRequest, none of them re-encoded.
pub(super) struct CertificationRequest<'a> {
    /// The CertificationRequestInfo that the signature is over.
    pub(super) info: &'a [u8],
    /// The Name.
    pub(super) subject: &'a [u8],
    /// The SubjectPublicKeyInfo.
    pub(super) public_key: &'a [u8],
    /// The content of `attributes`: one Attribute after the other.
    pub(super) attributes: &'a [u8],
    /// What the signature is made with.
    pub(super) signature_algorithm: AlgorithmIdentifierRef<'a>,
    /// The signature.
    pub(super) signature: &'a [u8],
}

impl<'a> CertificationRequest<'a> {
    pub(super) fn read(der: &'a [u8]) -> Result<Self, CsrError> {
        let malformed = || CsrError::malformed("frame");
        let outer = strict::sequence(der)
            .and_then(strict::elements)
            .map_err(malformed())?;
        let [info, algorithm, signature] = outer.as_slice() else {
            return Err(malformed()(Tag::Sequence.length_error().into()));
        };
        let [subject, public_key, attributes] = read_info(info)?;
        let signature_algorithm = AlgorithmIdentifierRef::from_der(algorithm)
            .map_err(CsrError::malformed("signatureAlgorithm"))?;
        let signature = read_signature(signature).map_err(CsrError::malformed("signature"))?;
        Ok(Self {
            info,
            subject,
            public_key,
            attributes,
            signature_algorithm,
            signature,
        })
    }
}

/// Subject, public key and attributes. RFC 2986 has `attributes` always there; some tools leave
/// it out when there is none, which is read as none.
fn read_info(info: &[u8]) -> Result<[&[u8]; 3], CsrError> {
    let malformed = || CsrError::malformed("certificationRequestInfo");
    let elements = strict::sequence(info)
        .and_then(strict::elements)
        .map_err(malformed())?;
    let (version, subject, public_key, attributes) = match elements.as_slice() {
        [version, subject, key] => (version, subject, key, None),
        [version, subject, key, attributes] => (version, subject, key, Some(attributes)),
        _ => return Err(malformed()(Tag::Sequence.length_error().into())),
    };
    if **version != VERSION {
        return Err(CsrError::Version);
    }
    let attributes = match attributes {
        Some(attributes) => strict::content(attributes, ATTRIBUTES).map_err(malformed())?,
        None => &[],
    };
    Ok([subject, public_key, attributes])
}

fn read_signature(der: &[u8]) -> Result<&[u8], Error> {
    BitStringRef::from_der(der)?
        .as_bytes()
        .ok_or_else(|| Tag::BitString.value_error().into())
}
