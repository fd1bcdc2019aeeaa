//! ECDSA signatures.

use der::asn1::UintRef;
use der::{Encode, Sequence};

/// Ecdsa-Sig-Value (RFC 5480 appendix A).
#[derive(Sequence)]
struct EcdsaSignature<'a> {
    r: UintRef<'a>,
    s: UintRef<'a>,
}

/// Encodes a signature that is given as r and s, one after the other and of the same length
/// (IEEE P1363). None if it cannot be one.
pub(crate) fn ecdsa_signature(raw: &[u8]) -> Option<Vec<u8>> {
    if raw.is_empty() || !raw.len().is_multiple_of(2) {
        return None;
    }
    let (r, s) = raw.split_at(raw.len() / 2);
    let (r, s) = (UintRef::new(r).ok()?, UintRef::new(s).ok()?);
    EcdsaSignature { r, s }.to_der().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodes_minimal_positive_integers() {
        let table: [(&[u8], Option<&[u8]>); 6] = [
            (&[1, 2], Some(&[0x30, 6, 2, 1, 1, 2, 1, 2])),
            // The highest bit would make them negative.
            (
                &[0x80, 0xff],
                Some(&[0x30, 8, 2, 2, 0, 0x80, 2, 2, 0, 0xff]),
            ),
            // Leading zeros are padding.
            (
                &[0, 0, 1, 0, 0x80, 0],
                Some(&[0x30, 8, 2, 1, 1, 2, 3, 0, 0x80, 0]),
            ),
            (&[0, 0, 0, 5], Some(&[0x30, 6, 2, 1, 0, 2, 1, 5])),
            (&[], None),
            (&[1, 2, 3], None),
        ];
        for (raw, der) in table {
            assert_eq!(ecdsa_signature(raw).as_deref(), der, "{raw:?}");
        }
    }
}
