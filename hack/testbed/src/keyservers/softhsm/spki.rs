//! Public keys of elliptic curves from OpenSC's list of objects, because pkcs11-tool cannot export
//! those of every curve.

use anyhow::Result;
use const_oid::db::{rfc5912::ID_EC_PUBLIC_KEY, rfc8410::ID_ED_25519};
use der::asn1::{Any, BitString, OctetString};
use der::{Decode, Encode};
use spki::{AlgorithmIdentifier, SubjectPublicKeyInfo};

/// The first word of a field of an object in the list.
pub(super) fn field<'a>(object: &'a str, name: &str) -> Option<&'a str> {
    let mut fields = object
        .lines()
        .filter_map(|line| line.trim().split_once(':'));
    let (_, value) = fields.find(|(it, _)| *it == name)?;
    value.split_whitespace().next()
}

/// The SubjectPublicKeyInfo of a key with a point; `None` for an RSA key.
pub(super) fn elliptic(object: &str) -> Result<Option<Vec<u8>>> {
    let (Some(point), Some(curve)) = (field(object, "EC_POINT"), field(object, "EC_PARAMS")) else {
        return Ok(None);
    };
    let point = OctetString::from_der(&hex::decode(point)?)?;
    let (oid, parameters) = if object.starts_with("; EC_EDWARDS") {
        (ID_ED_25519, None)
    } else {
        let curve = Any::from_der(&hex::decode(curve)?)?;
        (ID_EC_PUBLIC_KEY, Some(curve))
    };
    let public = SubjectPublicKeyInfo {
        algorithm: AlgorithmIdentifier { oid, parameters },
        subject_public_key: BitString::from_bytes(point.as_bytes())?,
    };
    Ok(Some(public.to_der()?))
}
