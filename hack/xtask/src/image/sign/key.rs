//! The key that signs.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair,
    UnparsedPublicKey,
};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;

const PEM_BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
const PEM_END: &str = "-----END PRIVATE KEY-----";

/// A private key. It is not printed.
pub(crate) struct Key(EcdsaKeyPair);

impl Key {
    /// # Errors
    /// The file cannot be read, or is not a P-256 key in PKCS#8.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let text =
            fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        Self::parse(&text).with_context(|| format!("cannot use the key {}", path.display()))
    }

    fn parse(pem: &str) -> Result<Self> {
        let body = pem.trim().strip_prefix(PEM_BEGIN);
        let body = body.and_then(|it| it.strip_suffix(PEM_END)).context(
            "it does not begin with BEGIN PRIVATE KEY; a P-256 key in PKCS#8, without a \
             password, is needed",
        )?;
        let body: String = body.split_whitespace().collect();
        let der = BASE64_STANDARD.decode(body).context("invalid base64")?;
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &der);
        let pair = pair.ok().context("it is not a P-256 key in PKCS#8")?;
        Ok(Self(pair))
    }

    /// The base64 of an ASN.1 ECDSA signature over the SHA-256 of `bytes`.
    ///
    /// # Errors
    /// There is no randomness.
    pub(crate) fn sign(&self, bytes: &[u8]) -> Result<String> {
        let signature = self.0.sign(&SystemRandom::new(), bytes).ok();
        let signature = signature.context("cannot sign")?;
        Ok(BASE64_STANDARD.encode(signature.as_ref()))
    }

    /// Whether a signature in base64 over `bytes` is this key's.
    pub(super) fn has_signed(&self, bytes: &[u8], signature: &str) -> bool {
        let public = UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, self.0.public_key());
        let signature = BASE64_STANDARD.decode(signature);
        signature.is_ok_and(|signature| public.verify(bytes, &signature).is_ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rejects_what_is_not_a_p256_key_in_pkcs8() {
        for pem in [
            "-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\nAA==\n\
             -----END ENCRYPTED SIGSTORE PRIVATE KEY-----\n",
            "-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n",
            "-----BEGIN PRIVATE KEY-----\n!\n-----END PRIVATE KEY-----\n",
            "",
        ] {
            assert!(Key::parse(pem).is_err(), "{pem}");
        }
    }
}
