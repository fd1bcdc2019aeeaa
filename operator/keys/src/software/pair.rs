//! A key pair of any type that Signet uses, read from PEM.

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeyPair as RsaKeyPair;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, ECDSA_P521_SHA512_ASN1_SIGNING,
    EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256,
    RSA_PKCS1_SHA384, RSA_PKCS1_SHA512,
};
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject;

use super::error::SoftwareError;
use crate::rsa_hash::RsaHash;

/// The curves, each with the hash that Signet signs with.
static CURVES: [&EcdsaSigningAlgorithm; 3] = [
    &ECDSA_P256_SHA256_ASN1_SIGNING,
    &ECDSA_P384_SHA384_ASN1_SIGNING,
    &ECDSA_P521_SHA512_ASN1_SIGNING,
];

pub(super) enum KeyPair {
    Ecdsa(EcdsaKeyPair),
    Rsa(RsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl KeyPair {
    /// Reads a key from this Secret.
    pub(super) fn from_pem(pem: &[u8], secret: &str) -> Result<Self, SoftwareError> {
        let secret = || secret.to_owned();
        if is_encrypted(pem) {
            return Err(SoftwareError::Encrypted { secret: secret() });
        }
        let der = PrivateKeyDer::from_pem_slice(pem);
        let der = der.map_err(|_| SoftwareError::NotPem { secret: secret() })?;
        let pair = match &der {
            PrivateKeyDer::Pkcs1(key) => rsa(RsaKeyPair::from_der(key.secret_pkcs1_der())),
            PrivateKeyDer::Sec1(key) => ecdsa(key.secret_sec1_der()),
            PrivateKeyDer::Pkcs8(key) => pkcs8(key.secret_pkcs8_der()),
            _ => None,
        };
        pair.ok_or_else(|| SoftwareError::UnsupportedKey { secret: secret() })
    }

    pub(super) fn spki_der(&self) -> Option<Vec<u8>> {
        let der: Result<PublicKeyX509Der<'_>, _> = match self {
            Self::Ecdsa(pair) => pair.public_key().as_der(),
            Self::Rsa(pair) => pair.public_key().as_der(),
            Self::Ed25519(pair) => pair.public_key().as_der(),
        };
        Some(der.ok()?.as_ref().to_vec())
    }

    /// Whether a signature takes milliseconds rather than microseconds.
    pub(super) fn is_slow(&self) -> bool {
        matches!(self, Self::Rsa(_))
    }

    /// The hash is an RSA key's; the others have their own.
    pub(super) fn sign(&self, rsa_hash: RsaHash, message: &[u8]) -> Option<Vec<u8>> {
        let random = SystemRandom::new();
        match self {
            Self::Ecdsa(pair) => pair
                .sign(&random, message)
                .ok()
                .map(|signature| signature.as_ref().to_vec()),
            Self::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                let encoding = match rsa_hash {
                    RsaHash::Sha256 => &RSA_PKCS1_SHA256,
                    RsaHash::Sha384 => &RSA_PKCS1_SHA384,
                    RsaHash::Sha512 => &RSA_PKCS1_SHA512,
                };
                pair.sign(encoding, &random, message, &mut signature).ok()?;
                Some(signature)
            }
            Self::Ed25519(pair) => Some(pair.sign(message).as_ref().to_vec()),
        }
    }
}

/// By its label (RFC 7468 section 11) or by the header of OpenSSL's older form (RFC 1421).
fn is_encrypted(pem: &[u8]) -> bool {
    let mut lines = pem.split(|byte| *byte == b'\n');
    lines.any(|line| {
        line.starts_with(b"-----BEGIN ENCRYPTED PRIVATE KEY-----")
            || line.starts_with(b"Proc-Type: 4,ENCRYPTED")
    })
}

fn pkcs8(der: &[u8]) -> Option<KeyPair> {
    let curve = |curve| EcdsaKeyPair::from_pkcs8(curve, der).ok();
    CURVES
        .into_iter()
        .find_map(curve)
        .map(KeyPair::Ecdsa)
        .or_else(|| rsa(RsaKeyPair::from_pkcs8(der)))
        .or_else(|| {
            Ed25519KeyPair::from_pkcs8_maybe_unchecked(der)
                .ok()
                .map(KeyPair::Ed25519)
        })
}

fn ecdsa(der: &[u8]) -> Option<KeyPair> {
    let curve = |curve| EcdsaKeyPair::from_private_key_der(curve, der).ok();
    CURVES.into_iter().find_map(curve).map(KeyPair::Ecdsa)
}

fn rsa<E>(pair: Result<RsaKeyPair, E>) -> Option<KeyPair> {
    pair.ok().map(KeyPair::Rsa)
}
