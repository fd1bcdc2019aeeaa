//! RSA-PSS with SHA-256 and a salt of any length (RFC 8017 8.1.2 and 9.1.2).
//!
//! Go signs with the longest salt that fits unless a program chooses another, and so do kubelets.
//! aws-lc-rs verifies only a salt as long as the hash. This computes with public values only.

use aws_lc_rs::digest::{SHA256, SHA256_OUTPUT_LEN, digest};
use crypto_bigint::modular::{BoxedMontyForm, BoxedMontyParams};
use crypto_bigint::{BoxedUint, Odd};

use super::rsa::Components;

/// Returns whether the signature is the key's over the message.
pub(super) fn verify(key: &Components<'_>, message: &[u8], signature: &[u8]) -> bool {
    encoded_message(key, signature).is_some_and(|encoded| {
        // One bit less than the modulus.
        let unused_bits = (8 - (key.bits - 1) % 8) % 8;
        matches(encoded, unused_bits, message)
    })
}

/// Returns the signature to the power of the exponent, in as many bytes as hold one bit less than
/// the modulus.
fn encoded_message(key: &Components<'_>, signature: &[u8]) -> Option<Vec<u8>> {
    if signature.len() != key.modulus.len() {
        return None;
    }
    let precision = u32::try_from(key.modulus.len()).ok()?.checked_mul(8)?;
    let modulus = BoxedUint::from_be_slice(key.modulus, precision).ok()?;
    let signature = BoxedUint::from_be_slice(signature, precision).ok()?;
    if signature >= modulus {
        return None;
    }
    let exponent = BoxedUint::from(key.exponent);
    let params = BoxedMontyParams::new_vartime(Option::from(Odd::new(modulus))?);
    let power = BoxedMontyForm::new(signature, &params).pow(&exponent);
    let bytes = power.retrieve().to_be_bytes();
    let length = usize::try_from((key.bits - 1).div_ceil(8)).ok()?;
    let (zeros, encoded) = bytes.split_at_checked(bytes.len().checked_sub(length)?)?;
    zeros
        .iter()
        .all(|&zero| zero == 0)
        .then(|| encoded.to_vec())
}

/// EMSA-PSS-VERIFY.
fn matches(encoded: Vec<u8>, unused_bits: u32, message: &[u8]) -> bool {
    let [masked @ .., 0xbc] = encoded.as_slice() else {
        return false;
    };
    let Some((masked, hash)) = masked.split_last_chunk::<SHA256_OUTPUT_LEN>() else {
        return false;
    };
    let used = 0xff >> unused_bits;
    if masked.first().is_none_or(|first| first & !used != 0) {
        return false;
    }
    let mask = mgf1(hash, masked.len());
    let mut block: Vec<u8> = masked.iter().zip(mask).map(|(a, b)| a ^ b).collect();
    block[0] &= used;
    let Some(one) = block.iter().position(|&byte| byte != 0) else {
        return false;
    };
    let hashed = digest(&SHA256, message);
    let salted = [&[0; 8], hashed.as_ref(), &block[one + 1..]].concat();
    block[one] == 1 && digest(&SHA256, &salted).as_ref() == hash
}

/// RFC 8017 B.2.1.
fn mgf1(seed: &[u8], length: usize) -> Vec<u8> {
    let blocks = (0u32..).map(|counter| digest(&SHA256, &[seed, &counter.to_be_bytes()].concat()));
    let blocks = blocks.take(length.div_ceil(SHA256_OUTPUT_LEN));
    let mut mask: Vec<u8> = blocks.flat_map(|block| block.as_ref().to_vec()).collect();
    mask.truncate(length);
    mask
}
