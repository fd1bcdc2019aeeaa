//! SubjectPublicKeyInfo from the attributes of a PKCS#11 key.

use der::asn1::{AnyRef, BitStringRef, OctetStringRef, UintRef};
use der::{Decode, Encode, Sequence};

/// SubjectPublicKeyInfo (RFC 5280 section 4.1).
#[derive(Sequence)]
struct Info<'a> {
    algorithm: AnyRef<'a>,
    key: BitStringRef<'a>,
}

/// RSAPublicKey (RFC 8017 appendix A.1.1).
#[derive(Sequence)]
struct RsaPublicKey<'a> {
    modulus: UintRef<'a>,
    exponent: UintRef<'a>,
}

/// A curve: its CKA_EC_PARAMS, its AlgorithmIdentifier, and the bytes of a point.
struct Curve {
    params: &'static [u8],
    algorithm: &'static [u8],
    point: usize,
}

/// The object identifiers of secp256r1, secp384r1 and secp521r1 (RFC 5480 section 2.1.1.1), alone
/// and as the parameters of id-ecPublicKey.
const CURVES: [Curve; 3] = [
    Curve {
        params: b"\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07",
        algorithm:
            b"\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07",
        point: 65,
    },
    Curve {
        params: b"\x06\x05\x2b\x81\x04\x00\x22",
        algorithm: b"\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x22",
        point: 97,
    },
    Curve {
        params: b"\x06\x05\x2b\x81\x04\x00\x23",
        algorithm: b"\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x23",
        point: 133,
    },
];

/// rsaEncryption with NULL (RFC 3279 section 2.3.1).
const RSA: &[u8] = b"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00";

/// id-Ed25519 without parameters (RFC 8410 section 3).
const ED25519: &[u8] = b"\x30\x05\x06\x03\x2b\x65\x70";

/// The forms of CKA_EC_PARAMS that tokens give Ed25519: its object identifier of RFC 8410, the
/// curve's name of PKCS#11 3.0, and the object identifier that came before both.
const ED25519_PARAMS: [&[u8]; 3] = [
    b"\x06\x03\x2b\x65\x70",
    b"\x13\x0cedwards25519",
    b"\x06\x09\x2b\x06\x01\x04\x01\xda\x47\x0f\x01",
];

/// Of CKA_MODULUS and CKA_PUBLIC_EXPONENT.
pub(super) fn rsa(modulus: &[u8], exponent: &[u8]) -> Option<Vec<u8>> {
    let (modulus, exponent) = (UintRef::new(modulus).ok()?, UintRef::new(exponent).ok()?);
    info(RSA, &RsaPublicKey { modulus, exponent }.to_der().ok()?)
}

/// Of CKA_EC_PARAMS and CKA_EC_POINT of a key on a Weierstrass curve. None if it is none of the
/// curves that Signet uses, by name.
pub(super) fn ec(params: &[u8], point: &[u8]) -> Option<Vec<u8>> {
    let curve = CURVES.iter().find(|curve| curve.params == params)?;
    info(curve.algorithm, unwrapped(point, curve.point)?)
}

/// Of CKA_EC_PARAMS and CKA_EC_POINT of a key on an Edwards curve. None if it is not Ed25519.
pub(super) fn edwards(params: &[u8], point: &[u8]) -> Option<Vec<u8>> {
    if !ED25519_PARAMS.contains(&params) {
        return None;
    }
    info(ED25519, unwrapped(point, 32)?)
}

/// The point of so many bytes. PKCS#11 wants it inside of an OCTET STRING; there are tokens that
/// give it bare, or inside of a BIT STRING. No two of these have one length.
fn unwrapped(point: &[u8], length: usize) -> Option<&[u8]> {
    if point.len() == length {
        return Some(point);
    }
    let octets = <&OctetStringRef>::from_der(point).map(OctetStringRef::as_bytes);
    let bits = || BitStringRef::from_der(point).ok()?.as_bytes();
    let inner = octets.ok().or_else(bits)?;
    (inner.len() == length).then_some(inner)
}

fn info(algorithm: &[u8], key: &[u8]) -> Option<Vec<u8>> {
    let algorithm = AnyRef::from_der(algorithm).ok()?;
    let key = BitStringRef::from_bytes(key).ok()?;
    Info { algorithm, key }.to_der().ok()
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
    use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
    use aws_lc_rs::signature::{
        ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING,
        ECDSA_P521_SHA512_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair,
    };

    use super::*;

    fn spki(key: &impl AsDer<PublicKeyX509Der<'static>>) -> Vec<u8> {
        key.as_der().unwrap().as_ref().to_vec()
    }

    #[test]
    fn points_are_read_bare_and_wrapped() {
        let signing = [
            &ECDSA_P256_SHA256_ASN1_SIGNING,
            &ECDSA_P384_SHA384_ASN1_SIGNING,
            &ECDSA_P521_SHA512_ASN1_SIGNING,
        ];
        for (algorithm, curve) in signing.into_iter().zip(CURVES) {
            let pair = EcdsaKeyPair::generate(algorithm).unwrap();
            let expected = spki(pair.public_key());
            let point = pair.public_key().as_ref();
            assert_eq!(ec(curve.params, point).unwrap(), expected);
            let octets = OctetStringRef::new(point).unwrap().to_der().unwrap();
            assert_eq!(ec(curve.params, &octets).unwrap(), expected);
            let bits = BitStringRef::from_bytes(point).unwrap().to_der().unwrap();
            assert_eq!(ec(curve.params, &bits).unwrap(), expected);
            assert_eq!(ec(curve.params, &point[1..]), None);
            assert_eq!(ec(&[], point), None);
        }
    }

    #[test]
    fn ed25519_is_known_by_each_of_its_names() {
        let pair = Ed25519KeyPair::generate().unwrap();
        let expected = spki(pair.public_key());
        let point = pair.public_key().as_ref();
        let octets = OctetStringRef::new(point).unwrap().to_der().unwrap();
        for params in ED25519_PARAMS {
            assert_eq!(edwards(params, point).unwrap(), expected);
            assert_eq!(edwards(params, &octets).unwrap(), expected);
        }
        // Ed448.
        assert_eq!(edwards(b"\x06\x03\x2b\x65\x71", &octets), None);
    }

    #[test]
    fn rsa_numbers_may_have_zeros_in_front() {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        let public_key = pair.public_key();
        let numbers = RsaPublicKey::from_der(public_key.as_ref()).unwrap();
        let modulus = numbers.modulus.as_bytes();
        let padded = [&[0], modulus].concat();
        for modulus in [modulus, &padded] {
            assert_eq!(rsa(modulus, &[0, 1, 0, 1]).unwrap(), spki(public_key));
        }
    }
}
