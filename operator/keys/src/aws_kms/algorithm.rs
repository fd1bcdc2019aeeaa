//! Signet's signature algorithms in KMS's words.

use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::{MessageType, SigningAlgorithmSpec};
use signet_core::x509::algorithm::SignatureAlgorithm;

use crate::message_digest::message_digest;

/// The most bytes that KMS takes as they are.
pub(super) const MAX_RAW_BYTES: usize = 4096;

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
pub(super) fn message(algorithm: SignatureAlgorithm, tbs: &[u8]) -> (MessageType, Blob) {
    match message_digest(algorithm, tbs) {
        Some(digest) => (MessageType::Digest, Blob::new(digest.as_ref())),
        None => (MessageType::Raw, Blob::new(tbs)),
    }
}
