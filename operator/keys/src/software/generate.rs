//! A new key for a Secret.

use std::fmt;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, ECDSA_P521_SHA512_ASN1_SIGNING,
    EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair,
};
use der::pem::{LineEnding, encode_string};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::TLS_KEY;
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

/// As the API has it.
impl fmt::Display for KeyType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
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
        let pem = match key_type {
            KeyType::EcdsaP256 => ecdsa(&ECDSA_P256_SHA256_ASN1_SIGNING),
            KeyType::EcdsaP384 => ecdsa(&ECDSA_P384_SHA384_ASN1_SIGNING),
            KeyType::EcdsaP521 => ecdsa(&ECDSA_P521_SHA512_ASN1_SIGNING),
            KeyType::Rsa2048 => rsa(KeySize::Rsa2048),
            KeyType::Rsa3072 => rsa(KeySize::Rsa3072),
            KeyType::Rsa4096 => rsa(KeySize::Rsa4096),
            KeyType::Ed25519 => ed25519(),
        };
        pem.map(Self)
            .ok_or_else(|| SoftwareError::NotGenerated.into())
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

fn ecdsa(curve: &'static EcdsaSigningAlgorithm) -> Option<Zeroizing<String>> {
    let pair = EcdsaKeyPair::generate(curve).ok()?;
    pem(pair.to_pkcs8v1().ok()?.as_ref())
}

fn rsa(size: KeySize) -> Option<Zeroizing<String>> {
    let pair = RsaKeyPair::generate(size).ok()?;
    let pkcs8: Pkcs8V1Der<'_> = pair.as_der().ok()?;
    pem(pkcs8.as_ref())
}

fn ed25519() -> Option<Zeroizing<String>> {
    let pair = Ed25519KeyPair::generate().ok()?;
    pem(pair.to_pkcs8v1().ok()?.as_ref())
}

fn pem(pkcs8: &[u8]) -> Option<Zeroizing<String>> {
    let pem = encode_string("PRIVATE KEY", LineEnding::LF, pkcs8);
    pem.ok().map(Zeroizing::new)
}
