//! Distinguished names: read for their structure, never re-encoded.

use const_oid::ObjectIdentifier;
use const_oid::db::rfc4519::COMMON_NAME;
use der::asn1::AnyRef;
use der::{Decode, Tag, Tagged};

use super::NamesError;
use crate::quote;
use crate::x509::strict;

/// The facts about a Name that was checked; its bytes stay with the caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DistinguishedName {
    /// A SEQUENCE of no RDN. A name whose values are empty strings is not empty.
    pub(crate) is_empty: bool,
    /// The last commonName, which is the most specific one.
    pub(crate) common_name: Option<String>,
}

impl DistinguishedName {
    /// Checks a Name (RFC 5280 4.1.2.4): RDNSequence, sets that are not empty and in order,
    /// values of a string type that Go reads (crypto/x509, which cert-manager and most meshes
    /// are built on), that fit their type and hold no control character. A value may
    /// be of zero length: Istio's subject is an organization of that kind.
    ///
    /// # Errors
    /// [`NamesError`], with `what` in the message.
    pub(crate) fn read(der: &[u8], what: &'static str) -> Result<Self, NamesError> {
        let rdns = rdns(der).map_err(NamesError::malformed(what))?;
        let mut common_name = None;
        for (oid, value) in rdns.iter().flatten() {
            let text = check_arcs(oid).and_then(|()| read_text(*value));
            let text = text.map_err(|fault| NamesError::Attribute {
                attribute: quote::oid(oid),
                fault,
            })?;
            if *oid == COMMON_NAME {
                common_name = Some(text);
            }
        }
        Ok(Self {
            is_empty: rdns.is_empty(),
            common_name,
        })
    }
}

type Attribute<'a> = (ObjectIdentifier, AnyRef<'a>);

/// Returns the attributes of each RDN.
pub(super) fn rdns(name: &[u8]) -> der::Result<Vec<Vec<Attribute<'_>>>> {
    let rdns = strict::elements(strict::sequence(name)?)?;
    rdns.into_iter().map(rdn).collect()
}

/// Returns the type and the text of every attribute, in order.
pub(crate) fn attributes(name: &[u8]) -> der::Result<Vec<(ObjectIdentifier, String)>> {
    let rdns = rdns(name)?;
    let attributes = rdns.into_iter().flatten();
    let texts = attributes.map(|(oid, value)| {
        let text = text(value).ok_or_else(|| value.tag().value_error())?;
        Ok((oid, text))
    });
    texts.collect()
}

/// Returns the text of each attribute of this type, with its string type.
pub(crate) fn attribute_texts(
    name: &[u8],
    oid: ObjectIdentifier,
) -> der::Result<Vec<(Tag, String)>> {
    let all = rdns(name)?;
    let attributes = all.iter().flatten().filter(|(own, _)| *own == oid);
    let texts = attributes.map(|(_, value)| (value.tag(), text(*value).unwrap_or_default()));
    Ok(texts.collect())
}

fn rdn(der: &[u8]) -> der::Result<Vec<Attribute<'_>>> {
    let attributes = strict::set_elements(strict::content(der, Tag::Set)?)?;
    if attributes.is_empty() {
        return Err(Tag::Set.length_error().into());
    }
    attributes.into_iter().map(attribute).collect()
}

/// AttributeTypeAndValue ::= SEQUENCE { type OBJECT IDENTIFIER, value ANY }
fn attribute(der: &[u8]) -> der::Result<Attribute<'_>> {
    let elements = strict::elements(strict::sequence(der)?)?;
    let [oid, value] = elements.as_slice() else {
        return Err(Tag::Sequence.length_error().into());
    };
    strict::check_well_formed(value)?;
    Ok((strict::oid(oid)?, AnyRef::from_der(value)?))
}

/// Go keeps each number of an object identifier in 31 bits.
fn check_arcs(oid: &ObjectIdentifier) -> Result<(), &'static str> {
    let fits = oid.arcs().all(|arc| i32::try_from(arc).is_ok());
    fits.then_some(())
        .ok_or("has a type with a number beyond 31 bits, which verifiers do not read; leave it out")
}

