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
    let key_der = RsaPublicKey::from_der(key).map_err(PublicKeyError::Malformed)?;
    let modulus = key_der.modulus.as_bytes();
    let bits = bit_length(modulus);
    if bits < *BITS.start() {
        return Err(PublicKeyError::WeakRsa(bits));
    }
    if bits > *BITS.end() {
        return Err(PublicKeyError::LargeRsa(bits));
    }
    if is_even(modulus) {
        return Err(PublicKeyError::EvenRsaModulus);
    }
    if let Some(factor) = small_primes::factor(modulus) {
        return Err(PublicKeyError::SmallRsaFactor(factor));
    }
    let exponent = exponent(key_der.public_exponent.as_bytes());
    if !exponent.is_some_and(|exponent| EXPONENT.contains(&exponent) && exponent % 2 == 1) {
        return Err(PublicKeyError::RsaExponent);
    }
    UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key)
        .parse()
        .map_err(|_| PublicKeyError::Rsa)?;
    Ok(KeyAlgorithm::Rsa { bits })
}

/// Bits of a number without leading zero bytes. More bytes than an `u32` counts are as good as
/// the largest number.
fn bit_length(bytes: &[u8]) -> u32 {
    let Some(first) = bytes.first() else { return 0 };
    u32::try_from(bytes.len())
        .ok()
        .and_then(|length| length.checked_mul(8))
        .map_or(u32::MAX, |bits| bits - first.leading_zeros())
}

fn is_even(bytes: &[u8]) -> bool {
    bytes.last().is_none_or(|byte| byte % 2 == 0)
}

fn exponent(bytes: &[u8]) -> Option<u32> {
    if bytes.len() > size_of::<u32>() {
        return None;
    }
    Some(
        bytes
            .iter()
            .fold(0, |value, byte| value << 8 | u32::from(*byte)),
    )
}
