//! A new key for a Secret.

use std::fmt;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, ECDSA_P521_SHA512_ASN1_SIGNING,
    EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::TLS_KEY;
use super::error::SoftwareError;
use crate::error::KeyError;

/// The types of key that Signet creates, with the names that Kubernetes uses for pod certificates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum KeyType {
    /// ECDSA on P-256, signing with SHA-256.
    #[default]
    #[serde(rename = "ECDSAP256")]
    EcdsaP256,
    /// ECDSA on P-384, signing with SHA-384.
    #[serde(rename = "ECDSAP384")]
    EcdsaP384,
    /// ECDSA on P-521, signing with SHA-512.
    #[serde(rename = "ECDSAP521")]
    EcdsaP521,
    /// RSA of 2048 bits, signing PKCS#1 v1.5 with SHA-256.
    #[serde(rename = "RSA2048")]
    Rsa2048,
    /// RSA of 3072 bits.
    #[serde(rename = "RSA3072")]
    Rsa3072,
    /// RSA of 4096 bits.
    #[serde(rename = "RSA4096")]
    Rsa4096,
    /// Ed25519.
    #[serde(rename = "ED25519")]
    Ed25519,
}

impl KeyType {
    /// The name, as the API has it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EcdsaP256 => "ECDSAP256",
            Self::EcdsaP384 => "ECDSAP384",
            Self::EcdsaP521 => "ECDSAP521",
            Self::Rsa2048 => "RSA2048",
            Self::Rsa3072 => "RSA3072",
            Self::Rsa4096 => "RSA4096",
            Self::Ed25519 => "ED25519",
        }
    }
}

/// A private key that was just made, as unencrypted PKCS#8 PEM. It is wiped when dropped.
pub struct GeneratedKey(Zeroizing<String>);

impl GeneratedKey {
    /// Makes a key.
    ///
    /// # Errors
    /// The system gives no randomness.
    pub fn new(key_type: KeyType) -> Result<Self, KeyError> {
        let der = match key_type {
            KeyType::EcdsaP256 => ecdsa(&ECDSA_P256_SHA256_ASN1_SIGNING),
            KeyType::EcdsaP384 => ecdsa(&ECDSA_P384_SHA384_ASN1_SIGNING),
            KeyType::EcdsaP521 => ecdsa(&ECDSA_P521_SHA512_ASN1_SIGNING),
            KeyType::Rsa2048 => rsa(KeySize::Rsa2048),
            KeyType::Rsa3072 => rsa(KeySize::Rsa3072),
            KeyType::Rsa4096 => rsa(KeySize::Rsa4096),
            KeyType::Ed25519 => Ed25519KeyPair::generate()
                .ok()
                .and_then(|pair| pair.to_pkcs8v1().ok())
                .map(|der| Zeroizing::new(der.as_ref().to_vec())),
        };
        let pem = der.and_then(|der| pem(&der)).map(Self);
        pem.ok_or_else(|| SoftwareError::NotGenerated.into())
    }

    /// The key under which the Secret holds it, and the PEM.
    pub fn secret_entry(&self) -> (&'static str, &str) {
        (TLS_KEY, &self.0)
    }
}

impl fmt::Debug for GeneratedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GeneratedKey(..)")
    }
}

fn ecdsa(curve: &'static EcdsaSigningAlgorithm) -> Option<Zeroizing<Vec<u8>>> {
    let pair = EcdsaKeyPair::generate(curve).ok()?;
    let der = pair.to_pkcs8v1().ok()?;
    Some(Zeroizing::new(der.as_ref().to_vec()))
}

fn rsa(size: KeySize) -> Option<Zeroizing<Vec<u8>>> {
    let pair = RsaKeyPair::generate(size).ok()?;
    let der: Pkcs8V1Der<'_> = pair.as_der().ok()?;
    Some(Zeroizing::new(der.as_ref().to_vec()))
}

fn pem(der: &[u8]) -> Option<Zeroizing<String>> {
    der::pem::encode_string("PRIVATE KEY", der::pem::LineEnding::LF, der)
        .ok()
        .map(Zeroizing::new)
}
