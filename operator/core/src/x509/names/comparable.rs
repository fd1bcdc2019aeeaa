//! Comparison of distinguished names (RFC 5280 7.1).

use std::collections::BTreeSet;

use const_oid::ObjectIdentifier;
use der::Tagged;
use der::asn1::AnyRef;
use icu_normalizer::DecomposingNormalizerBorrowed;

use super::distinguished;

/// A set of distinguished names that finds those that match, however they are encoded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NameSet(BTreeSet<ComparableName>);

impl NameSet {
    /// Returns whether the DER of a Name matches one of the set. A Name that cannot be read counts
    /// as a match: what is unknown is not allowed.
    pub fn matches(&self, name: &[u8]) -> bool {
        ComparableName::from_der(name).map_or(true, |name| self.0.contains(&name))
    }
}

impl FromIterator<ComparableName> for NameSet {
    fn from_iter<I: IntoIterator<Item = ComparableName>>(names: I) -> Self {
        Self(names.into_iter().collect())
    }
}

/// A Name in a form in which two that match are equal: the RDNs in order, the attributes of each
/// sorted, and their text without differences of case, white space and string type.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ComparableName(Vec<Vec<(ObjectIdentifier, Value)>>);

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Value {
    Text(String),
    /// Of a type that is not a string: compared as it is encoded.
    Encoded(Vec<u8>),
}

impl ComparableName {
    /// Reads the DER of a Name.
    pub(crate) fn from_der(name: &[u8]) -> der::Result<Self> {
        let rdns = distinguished::rdns(name)?;
        Ok(Self(rdns.into_iter().map(sorted).collect()))
    }

    /// Returns whether the first RDNs of this Name match those of the other.
    pub(crate) fn starts_with(&self, other: &Self) -> bool {
        self.0.starts_with(&other.0)
    }
}

/// Sorts the attributes of an RDN. Their order in DER is that of their encoding, which case and
/// string type change.
fn sorted(rdn: Vec<(ObjectIdentifier, AnyRef<'_>)>) -> Vec<(ObjectIdentifier, Value)> {
    let attributes = rdn.into_iter().map(|(id, value)| (id, comparable(value)));
    let mut attributes: Vec<_> = attributes.collect();
    attributes.sort();
    attributes
}

fn comparable(value: AnyRef<'_>) -> Value {
    match distinguished::text(value) {
        Some(text) => Value::Text(fold(&text)),
        None => Value::Encoded([value.tag().to_string().as_bytes(), value.value()].concat()),
    }
}

/// Prepares text as RFC 4518 2 does: characters without meaning removed, white space compressed,
/// case folded, normalized (NFKD, which equates what NFKC equates).
fn fold(text: &str) -> String {
    let normalizer = DecomposingNormalizerBorrowed::new_nfkd();
    let folded: String = normalizer
        .normalize(text)
        .chars()
        .filter(|c| !is_ignored(*c))
        .flat_map(char::to_uppercase)
        .flat_map(char::to_lowercase)
        .collect();
    let folded = normalizer.normalize(&folded);
    folded.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Whether RFC 4518 2.2 maps the character to nothing: control characters that are not white space, and
/// characters that only format others.
fn is_ignored(c: char) -> bool {
    (c.is_control() && !c.is_whitespace())
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{6dd}' | '\u{70f}' | '\u{1806}' | '\u{180b}'..='\u{180e}'
            | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2063}'
            | '\u{206a}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
            | '\u{fff9}'..='\u{fffc}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0001}'
            | '\u{e0020}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::{ComparableName, NameSet};
    use crate::fixtures::der::{attribute, cn, oid, seq, set, tlv};

    fn common_name(tag: u8, value: &[u8]) -> Vec<u8> {
        seq(&[set(&[seq(&[oid("2.5.4.3"), tlv(tag, value)])])])
    }

    #[track_caller]
    fn matches(a: &[u8], b: &[u8]) -> bool {
        let set: NameSet = [ComparableName::from_der(a).unwrap()].into_iter().collect();
        set.matches(b)
    }

    #[test]
    fn ignores_case_white_space_and_string_type() {
        let ca = cn("Root CA");
        for value in [
            "Root CA",
            "ROOT ca",
            "  root   CA ",
            "Root\u{a0}CA",
            "R\u{ad}oot CA",
        ] {
            assert!(matches(&ca, &cn(value)), "{value:?}");
        }
        // PrintableString, IA5String, TeletexString, VisibleString.
        for tag in [0x13, 0x16, 0x14, 0x1a] {
            assert!(matches(&ca, &common_name(tag, b"root ca")), "{tag:#x}");
        }
        let bmp = "ROOT CA".encode_utf16().flat_map(u16::to_be_bytes);
        assert!(matches(&ca, &common_name(0x1e, &bmp.collect::<Vec<_>>())));
        for value in ["RootCA", "Root CA 2", "Root", ""] {
            assert!(!matches(&ca, &cn(value)), "{value:?}");
        }
    }

    #[test]
    fn ignores_unicode_normalization() {
        for (a, b) in [
            ("M\u{fc}ller", "MU\u{308}LLER"),
            ("root", "\u{ff32}oot"),
            ("k", "\u{212a}"),
            ("strasse", "stra\u{df}e"),
            ("\u{3c3}", "\u{3c2}"),
        ] {
            assert!(matches(&cn(a), &cn(b)), "{a} {b}");
        }
        assert!(!matches(&cn("Muller"), &cn("M\u{fc}ller")));
        // Latin-1 in a TeletexString.
        assert!(matches(&cn("\u{fc}"), &common_name(0x14, b"\xdc")));
    }

    #[test]
    fn compares_rdns_in_order_and_their_attributes_in_any() {
        let (a, b) = (attribute("2.5.4.3", "a"), attribute("2.5.4.10", "b"));
        let both = seq(&[set(&[a.clone(), b.clone()])]);
        assert!(matches(&both, &seq(&[set(&[b.clone(), a.clone()])])));
        let one_after_the_other =
            seq(&[set(std::slice::from_ref(&a)), set(std::slice::from_ref(&b))]);
        assert!(!matches(&both, &one_after_the_other));
        assert!(!matches(
            &one_after_the_other,
            &seq(&[set(&[b]), set(&[a])])
        ));
    }

    #[test]
    fn compares_attribute_types_and_every_attribute() {
        let organization = seq(&[set(&[attribute("2.5.4.10", "root")])]);
        assert!(!matches(&cn("root"), &organization));
        let longer = seq(&[
            set(&[attribute("2.5.4.3", "root")]),
            set(&[attribute("2.5.4.10", "")]),
        ]);
        assert!(!matches(&cn("root"), &longer));
        assert!(!matches(&cn("root"), &seq(&[])));
    }

    #[test]
    fn compares_other_values_byte_for_byte() {
        let ca = common_name(0x03, b"\0a");
        assert!(matches(&ca, &ca));
        assert!(!matches(&ca, &common_name(0x03, b"\0A")));
        assert!(!matches(&ca, &common_name(0x04, b"\0a")));
        // Not UTF-8.
        assert!(!matches(&common_name(0x0c, b"\xff"), &cn("a")));
    }

    #[test]
    fn treats_an_unreadable_name_as_a_match() {
        assert!(NameSet::default().matches(b"\x05\0"));
        assert!(!NameSet::default().matches(&cn("a")));
    }
}
