//! Ed25519 public keys (RFC 8410, RFC 8032).

use super::PublicKeyError;
use crate::x509::algorithm::KeyAlgorithm;

/// The y coordinates of the points of small order, in little-endian, with the two that are not
/// reduced. For such a key a signature over any message can be made up without a private key,
/// so that a CSR would prove nothing. A test holds this list against another library.
const SMALL_ORDER: [[u8; 32]; 7] = [
    *b"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00",
    *b"\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00",
    *b"\x26\xe8\x95\x8f\xc2\xb2\x27\xb0\x45\xc3\xf4\x89\xf2\xef\x98\xf0\xd5\xdf\xac\x05\xd3\xc6\x33\x39\xb1\x38\x02\x88\x6d\x53\xfc\x05",
    *b"\xc7\x17\x6a\x70\x3d\x4d\xd8\x4f\xba\x3c\x0b\x76\x0d\x10\x67\x0f\x2a\x20\x53\xfa\x2c\x39\xcc\xc6\x4e\xc7\xfd\x77\x92\xac\x03\x7a",
    *b"\xec\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f",
    *b"\xed\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f",
    *b"\xee\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f",
];

/// Checks the 32 bytes. Whether they are a point at all shows when a signature is verified.
pub(super) fn check(key: &[u8]) -> Result<KeyAlgorithm, PublicKeyError> {
    let mut y: [u8; 32] = key
        .try_into()
        .map_err(|_| PublicKeyError::Ed25519Length(key.len()))?;
    // The top bit is the sign of x; small order depends only on y.
    y[31] &= 0x7f;
    if SMALL_ORDER.contains(&y) {
        return Err(PublicKeyError::WeakEd25519);
    }
    Ok(KeyAlgorithm::Ed25519)
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::VerifyingKey;

    use super::{SMALL_ORDER, check};
    use crate::x509::algorithm::KeyAlgorithm;
    use crate::x509::public_key::PublicKeyError;

    #[test]
    fn small_order_agrees_with_another_library() {
        for mut y in SMALL_ORDER {
            for sign in [0x00, 0x80] {
                y[31] = (y[31] & 0x7f) | sign;
                assert_eq!(check(&y), Err(PublicKeyError::WeakEd25519));
                // Some encodings with the other sign are not a point.
                if let Ok(key) = VerifyingKey::from_bytes(&y) {
                    assert!(key.is_weak(), "{}", hex::encode(y));
                }
            }
        }
    }

    #[test]
    fn accepts_a_common_key() {
        // RFC 8032 section 7.1, test 1.
        let key = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
        assert_eq!(check(&hex::decode(key).unwrap()), Ok(KeyAlgorithm::Ed25519));
        assert_eq!(check(&[1; 31]), Err(PublicKeyError::Ed25519Length(31)));
        assert_eq!(check(&[1; 33]), Err(PublicKeyError::Ed25519Length(33)));
    }
}
