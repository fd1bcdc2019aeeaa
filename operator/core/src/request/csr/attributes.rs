//! The attributes of a CSR (RFC 2986 section 4, RFC 2985).

use const_oid::ObjectIdentifier;
use const_oid::db::rfc2985::{
    PKCS_9_AT_CHALLENGE_PASSWORD, PKCS_9_AT_EXTENSION_REQUEST, PKCS_9_AT_UNSTRUCTURED_NAME,
};
use der::{Error, Tag};

use super::CsrError;
use crate::quote;
use crate::x509::strict;

/// The extensionRequest, and what OpenSSL prompts for, which is ignored.
const KNOWN: [ObjectIdentifier; 3] = [
    PKCS_9_AT_EXTENSION_REQUEST,
    PKCS_9_AT_CHALLENGE_PASSWORD,
    PKCS_9_AT_UNSTRUCTURED_NAME,
];

/// Returns the one value of the extensionRequest attribute, if there is one.
pub(super) fn extension_request(attributes: &[u8]) -> Result<Option<&[u8]>, CsrError> {
    let malformed = CsrError::malformed("attributes");
    let mut seen = Vec::new();
    let mut request = None;
    for attribute in strict::set_elements(attributes).map_err(malformed)? {
        let (oid, values) = read(attribute).map_err(malformed)?;
        if !KNOWN.contains(&oid) {
            return Err(CsrError::UnknownAttribute(quote::oid(&oid)));
        }
        let value = match values.as_slice() {
            [value] if !seen.contains(&oid) => value,
            _ => return Err(CsrError::RepeatedAttribute(quote::oid(&oid))),
        };
        strict::check_well_formed(value).map_err(malformed)?;
        if oid == PKCS_9_AT_EXTENSION_REQUEST {
            request = Some(*value);
        }
        seen.push(oid);
    }
    Ok(request)
}

/// Attribute ::= SEQUENCE { type OBJECT IDENTIFIER, values SET SIZE(1..MAX) OF ANY }
fn read(der: &[u8]) -> Result<(ObjectIdentifier, Vec<&[u8]>), Error> {
    let elements = strict::elements(strict::sequence(der)?)?;
    let [oid, values] = elements.as_slice() else {
        return Err(Tag::Sequence.length_error().into());
    };
    Ok((
        strict::oid(oid)?,
        strict::set_elements(strict::content(values, Tag::Set)?)?,
    ))
}
