//! SubjectPublicKeyInfo from the attributes of a PKCS#11 key.

use der::Decode;
use der::asn1::{BitStringRef, OctetStringRef};

use crate::encoding::spki::{self, Curve};

/// The forms of CKA_EC_PARAMS that tokens give Ed25519: its object identifier of RFC 8410, the
/// curve's name of PKCS#11 3.0, and the object identifier that came before both.
const ED25519_PARAMS: [&[u8]; 3] = [
    b"\x06\x03\x2b\x65\x70",
    b"\x13\x0cedwards25519",
    b"\x06\x09\x2b\x06\x01\x04\x01\xda\x47\x0f\x01",
];

/// Encodes CKA_MODULUS and CKA_PUBLIC_EXPONENT.
pub(super) use spki::rsa;

/// Encodes CKA_EC_PARAMS and CKA_EC_POINT. None if the parameters do not name a curve that Signet
/// uses.
pub(super) fn ec(params: &[u8], point: &[u8]) -> Option<Vec<u8>> {
    let mut ecdsa = Curve::ECDSA.into_iter();
    let curve = match ED25519_PARAMS.contains(&params) {
        true => Curve::ED25519,
        false => ecdsa.find(|curve| curve.oid() == Some(params))?,
    };
    curve.spki(unwrapped(point, curve.point_len)?)
}

/// Returns the point of this length. PKCS#11 wants it inside of an OCTET STRING; there are tokens
/// that return it bare, or inside of a BIT STRING. No two of these have one length.
fn unwrapped(point: &[u8], length: usize) -> Option<&[u8]> {
    if point.len() == length {
        return Some(point);
    }
    let octets = <&OctetStringRef>::from_der(point).map(OctetStringRef::as_bytes);
    let bits = || BitStringRef::from_der(point).ok()?.as_bytes();
    let inner = octets.ok().or_else(bits)?;
    (inner.len() == length).then_some(inner)
}

#[cfg(test)]
mod tests {
    use der::Encode;

    use super::*;

    #[test]
    fn reads_points_bare_and_wrapped() {
        for curve in Curve::ECDSA {
            let point = vec![4; curve.point_len];
            let expected = curve.spki(&point);
            let oid = curve.oid().unwrap();
            assert!(expected.is_some());
            let octets = OctetStringRef::new(&point).unwrap().to_der().unwrap();
            let bits = BitStringRef::from_bytes(&point).unwrap().to_der().unwrap();
            for form in [&point, &octets, &bits] {
                assert_eq!(ec(oid, form), expected);
            }
            assert_eq!(ec(oid, &point[1..]), None);
            assert_eq!(ec(&[], &point), None);
        }
    }

    #[test]
    fn knows_ed25519_by_each_of_its_names() {
        let point = [7; 32];
        let expected = Curve::ED25519.spki(&point);
        assert!(expected.is_some());
        let octets = OctetStringRef::new(&point).unwrap().to_der().unwrap();
        for params in ED25519_PARAMS {
            assert_eq!(ec(params, &point), expected);
            assert_eq!(ec(params, &octets), expected);
        }
        // Ed448.
        assert_eq!(ec(b"\x06\x03\x2b\x65\x71", &octets), None);
    }
}
