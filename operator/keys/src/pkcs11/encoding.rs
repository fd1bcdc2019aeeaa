//! Between what PKCS#11 takes and gives and what X.509 carries.

use cryptoki::mechanism::eddsa::{EddsaParams, EddsaSignatureScheme};
use cryptoki::mechanism::{Mechanism, MechanismType};
use der::asn1::UintRef;
use der::{Encode, Sequence};
use signet_core::x509::algorithm::SignatureAlgorithm;

use crate::message_digest::message_digest;

/// DigestInfo up to the digest, with NULL parameters (RFC 8017 section 9.2, note 1).
const SHA256_INFO: [u8; 19] = info([0x30, 0x31], 0x01, 0x20);
const SHA384_INFO: [u8; 19] = info([0x30, 0x41], 0x02, 0x30);
const SHA512_INFO: [u8; 19] = info([0x30, 0x51], 0x03, 0x40);

const fn info(sequence: [u8; 2], hash: u8, length: u8) -> [u8; 19] {
    let [tag, outer] = sequence;
    [
        tag, outer, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, hash,
        0x05, 0x00, 0x04, length,
    ]
}

/// The mechanism that signs, and its name in the standard.
///
/// The hash is made here: not every token has the mechanisms that hash (SoftHSM2 has none for
/// ECDSA), and a certificate need not travel to the token.
pub(super) fn mechanism(
    algorithm: SignatureAlgorithm,
) -> (Mechanism<'static>, MechanismType, &'static str) {
    match algorithm {
        SignatureAlgorithm::EcdsaSha256
        | SignatureAlgorithm::EcdsaSha384
        | SignatureAlgorithm::EcdsaSha512 => (Mechanism::Ecdsa, MechanismType::ECDSA, "CKM_ECDSA"),
        SignatureAlgorithm::RsaPkcs1Sha256
        | SignatureAlgorithm::RsaPkcs1Sha384
        | SignatureAlgorithm::RsaPkcs1Sha512 => {
            (Mechanism::RsaPkcs, MechanismType::RSA_PKCS, "CKM_RSA_PKCS")
        }
        SignatureAlgorithm::Ed25519 => {
            let pure = EddsaParams::new(EddsaSignatureScheme::Pure);
            (Mechanism::Eddsa(pure), MechanismType::EDDSA, "CKM_EDDSA")
        }
    }
}

/// What the mechanism is given for these bytes: a digest, a DigestInfo, or the bytes themselves.
pub(super) fn input(algorithm: SignatureAlgorithm, message: &[u8]) -> Vec<u8> {
    let info: &[u8] = match algorithm {
        SignatureAlgorithm::RsaPkcs1Sha256 => &SHA256_INFO,
        SignatureAlgorithm::RsaPkcs1Sha384 => &SHA384_INFO,
        SignatureAlgorithm::RsaPkcs1Sha512 => &SHA512_INFO,
        _ => &[],
    };
    match message_digest(algorithm, message) {
        Some(digest) => [info, digest.as_ref()].concat(),
        None => message.to_vec(),
    }
}

/// The signature as X.509 carries it; none if it cannot be one.
pub(super) fn output(algorithm: SignatureAlgorithm, signature: Vec<u8>) -> Option<Vec<u8>> {
    match algorithm {
        SignatureAlgorithm::EcdsaSha256
        | SignatureAlgorithm::EcdsaSha384
        | SignatureAlgorithm::EcdsaSha512 => ecdsa_der(&signature),
        _ => Some(signature),
    }
}

/// Ecdsa-Sig-Value (RFC 5480 appendix A).
#[derive(Sequence)]
struct EcdsaSignature<'a> {
    r: UintRef<'a>,
    s: UintRef<'a>,
}

/// PKCS#11 gives r and s one after the other, each in half of the bytes.
fn ecdsa_der(raw: &[u8]) -> Option<Vec<u8>> {
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
    fn r_and_s_become_minimal_positive_integers() {
        let table: [(&[u8], Option<&[u8]>); 6] = [
            (&[1, 2], Some(&[0x30, 6, 2, 1, 1, 2, 1, 2])),
            // The highest bit would make them negative.
            (
                &[0x80, 0xff],
                Some(&[0x30, 8, 2, 2, 0, 0x80, 2, 2, 0, 0xff]),
            ),
            // Zeros in front are padding of PKCS#11's.
            (
                &[0, 0, 1, 0, 0x80, 0],
                Some(&[0x30, 8, 2, 1, 1, 2, 3, 0, 0x80, 0]),
            ),
            (&[0, 0, 0, 5], Some(&[0x30, 6, 2, 1, 0, 2, 1, 5])),
            (&[], None),
            (&[1, 2, 3], None),
        ];
        for (raw, der) in table {
            assert_eq!(ecdsa_der(raw).as_deref(), der, "{raw:?}");
        }
    }

    #[test]
    fn rsa_signs_a_digest_info() {
        // From RFC 8017 section 9.2, note 1, written out by hand.
        let sha384 = input(SignatureAlgorithm::RsaPkcs1Sha384, b"abc");
        let prefix = [
            0x30, 0x41, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02,
            0x02, 0x05, 0x00, 0x04, 0x30,
        ];
        assert!(sha384.starts_with(&prefix));
        assert_eq!(sha384.len(), prefix.len() + 48);
        assert_eq!(
            input(SignatureAlgorithm::RsaPkcs1Sha256, b"abc").len(),
            19 + 32
        );
        assert_eq!(
            input(SignatureAlgorithm::RsaPkcs1Sha512, b"abc").len(),
            19 + 64
        );
    }
}
