//! The hash with which an RSA key signs: the one choice that a key leaves open.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use signet_core::x509::algorithm::{KeyAlgorithm, SignatureAlgorithm};

/// The hash of PKCS#1 v1.5 signatures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum RsaHash {
    /// SHA-256.
    #[default]
    #[serde(rename = "SHA256")]
    Sha256,
    /// SHA-384.
    #[serde(rename = "SHA384")]
    Sha384,
    /// SHA-512.
    #[serde(rename = "SHA512")]
    Sha512,
}

impl RsaHash {
    /// How a key signs: with this hash if it is RSA, with that of its curve otherwise.
    pub fn algorithm_for(self, key: KeyAlgorithm) -> SignatureAlgorithm {
        match (key, self) {
            (KeyAlgorithm::Rsa { .. }, Self::Sha384) => SignatureAlgorithm::RsaPkcs1Sha384,
            (KeyAlgorithm::Rsa { .. }, Self::Sha512) => SignatureAlgorithm::RsaPkcs1Sha512,
            _ => SignatureAlgorithm::for_key(key),
        }
    }
}
