//! One GeneralName (RFC 5280 4.2.1.6).

use std::net::IpAddr;

use const_oid::ObjectIdentifier;
use der::asn1::AnyRef;
use der::{Decode, Tag, TagNumber, Tagged};

use super::{DistinguishedName, NamesError, SubjectAltNames, syntax};
use crate::quote;
use crate::x509::strict;

/// The tag of a uniformResourceIdentifier.
pub(super) const URI: u8 = 0x86;

impl SubjectAltNames {
    /// Checks one element of GeneralNames, with its tag and length, and adds it.
    pub(super) fn add(&mut self, der: &[u8]) -> Result<(), NamesError> {
        let any = AnyRef::from_der(der).map_err(NamesError::malformed("subjectAltName"))?;
        let unsupported = |kind: &str| Err(NamesError::UnsupportedKind(kind.to_owned()));
        let value = any.value();
        match der[0] {
            0xa0 => other_name(value).map(|type_id| self.other_names.push(type_id)),
            0x81 => text("email address", value, syntax::email_fault)
                .map(|mailbox| self.emails.push(mailbox)),
            0x82 => text("DNS name", value, syntax::dns_fault).map(|name| self.dns.push(name)),
            0xa3 => unsupported("x400Address"),
            0xa4 => DistinguishedName::read(value, "directoryName").map(|_| self.unread += 1),
            0xa5 => unsupported("ediPartyName"),
            URI => text("URI", value, syntax::uri_fault).map(|uri| self.uris.push(uri)),
            0x87 => ip_address(value).map(|address| self.ips.push(address)),
            0x88 => registered_id(value).map(|()| self.unread += 1),
            _ => unsupported(&any.tag().to_string()),
        }
    }
}

/// Reads IA5 without spaces and control characters: a NUL in a name is how one name is made to
/// look like another.
fn text(
    kind: &'static str,
    value: &[u8],
    fault: fn(&str) -> Option<&'static str>,
) -> Result<String, NamesError> {
    // What is not UTF-8 becomes U+FFFD, which is not ASCII.
    let text = String::from_utf8_lossy(value);
    let fault = if !text.is_ascii() {
        Some(syntax::NOT_ASCII)
    } else if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        Some(syntax::NOT_GRAPHIC)
    } else {
        fault(&text)
    };
    match fault {
        None => Ok(text.into_owned()),
        Some(fault) => Err(NamesError::Text {
            kind,
            shown: quote::text(&text),
            fault,
        }),
    }
}

/// OtherName ::= SEQUENCE { type-id OBJECT IDENTIFIER, value [0] EXPLICIT ANY }, implicitly
/// tagged.
fn other_name(value: &[u8]) -> Result<ObjectIdentifier, NamesError> {
    const EXPLICIT_ZERO: Tag = Tag::ContextSpecific {
        constructed: true,
        number: TagNumber(0),
    };
    let read = || {
        let elements = strict::elements(value)?;
        let [type_id, explicit] = elements.as_slice() else {
            return Err(Tag::Sequence.length_error().into());
        };
        let type_id = strict::oid(type_id)?;
        let inner = strict::content(explicit, EXPLICIT_ZERO)?;
        AnyRef::from_der(inner)?;
        strict::check_well_formed(inner).map(|()| type_id)
    };
    read().map_err(NamesError::malformed("otherName"))
}

fn ip_address(value: &[u8]) -> Result<IpAddr, NamesError> {
    let v4 = <[u8; 4]>::try_from(value).map(IpAddr::from);
    let v6 = <[u8; 16]>::try_from(value).map(IpAddr::from);
    v4.or(v6).map_err(|_| NamesError::IpLength(value.len()))
}

fn registered_id(value: &[u8]) -> Result<(), NamesError> {
    // The implicit tag replaced the one of OBJECT IDENTIFIER.
    let oid = strict::oid(&strict::tlv(0x06, value));
    oid.map(drop).map_err(NamesError::malformed("registeredID"))
}
