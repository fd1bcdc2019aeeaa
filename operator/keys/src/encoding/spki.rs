//! SubjectPublicKeyInfo (RFC 5280 section 4.1) from the parts of a public key.

use der::asn1::{AnyRef, BitStringRef, UintRef};
use der::{Decode, Encode, Sequence};

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

/// rsaEncryption with NULL (RFC 3279 section 2.3.1).
const RSA: &[u8] = b"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00";

/// id-Ed25519 without parameters (RFC 8410 section 3).
const ED25519: &[u8] = b"\x30\x05\x06\x03\x2b\x65\x70";

/// The length of an Ed25519 public key (RFC 8032 section 5.1.5).
pub(crate) const ED25519_LEN: usize = 32;

/// A curve of ECDSA keys, by name (RFC 5480 section 2.1.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Curve {
    /// secp256r1.
    P256,
    /// secp384r1.
    P384,
    /// secp521r1.
    P521,
}

impl Curve {
    pub(crate) const ALL: [Self; 3] = [Self::P256, Self::P384, Self::P521];

    /// The curve's object identifier, in DER.
    pub(crate) const fn oid(self) -> &'static [u8] {
        match self {
            Self::P256 => b"\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07",
            Self::P384 => b"\x06\x05\x2b\x81\x04\x00\x22",
            Self::P521 => b"\x06\x05\x2b\x81\x04\x00\x23",
        }
    }

    /// id-ecPublicKey with the curve as its parameters.
    const fn algorithm(self) -> &'static [u8] {
        match self {
            Self::P256 => {
                b"\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07"
            }
            Self::P384 => b"\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x22",
            Self::P521 => b"\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x23",
        }
    }

    /// The length of an uncompressed point (SEC 1 section 2.3.3).
    pub(crate) const fn point_len(self) -> usize {
        match self {
            Self::P256 => 65,
            Self::P384 => 97,
            Self::P521 => 133,
        }
    }
}

/// Encodes an RSA key from its modulus and exponent, as big-endian integers. Leading zeros do not
/// count.
pub(crate) fn rsa(modulus: &[u8], exponent: &[u8]) -> Option<Vec<u8>> {
    let (modulus, exponent) = (UintRef::new(modulus).ok()?, UintRef::new(exponent).ok()?);
    info(RSA, &RsaPublicKey { modulus, exponent }.to_der().ok()?)
}

/// Encodes a key on this curve from its uncompressed point.
pub(crate) fn ec(curve: Curve, point: &[u8]) -> Option<Vec<u8>> {
    (point.len() == curve.point_len()).then_some(())?;
    info(curve.algorithm(), point)
}

/// Encodes an Ed25519 key.
pub(crate) fn ed25519(key: &[u8]) -> Option<Vec<u8>> {
    (key.len() == ED25519_LEN).then_some(())?;
    info(ED25519, key)
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

    fn expected(key: &impl AsDer<PublicKeyX509Der<'static>>) -> Vec<u8> {
        key.as_der().unwrap().as_ref().to_vec()
    }

    #[test]
    fn encodes_points_of_the_right_length() {
        let signing = [
            &ECDSA_P256_SHA256_ASN1_SIGNING,
            &ECDSA_P384_SHA384_ASN1_SIGNING,
            &ECDSA_P521_SHA512_ASN1_SIGNING,
        ];
        for (algorithm, curve) in signing.into_iter().zip(Curve::ALL) {
            let pair = EcdsaKeyPair::generate(algorithm).unwrap();
            let point = pair.public_key().as_ref();
            assert_eq!(ec(curve, point).unwrap(), expected(pair.public_key()));
            assert_eq!(ec(curve, &point[1..]), None);
        }
        let pair = Ed25519KeyPair::generate().unwrap();
        let key = pair.public_key().as_ref();
        assert_eq!(ed25519(key).unwrap(), expected(pair.public_key()));
        assert_eq!(ed25519(&key[1..]), None);
    }

    #[test]
    fn ignores_leading_zeros_of_rsa_integers() {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        let public_key = pair.public_key();
        let numbers = RsaPublicKey::from_der(public_key.as_ref()).unwrap();
        let modulus = numbers.modulus.as_bytes();
        let padded = [&[0], modulus].concat();
        for modulus in [modulus, &padded] {
            assert_eq!(rsa(modulus, &[0, 1, 0, 1]).unwrap(), expected(public_key));
        }
    }
}
