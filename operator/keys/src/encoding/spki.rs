//! SubjectPublicKeyInfo (RFC 5280 section 4.1) from the parts of a public key.

use der::asn1::UintRef;
use der::{Encode, Sequence};
use rustls::sign::public_key_to_spki;
use rustls_pki_types::{AlgorithmIdentifier, alg_id};

/// RSAPublicKey (RFC 8017 appendix A.1.1).
#[derive(Sequence)]
struct RsaPublicKey<'a> {
    modulus: UintRef<'a>,
    exponent: UintRef<'a>,
}

/// Encodes an RSA key from its modulus and exponent, as big-endian integers. Leading zeros do not
/// count.
pub(crate) fn rsa(modulus: &[u8], exponent: &[u8]) -> Option<Vec<u8>> {
    let (modulus, exponent) = (UintRef::new(modulus).ok()?, UintRef::new(exponent).ok()?);
    let key = RsaPublicKey { modulus, exponent }.to_der().ok()?;
    Some(public_key_to_spki(&alg_id::RSA_ENCRYPTION, key).to_vec())
}

/// The object identifier id-ecPublicKey in DER (RFC 5480 section 2.1.1).
const ID_EC_PUBLIC_KEY: &[u8] = b"\x06\x07\x2a\x86\x48\xce\x3d\x02\x01";

/// A curve whose points are public keys.
pub(crate) struct Curve {
    algorithm: AlgorithmIdentifier,
    /// The length of a point, uncompressed (SEC 1 section 2.3.3) where there is a choice.
    pub(crate) point_len: usize,
}

impl Curve {
    pub(crate) const ECDSA: [Self; 3] = [
        Self::new(alg_id::ECDSA_P256, 65),
        Self::new(alg_id::ECDSA_P384, 97),
        Self::new(alg_id::ECDSA_P521, 133),
    ];

    pub(crate) const ED25519: Self = Self::new(alg_id::ED25519, 32);

    const fn new(algorithm: AlgorithmIdentifier, point_len: usize) -> Self {
        Self {
            algorithm,
            point_len,
        }
    }

    /// The object identifier of an ECDSA curve, in DER.
    pub(crate) fn oid(&self) -> Option<&[u8]> {
        self.algorithm.as_ref().strip_prefix(ID_EC_PUBLIC_KEY)
    }

    /// Encodes the key that is this point. None if it does not have the length of one.
    pub(crate) fn spki(&self, point: &[u8]) -> Option<Vec<u8>> {
        let spki = || public_key_to_spki(&self.algorithm, point).to_vec();
        (point.len() == self.point_len).then(spki)
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
    use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
    use aws_lc_rs::signature::{
        ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING,
        ECDSA_P521_SHA512_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair,
    };
    use der::Decode;

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
        for (algorithm, curve) in signing.into_iter().zip(Curve::ECDSA) {
            let pair = EcdsaKeyPair::generate(algorithm).unwrap();
            let point = pair.public_key().as_ref();
            assert_eq!(curve.spki(point).unwrap(), expected(pair.public_key()));
            assert_eq!(curve.spki(&point[1..]), None);
        }
        let pair = Ed25519KeyPair::generate().unwrap();
        let key = pair.public_key().as_ref();
        assert_eq!(
            Curve::ED25519.spki(key).unwrap(),
            expected(pair.public_key())
        );
        assert_eq!(Curve::ED25519.spki(&key[1..]), None);
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