/// Returns the text of a value whose type is one that Go reads.
fn read_text(value: AnyRef<'_>) -> Result<String, &'static str> {
    let allowed: fn(char) -> bool = match value.tag() {
        Tag::Utf8String | Tag::TeletexString => |_| true,
        Tag::PrintableString => is_printable,
        Tag::NumericString => |c| c.is_ascii_digit() || c == ' ',
        Tag::Ia5String => |c| c.is_ascii(),
        // Without surrogates, and without the noncharacters of the basic multilingual plane.
        Tag::BmpString => |c| !matches!(c, '\u{fdd0}'..='\u{fdef}' | '\u{fffe}'..),
        _ => return Err("is of a type that verifiers do not read; encode it as UTF8String"),
    };
    let text = text(value)
        .filter(|text| text.chars().all(allowed))
        .ok_or("is not what its string type allows; encode it as UTF8String")?;
    if text.chars().any(char::is_control) {
        return Err("has a control character; remove it");
    }
    Ok(text)
}

/// PrintableString (X.680 section 41.4), and '*' and '&', which it has not and which are written
/// so widely that Go reads them.
fn is_printable(c: char) -> bool {
    c.is_ascii_alphanumeric() || " '()+,-./:=?*&".contains(c)
}

/// Returns the text of every string type, as OpenSSL reads them: a TeletexString as Latin-1.
pub(super) fn text(value: AnyRef<'_>) -> Option<String> {
    let bytes = value.value();
    match value.tag() {
        Tag::Utf8String => str::from_utf8(bytes).ok().map(str::to_owned),
        Tag::PrintableString
        | Tag::NumericString
        | Tag::Ia5String
        | Tag::VisibleString
        | Tag::TeletexString => Some(bytes.iter().map(|byte| char::from(*byte)).collect()),
        Tag::BmpString => {
            let units = bytes.chunks_exact(2);
            let whole = units.remainder().is_empty();
            let units = units.map(|unit| u16::from_be_bytes([unit[0], unit[1]]));
            let text: Result<String, _> = char::decode_utf16(units).collect();
            text.ok().filter(|_| whole)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use der::Encode;

    use super::*;
    use crate::x509::strict::tlv;

    fn named(oid: &str, tag: u8, value: &[u8]) -> Result<DistinguishedName, NamesError> {
        let oid = ObjectIdentifier::new_unwrap(oid).to_der().unwrap();
        let attribute = tlv(0x30, &[oid, tlv(tag, value)].concat());
        DistinguishedName::read(&tlv(0x30, &tlv(0x31, &attribute)), "subject")
    }

    #[track_caller]
    fn fault(outcome: Result<DistinguishedName, NamesError>) -> &'static str {
        match outcome {
            Err(NamesError::Attribute { fault, .. }) => fault,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn rejects_string_types_that_go_does_not_read() {
        for tag in [0x0c, 0x12, 0x13, 0x14, 0x16] {
            let name = named("2.5.4.3", tag, b"12 3").unwrap();
            assert_eq!(name.common_name.as_deref(), Some("12 3"), "{tag:#04x}");
            let empty = named("2.5.4.3", tag, b"").unwrap();
            assert_eq!(empty.common_name.as_deref(), Some(""), "{tag:#04x}");
        }
        let bmp = named("2.5.4.3", 0x1e, b"\0a\x01\x7e").unwrap();
        assert_eq!(bmp.common_name.as_deref(), Some("až"));
        // BOOLEAN, INTEGER, BIT STRING, OCTET STRING, NULL, OBJECT IDENTIFIER, ENUMERATED,
        // VisibleString, GeneralString, UniversalString, UTCTime, VideotexString, SEQUENCE, SET,
        // and an unknown tag.
        for (tag, value) in [
            (0x01, &b"\xff"[..]),
            (0x02, b"\x01"),
            (0x03, b"\0a"),
            (0x04, b"a"),
            (0x05, b""),
            (0x06, b"\x2a\x03"),
            (0x0a, b"\x01"),
            (0x1a, b"a"),
            (0x17, b"260901120000Z"),
            (0x30, b""),
            (0x31, b""),
            (0x80, b"a"),
        ] {
            for oid in ["2.5.4.3", "1.3.6.1.4.1.99999.1"] {
                let fault = fault(named(oid, tag, value));
                assert!(
                    fault.contains("encode it as UTF8String"),
                    "{tag:#04x}: {fault}"
                );
            }
        }
        for tag in [0x1b, 0x1c, 0x15] {
            assert!(named("2.5.4.3", tag, b"\0\0\0a").is_err(), "{tag:#04x}");
        }
    }

    #[test]
    fn rejects_characters_that_a_string_type_excludes() {
        let printable = b"AZaz09 '()+,-./:=?*&";
        named("2.5.4.3", 0x13, printable).unwrap();
        for byte in 0..=u8::MAX {
            let allowed = [
                (
                    0x13,
                    printable.contains(&byte) || byte.is_ascii_alphanumeric(),
                ),
                (0x12, byte == b' ' || byte.is_ascii_digit()),
                (0x16, (0x20..0x7f).contains(&byte)),
                (0x0c, (0x20..0x7f).contains(&byte)),
                (0x14, (0x20..0x7f).contains(&byte) || byte >= 0xa0),
            ];
            for (tag, allowed) in allowed {
                let outcome = named("2.5.4.3", tag, &[byte]);
                assert_eq!(outcome.is_ok(), allowed, "{tag:#04x}: {byte:#04x}");
            }
        }
        for point in ["fdd0", "fdef", "fffe", "ffff", "d800", "dfff", "00", "0000"] {
            let value = hex::decode(point).unwrap();
            assert!(named("2.5.4.3", 0x1e, &value).is_err(), "{point}");
        }
        for point in ["fdcf", "fdf0", "fffd", "0020", ""] {
            let value = hex::decode(point).unwrap();
            assert!(named("2.5.4.3", 0x1e, &value).is_ok(), "{point}");
        }
    }

    #[test]
    fn rejects_attribute_types_above_31_bits() {
        named("2.5.4.2147483647", 0x0c, b"a").unwrap();
        let fault = fault(named("2.5.4.2147483648", 0x0c, b"a"));
        assert!(fault.contains("31 bits"), "{fault}");
    }
}
