//! Signet's signature algorithms in KMS's words.

use aws_lc_rs::digest::{self, SHA256, SHA384, SHA512};
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::{MessageType, SigningAlgorithmSpec};
use signet_core::algorithm::SignatureAlgorithm;

use crate::error::{ErrorClass, KeyError};

/// The most bytes that KMS takes as they are.
const MOST_RAW_BYTES: usize = 4096;

/// The key specs that KMS signs with and that X.509 readers know.
pub(super) const KEY_SPECS: &str = "ECC_NIST_P256, ECC_NIST_P384, ECC_NIST_P521, \
    ECC_NIST_EDWARDS25519, RSA_2048, RSA_3072 or RSA_4096";

/// KMS's name of an algorithm. ED25519_SHA_512 is pure Ed25519; ED25519_PH_SHA_512 would be
/// another algorithm, which X.509 does not have.
pub(super) fn in_kms(algorithm: SignatureAlgorithm) -> SigningAlgorithmSpec {
    match algorithm {
        SignatureAlgorithm::EcdsaSha256 => SigningAlgorithmSpec::EcdsaSha256,
        SignatureAlgorithm::EcdsaSha384 => SigningAlgorithmSpec::EcdsaSha384,
        SignatureAlgorithm::EcdsaSha512 => SigningAlgorithmSpec::EcdsaSha512,
        SignatureAlgorithm::RsaPkcs1Sha256 => SigningAlgorithmSpec::RsassaPkcs1V15Sha256,
        SignatureAlgorithm::RsaPkcs1Sha384 => SigningAlgorithmSpec::RsassaPkcs1V15Sha384,
        SignatureAlgorithm::RsaPkcs1Sha512 => SigningAlgorithmSpec::RsassaPkcs1V15Sha512,
        SignatureAlgorithm::Ed25519 => SigningAlgorithmSpec::Ed25519Sha512,
    }
}

/// What is sent to be signed: the digest, since a certificate may be larger than what KMS takes.
/// Pure Ed25519 has no form with a digest (RFC 8032 section 5.1).
pub(super) fn message(
    algorithm: SignatureAlgorithm,
    tbs: &[u8],
) -> Result<(MessageType, Blob), KeyError> {
    let hash = match algorithm {
        SignatureAlgorithm::EcdsaSha256 | SignatureAlgorithm::RsaPkcs1Sha256 => &SHA256,
        SignatureAlgorithm::EcdsaSha384 | SignatureAlgorithm::RsaPkcs1Sha384 => &SHA384,
        SignatureAlgorithm::EcdsaSha512 | SignatureAlgorithm::RsaPkcs1Sha512 => &SHA512,
        SignatureAlgorithm::Ed25519 if tbs.len() > MOST_RAW_BYTES => {
            let sentence = format!(
                "the to-be-signed certificate of {} bytes is larger than the {MOST_RAW_BYTES} \
                 bytes that AWS KMS signs with an Ed25519 key; ask for fewer names, or use an \
                 issuer with an ECDSA or RSA key",
                tbs.len()
            );
            return Err(KeyError::new(ErrorClass::KeyUnusable, sentence));
        }
        SignatureAlgorithm::Ed25519 => return Ok((MessageType::Raw, Blob::new(tbs))),
    };
    let digest = digest::digest(hash, tbs);
    Ok((MessageType::Digest, Blob::new(digest.as_ref())))
}
