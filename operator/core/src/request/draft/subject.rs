//! The subject of a draft, from the values of its attributes.

use const_oid::ObjectIdentifier;
use const_oid::db::rfc4519::{
    COMMON_NAME, COUNTRY_NAME, LOCALITY_NAME, ORGANIZATION_NAME, ORGANIZATIONAL_UNIT_NAME,
    POSTAL_CODE, SERIAL_NUMBER, ST, STREET,
};
use der::{Encode, asn1::SetOfVec};
use x509_cert::attr::AttributeTypeAndValue;

use crate::x509::strict::tlv;

const PRINTABLE_STRING: der::Tag = der::Tag::PrintableString;

/// A subject attribute of a cert-manager Certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "named as RFC 5280 and cert-manager name them")]
pub enum SubjectAttribute {
    Country,
    Organization,
    OrganizationalUnit,
    Locality,
    Province,
    StreetAddress,
    PostalCode,
    CommonName,
    SerialNumber,
}

impl SubjectAttribute {
    fn oid(self) -> ObjectIdentifier {
        match self {
            Self::Country => COUNTRY_NAME,
            Self::Organization => ORGANIZATION_NAME,
            Self::OrganizationalUnit => ORGANIZATIONAL_UNIT_NAME,
            Self::Locality => LOCALITY_NAME,
            Self::Province => ST,
            Self::StreetAddress => STREET,
            Self::PostalCode => POSTAL_CODE,
            Self::CommonName => COMMON_NAME,
            Self::SerialNumber => SERIAL_NUMBER,
        }
    }
}

/// Returns the DER of a Name as Go's crypto/x509/pkix writes it: an RDN per attribute, with all of
/// its values. An attribute without values is left out.
///
/// # Errors
/// It cannot be encoded.
pub fn subject(attributes: &[(SubjectAttribute, Vec<String>)]) -> der::Result<Vec<u8>> {
    let mut content = Vec::new();
    for (attribute, values) in attributes {
        if values.is_empty() {
            continue;
        }
        let values = values
            .iter()
            .map(|value| attribute_value(*attribute, value));
        let rdn = SetOfVec::try_from(values.collect::<der::Result<Vec<_>>>()?)?;
        content.extend(rdn.to_der()?);
    }
    Ok(tlv(0x30, &content))
}

fn attribute_value(attribute: SubjectAttribute, value: &str) -> der::Result<AttributeTypeAndValue> {
    let printable = |c: char| c.is_ascii_alphanumeric() || " '()+,-./:=?".contains(c);
    let tag = match value.chars().all(printable) {
        true => PRINTABLE_STRING,
        false => der::Tag::Utf8String,
    };
    Ok(AttributeTypeAndValue {
        oid: attribute.oid(),
        value: der::asn1::Any::new(tag, value.as_bytes())?,
    })
}
