//! One GeneralName (RFC 5280 4.2.1.6).

use std::net::IpAddr;

use der::asn1::AnyRef;
use der::{Decode, Tag, Tagged};

use super::{DistinguishedName, NamesError, syntax};
use crate::x509::strict;

/// A name that policy reads, or one that is only carried.
pub(super) enum GeneralName {
    Dns(String),
    Uri(String),
    Email(String),
    Ip(IpAddr),
    Other,
}

impl GeneralName {
    /// Reads one element of GeneralNames with its tag and length, and checks it.
    pub(super) fn read(der: &[u8]) -> Result<Self, NamesError> {
        let any = AnyRef::from_der(der).map_err(NamesError::malformed("subjectAltName"))?;
        let Tag::ContextSpecific {
            constructed,
            number,
        } = any.tag()
        else {
            return Err(NamesError::UnsupportedKind(any.tag().to_string()));
        };
        let value = any.value();
        match (number.value(), constructed) {
            (0, true) => other_name(value),
            (1, false) => ia5("email address", value)
                .and_then(syntax::check_email)
                .map(Self::Email),
            (2, false) => ia5("DNS name", value)
                .and_then(syntax::check_dns)
                .map(Self::Dns),
            (3, true) => Err(NamesError::UnsupportedKind("x400Address".into())),
            (4, true) => DistinguishedName::read(value, "directoryName").map(|_| Self::Other),
            (5, true) => Err(NamesError::UnsupportedKind("ediPartyName".into())),
            (6, false) => ia5("URI", value).and_then(syntax::check_uri).map(Self::Uri),
            (7, false) => ip_address(value).map(Self::Ip),
            (8, false) => registered_id(value),
            _ => Err(NamesError::UnsupportedKind(any.tag().to_string())),
        }
    }
}

/// Returns the DER of a uniformResourceIdentifier.
pub(super) fn uri_der(uri: &str) -> Vec<u8> {
    strict::tlv(0x86, uri.as_bytes())
}

/// IA5 without spaces and control characters: a NUL in a name is how one name is made to look
/// like another.
fn ia5<'a>(kind: &'static str, value: &'a [u8]) -> Result<&'a str, NamesError> {
    let shown = || crate::quote::text(&String::from_utf8_lossy(value));
    match str::from_utf8(value).ok().filter(|text| text.is_ascii()) {
        Some(text) if text.bytes().all(|byte| byte.is_ascii_graphic()) => Ok(text),
        Some(_) => Err(NamesError::ControlCharacter {
            kind,
            shown: shown(),
        }),
        None => Err(NamesError::NotAscii {
            kind,
            shown: shown(),
        }),
    }
}

/// OtherName ::= SEQUENCE { type-id OBJECT IDENTIFIER, value [0] EXPLICIT ANY }, implicitly
/// tagged.
fn other_name(value: &[u8]) -> Result<GeneralName, NamesError> {
    let malformed = || NamesError::malformed("otherName");
    let elements = strict::elements(value).map_err(malformed())?;
    let [type_id, explicit] = elements.as_slice() else {
        return Err(malformed()(Tag::Sequence.length_error().into()));
    };
    strict::oid(type_id).map_err(malformed())?;
    let inner = AnyRef::from_der(explicit).map_err(malformed())?;
    let explicit_zero = Tag::ContextSpecific {
        constructed: true,
        number: der::TagNumber(0),
    };
    inner.tag().assert_eq(explicit_zero).map_err(malformed())?;
    AnyRef::from_der(inner.value()).map_err(malformed())?;
    strict::check_well_formed(inner.value()).map_err(malformed())?;
    Ok(GeneralName::Other)
}

fn ip_address(value: &[u8]) -> Result<IpAddr, NamesError> {
    let v4 = <[u8; 4]>::try_from(value).map(IpAddr::from);
    let v6 = <[u8; 16]>::try_from(value).map(IpAddr::from);
    v4.or(v6).map_err(|_| NamesError::IpLength(value.len()))
}

fn registered_id(value: &[u8]) -> Result<GeneralName, NamesError> {
    // The implicit tag replaced the one of OBJECT IDENTIFIER.
    strict::oid(&strict::tlv(0x06, value)).map_err(NamesError::malformed("registeredID"))?;
    Ok(GeneralName::Other)
}
