//! The hash with which an RSA key signs: the one choice that a key leaves open.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use signet_core::x509::algorithm::{KeyAlgorithm, SignatureAlgorithm};

/// The hash of PKCS#1 v1.5 signatures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum RsaHash {
    /// SHA-256.
    #[default]
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
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
