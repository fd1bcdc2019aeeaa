//! What a key is given of a certificate: a digest, so that the certificate need not travel.

use aws_lc_rs::digest::{self, Digest, SHA256, SHA384, SHA512};
use signet_core::x509::algorithm::SignatureAlgorithm;

/// The digest of a message that a signature algorithm signs. None for Ed25519, which has no form
/// with a digest that X.509 carries (RFC 8032 section 5.1, RFC 8410 section 3).
pub(crate) fn message_digest(algorithm: SignatureAlgorithm, message: &[u8]) -> Option<Digest> {
    let hash = match algorithm {
        SignatureAlgorithm::EcdsaSha256 | SignatureAlgorithm::RsaPkcs1Sha256 => &SHA256,
        SignatureAlgorithm::EcdsaSha384 | SignatureAlgorithm::RsaPkcs1Sha384 => &SHA384,
        SignatureAlgorithm::EcdsaSha512 | SignatureAlgorithm::RsaPkcs1Sha512 => &SHA512,
        SignatureAlgorithm::Ed25519 => return None,
    };
    Some(digest::digest(hash, message))
}
