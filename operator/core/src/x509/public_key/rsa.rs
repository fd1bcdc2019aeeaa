//! RSA public keys (RFC 3279 section 2.3.1, RFC 8017 appendix A.1.1).

use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use der::asn1::UintRef;
use der::{Decode, Sequence};

use super::{PublicKeyError, small_primes};
use crate::x509::algorithm::KeyAlgorithm;

const BITS: std::ops::RangeInclusive<u32> = 2048..=8192;

/// The public exponents that Go's crypto/rsa accepts: a certificate with a larger one could not be
/// read by Kubernetes, cert-manager or most meshes.
const EXPONENT: std::ops::RangeInclusive<u32> = 3..=0x7fff_ffff;

/// RSAPublicKey ::= SEQUENCE { modulus INTEGER, publicExponent INTEGER }
#[derive(Sequence)]
struct RsaPublicKey<'a> {
    modulus: UintRef<'a>,
    public_exponent: UintRef<'a>,
}

pub(super) fn check(key: &[u8]) -> Result<KeyAlgorithm, PublicKeyError> {
    let numbers = RsaPublicKey::from_der(key).map_err(PublicKeyError::Malformed)?;
    let modulus = numbers.modulus.as_bytes();
    let bits = bit_length(numbers.modulus);
    if bits < *BITS.start() {
        return Err(PublicKeyError::WeakRsa(bits));
    }
    if bits > *BITS.end() {
        return Err(PublicKeyError::LargeRsa(bits));
    }
    if modulus.last().is_some_and(|byte| byte % 2 == 0) {
        return Err(PublicKeyError::EvenRsaModulus);
    }
    if let Some(factor) = small_primes::factor(modulus) {
        return Err(PublicKeyError::SmallRsaFactor(factor));
    }
    let exponent = to_u32(numbers.public_exponent);
    if !exponent.is_some_and(|exponent| EXPONENT.contains(&exponent) && exponent % 2 == 1) {
        return Err(PublicKeyError::RsaExponent);
    }
    UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key)
        .parse()
        .map_err(|_| PublicKeyError::Rsa)?;
    Ok(KeyAlgorithm::Rsa { bits })
}

/// The numbers of an RSA key.
pub(super) struct Components<'a> {
    pub(super) modulus: &'a [u8],
    pub(super) bits: u32,
    pub(super) exponent: u32,
}

/// Returns the numbers of a key that [`check`] accepts.
pub(super) fn components(key: &[u8]) -> Option<Components<'_>> {
    let numbers = RsaPublicKey::from_der(key).ok()?;
    Some(Components {
        modulus: numbers.modulus.as_bytes(),
        bits: bit_length(numbers.modulus),
        exponent: to_u32(numbers.public_exponent)?,
    })
}

fn bit_length(number: UintRef<'_>) -> u32 {
    let zeros = number
        .as_bytes()
        .first()
        .map_or(0, |byte| byte.leading_zeros());
    u32::from(number.len()).saturating_mul(8) - zeros
}

fn to_u32(number: UintRef<'_>) -> Option<u32> {
    let mut bytes = number.as_bytes().iter();
    bytes.try_fold(0u32, |value, byte| {
        value.checked_mul(256)?.checked_add((*byte).into())
    })
}
