//! Distinguished names: read for their structure, never written anew.

use const_oid::ObjectIdentifier;
use const_oid::db::rfc4519::COMMON_NAME;
use der::asn1::{AnyRef, BmpString, PrintableStringRef};
use der::{Decode, Tag, Tagged};

use super::{NamesError, quote, strict};

/// What there is to know about a Name; its bytes stay with whoever read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DistinguishedName {
    /// A SEQUENCE of no RDN. A name whose values are empty strings is not empty.
    pub(crate) is_empty: bool,
    /// The last commonName, which is the most specific one.
    pub(crate) common_name: Option<String>,
}

impl DistinguishedName {
    /// Checks a Name (RFC 5280 4.1.2.4): RDNSequence, sets that are not empty and in order,
    /// values that are what their string type says and hold no control character. A value may
    /// be of zero length: Istio's subject is an organization of that kind.
    ///
    /// # Errors
    /// [`NamesError`], with `what` in the message.
    pub(crate) fn read(der: &[u8], what: &'static str) -> Result<Self, NamesError> {
        let malformed = || NamesError::malformed(what);
        let rdns = strict::sequence(der)
            .and_then(strict::elements)
            .map_err(malformed())?;
        let mut common_name = None;
        for rdn in &rdns {
            let attributes = strict::content(rdn, Tag::Set)
                .and_then(strict::set_elements)
                .map_err(malformed())?;
            if attributes.is_empty() {
                return Err(malformed()(Tag::Set.length_error().into()));
            }
            for attribute in attributes {
                let (oid, value) = read_attribute(attribute).map_err(malformed())?;
                let text = read_text(value).map_err(|fault| NamesError::Attribute {
                    attribute: quote::oid(&oid),
                    fault,
                })?;
                if oid == COMMON_NAME {
                    common_name = text;
                }
            }
        }
        Ok(Self {
            is_empty: rdns.is_empty(),
            common_name,
        })
    }
}

/// AttributeTypeAndValue ::= SEQUENCE { type OBJECT IDENTIFIER, value ANY }
fn read_attribute(der: &[u8]) -> der::Result<(ObjectIdentifier, AnyRef<'_>)> {
    let elements = strict::elements(strict::sequence(der)?)?;
    let [oid, value] = elements.as_slice() else {
        return Err(Tag::Sequence.length_error().into());
    };
    strict::check_well_formed(value)?;
    Ok((strict::oid(oid)?, AnyRef::from_der(value)?))
}

/// The text of a string type; `None` for another type, which is carried as it is.
fn read_text(value: AnyRef<'_>) -> Result<Option<String>, &'static str> {
    let bytes = value.value();
    let latin1 = || {
        bytes
            .iter()
            .map(|byte| char::from(*byte))
            .collect::<String>()
    };
    let ascii = |allowed: fn(&u8) -> bool| bytes.iter().all(allowed).then(latin1);
    let text = match value.tag() {
        Tag::Utf8String => str::from_utf8(bytes).ok().map(str::to_owned),
        Tag::PrintableString => PrintableStringRef::new(bytes)
            .ok()
            .map(|text| text.as_str().to_owned()),
        Tag::NumericString => ascii(|byte| byte.is_ascii_digit() || *byte == b' '),
        Tag::Ia5String | Tag::VisibleString => ascii(u8::is_ascii),
        Tag::TeletexString => Some(latin1()),
        Tag::BmpString => BmpString::from_ucs2(bytes)
            .ok()
            .map(|text| text.to_string()),
        _ => return Ok(None),
    };
    let text = text.ok_or("is not what its string type allows; encode it as UTF8String")?;
    if text.chars().any(char::is_control) {
        return Err("has a control character; remove it");
    }
    Ok(Some(text))
}
