//! The mechanisms that sign: what each takes and returns.

use signet_core::x509::algorithm::SignatureAlgorithm;

use super::wire::Mechanism;
use crate::encoding::ecdsa::ecdsa_signature;
use crate::message_digest::message_digest;

/// Returns the mechanism that signs.
///
/// The hash is computed here: not every token has the mechanisms that hash (SoftHSM2 has none for
/// ECDSA).
pub(super) fn mechanism(algorithm: SignatureAlgorithm) -> Mechanism {
    match algorithm {
        SignatureAlgorithm::EcdsaSha256
        | SignatureAlgorithm::EcdsaSha384
        | SignatureAlgorithm::EcdsaSha512 => Mechanism::Ecdsa,
        SignatureAlgorithm::RsaPkcs1Sha256
        | SignatureAlgorithm::RsaPkcs1Sha384
        | SignatureAlgorithm::RsaPkcs1Sha512 => Mechanism::RsaPkcs,
        SignatureAlgorithm::Ed25519 => Mechanism::Eddsa,
    }
}

/// Returns the input of the mechanism for these bytes: a digest, a DigestInfo, or the bytes.
pub(super) fn input(algorithm: SignatureAlgorithm, message: &[u8]) -> Vec<u8> {
    let Some(digest) = message_digest(algorithm, message) else {
        return message.to_vec();
    };
    let digest = digest.as_ref();
    let (hash, length) = match algorithm {
        SignatureAlgorithm::RsaPkcs1Sha256 => (0x01, 32),
        SignatureAlgorithm::RsaPkcs1Sha384 => (0x02, 48),
        SignatureAlgorithm::RsaPkcs1Sha512 => (0x03, 64),
        _ => return digest.to_vec(),
    };
    // DigestInfo with NULL parameters (RFC 8017 section 9.2, note 1).
    let start = [0x30, 0x11 + length];
    let hashes = b"\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02";
    let end = [hash, 0x05, 0x00, 0x04, length];
    [&start, &hashes[..], &end, digest].concat()
}

/// Returns the signature as X.509 carries it; none if it cannot be one.
pub(super) fn output(algorithm: SignatureAlgorithm, signature: Vec<u8>) -> Option<Vec<u8>> {
    match mechanism(algorithm) {
        Mechanism::Ecdsa => ecdsa_signature(&signature),
        _ => Some(signature),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_a_digest_info_with_rsa() {
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
