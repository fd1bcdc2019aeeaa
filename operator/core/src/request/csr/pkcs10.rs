//! CertificationRequestInfo (RFC 2986 section 4.1), with its parts as they were received.

use der::asn1::AnyRef;
use der::{Sequence, Tag, TagNumber, Tagged};

use super::CsrError;

const NAME: &str = "certificationRequestInfo";
/// `attributes [0]`, implicitly tagged.
const ATTRIBUTES: Tag = Tag::ContextSpecific {
    constructed: true,
    number: TagNumber(0),
};

/// The ASN.1 type. RFC 2986 has `attributes` always there; some tools leave it out when there is
/// none, which is read as none.
#[derive(Sequence)]
pub(super) struct RequestInfo<'a> {
    version: AnyRef<'a>,
    pub(super) subject: AnyRef<'a>,
    pub(super) public_key: AnyRef<'a>,
    attributes: Option<AnyRef<'a>>,
}

impl<'a> RequestInfo<'a> {
    pub(super) fn read(info: AnyRef<'a>) -> Result<Self, CsrError> {
        let info: Self = info.decode_as().map_err(CsrError::malformed(NAME))?;
        // INTEGER 0 stands for version 1.
        if info.version.tag() != Tag::Integer || info.version.value() != [0] {
            return Err(CsrError::Version);
        }
        Ok(info)
    }

    /// Returns the content of `attributes`: one Attribute after the other.
    pub(super) fn attributes(&self) -> Result<&'a [u8], CsrError> {
        let Some(attributes) = self.attributes else {
            return Ok(&[]);
        };
        attributes
            .tag()
            .assert_eq(ATTRIBUTES)
            .map_err(CsrError::malformed(NAME))?;
        Ok(attributes.value())
    }
}
