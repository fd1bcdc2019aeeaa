//! A new key for a Secret.

use std::fmt;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, ECDSA_P521_SHA512_ASN1_SIGNING,
    EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair,
};
use der::pem::{LineEnding, encode_string};
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls_pki_types::PrivateKeyDer;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use signet_core::x509::algorithm::KeyAlgorithm;
use signet_core::x509::public_key::PublicKey;
use zeroize::Zeroizing;

use super::error::SoftwareError;
use crate::error::KeyError;

/// The types of key that Signet creates, with the names that Kubernetes uses for pod certificates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum KeyType {
    /// ECDSA on P-256, signing with SHA-256.
    #[default]
    EcdsaP256,
    /// ECDSA on P-384, signing with SHA-384.
    EcdsaP384,
    /// ECDSA on P-521, signing with SHA-512.
    EcdsaP521,
    /// RSA of 2048 bits, signing PKCS#1 v1.5 with SHA-256.
    Rsa2048,
    /// RSA of 3072 bits.
    Rsa3072,
    /// RSA of 4096 bits.
    Rsa4096,
    /// Ed25519.
    Ed25519,
}

impl KeyType {
    /// Returns whether a key is of this type.
    pub fn is_of(self, key: &PublicKey) -> bool {
        let algorithm = match self {
            Self::EcdsaP256 => KeyAlgorithm::EcP256,
            Self::EcdsaP384 => KeyAlgorithm::EcP384,
            Self::EcdsaP521 => KeyAlgorithm::EcP521,
            Self::Rsa2048 => KeyAlgorithm::Rsa { bits: 2048 },
            Self::Rsa3072 => KeyAlgorithm::Rsa { bits: 3072 },
            Self::Rsa4096 => KeyAlgorithm::Rsa { bits: 4096 },
            Self::Ed25519 => KeyAlgorithm::Ed25519,
        };
        key.algorithm() == algorithm
    }
}

/// As the API has it.
impl fmt::Display for KeyType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

/// A private key that was just made. It is wiped when dropped.
pub struct GeneratedKey {
    pem: Zeroizing<String>,
    public_key: PublicKey,
}

impl GeneratedKey {
    /// Makes a key.
    ///
    /// # Errors
    /// The system gives no randomness.
    pub fn new(key_type: KeyType) -> Result<Self, KeyError> {
        let key = match key_type {
            KeyType::EcdsaP256 => ecdsa(&ECDSA_P256_SHA256_ASN1_SIGNING),
            KeyType::EcdsaP384 => ecdsa(&ECDSA_P384_SHA384_ASN1_SIGNING),
            KeyType::EcdsaP521 => ecdsa(&ECDSA_P521_SHA512_ASN1_SIGNING),
            KeyType::Rsa2048 => rsa(KeySize::Rsa2048),
            KeyType::Rsa3072 => rsa(KeySize::Rsa3072),
            KeyType::Rsa4096 => rsa(KeySize::Rsa4096),
            KeyType::Ed25519 => ed25519(),
        };
        key.ok_or_else(|| SoftwareError::NotGenerated.into())
    }

    /// The key as unencrypted PKCS#8, as the Secret holds it.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// The subject key identifier (RFC 5280 4.2.1.2) of certificates for the key, in hex. It is a
    /// valid name of an entry of a Secret.
    pub fn subject_key_id(&self) -> String {
        hex::encode(self.public_key.key_identifier())
    }

    /// Reads the public half back, as every connection to the key does.
    fn from_pkcs8(pkcs8: &[u8]) -> Option<Self> {
        let key = any_supported_type(&PrivateKeyDer::Pkcs8(pkcs8.into())).ok()?;
        let pem = encode_string("PRIVATE KEY", LineEnding::LF, pkcs8).ok()?;
        Some(Self {
            pem: Zeroizing::new(pem),
            public_key: PublicKey::from_spki_der(&key.public_key()?).ok()?,
        })
    }
}

impl fmt::Debug for GeneratedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GeneratedKey(..)")
    }
}

fn ecdsa(curve: &'static EcdsaSigningAlgorithm) -> Option<GeneratedKey> {
    let pair = EcdsaKeyPair::generate(curve).ok()?;
    GeneratedKey::from_pkcs8(pair.to_pkcs8v1().ok()?.as_ref())
}

fn rsa(size: KeySize) -> Option<GeneratedKey> {
    let pair = RsaKeyPair::generate(size).ok()?;
    let pkcs8: Pkcs8V1Der<'_> = pair.as_der().ok()?;
    GeneratedKey::from_pkcs8(pkcs8.as_ref())
}

fn ed25519() -> Option<GeneratedKey> {
    let pair = Ed25519KeyPair::generate().ok()?;
    GeneratedKey::from_pkcs8(pair.to_pkcs8v1().ok()?.as_ref())
}
