//! basicConstraints (RFC 5280 4.2.1.9), as CSRs and CA certificates carry it.

use const_oid::db::rfc5280::ID_CE_BASIC_CONSTRAINTS;
use const_oid::{AssociatedOid, ObjectIdentifier};
use der::asn1::UintRef;
use der::{Decode, Encode, Sequence, Tag};

/// Whether a certificate is a CA's, and how many CAs may follow below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BasicConstraints {
    /// The cA flag.
    pub ca: bool,
    /// The pathLenConstraint. No path is as long as 255 certificates, so a greater limit, which
    /// does not limit either, counts as 255.
    pub path_length: Option<u8>,
}

impl AssociatedOid for BasicConstraints {
    const OID: ObjectIdentifier = ID_CE_BASIC_CONSTRAINTS;
}

/// The ASN.1 type.
#[derive(Sequence)]
struct Encoded<'a> {
    #[asn1(default = "Default::default")]
    ca: bool,
    #[asn1(optional = "true")]
    path_length: Option<UintRef<'a>>,
}

impl BasicConstraints {
    /// Reads the value of the extension.
    ///
    /// # Errors
    /// It is not DER, has a negative path length, or writes the default `cA FALSE` out.
    pub(crate) fn from_der(value: &[u8]) -> der::Result<Self> {
        let encoded = Encoded::from_der(value)?;
        if encoded.to_der()? != value {
            return Err(Tag::Sequence.non_canonical_error().into());
        }
        Ok(Self {
            ca: encoded.ca,
            path_length: encoded.path_length.map(clamp),
        })
    }
}

fn clamp(path_length: UintRef<'_>) -> u8 {
    match path_length.as_bytes() {
        [length] => *length,
        _ => u8::MAX,
    }
}

#[cfg(test)]
mod tests {
    use super::BasicConstraints;

    fn path_length(value: &str) -> Option<Option<u8>> {
        let value = hex::decode(value.replace(' ', "")).unwrap();
        let constraints = BasicConstraints::from_der(&value).ok()?;
        assert!(constraints.ca, "{value:?}");
        Some(constraints.path_length)
    }

    #[test]
    fn reads_path_lengths_of_any_size() {
        for (value, expected) in [
            ("3003 0101ff", None),
            ("3006 0101ff 020100", Some(0)),
            ("3006 0101ff 02017f", Some(127)),
            ("3007 0101ff 02020080", Some(128)),
            ("3007 0101ff 020200ff", Some(255)),
            ("3007 0101ff 02020100", Some(255)),
            ("3008 0101ff 02030f4240", Some(255)),
            ("300e 0101ff 020900ffffffffffffffff", Some(255)),
        ] {
            assert_eq!(path_length(value), Some(expected), "{value}");
        }
    }

    #[test]
    fn rejects_path_lengths_that_are_not_der() {
        for value in [
            // Negative, with a needless zero, and empty.
            "3006 0101ff 0201ff",
            "3007 0101ff 02020001",
            "3005 0101ff 0200",
        ] {
            assert_eq!(path_length(value), None, "{value}");
        }
    }
}
