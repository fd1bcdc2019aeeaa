//! What a pure-Rust library says about the signature alone.

use anyhow::{Context, Result, bail};
use const_oid::ObjectIdentifier;
use const_oid::db::rfc5912::{
    ECDSA_WITH_SHA_256, ECDSA_WITH_SHA_384, ECDSA_WITH_SHA_512, SHA_256_WITH_RSA_ENCRYPTION,
    SHA_384_WITH_RSA_ENCRYPTION, SHA_512_WITH_RSA_ENCRYPTION,
};
use const_oid::db::rfc8410::ID_ED_25519;
use p256::pkcs8::DecodePublicKey;
use rsa::RsaPublicKey;
use rsa::pkcs1v15::{Signature as RsaSignature, VerifyingKey as RsaVerifyingKey};
use rsa::signature::Verifier;
use sha2::{Sha256, Sha384, Sha512};

use super::Certificate;

/// Verifies one certificate under another's key. The hash must be the curve's own.
pub(super) fn verify(certificate: &Certificate, issuer: &Certificate) -> Result<()> {
    let verified = match certificate.signature_algorithm() {
        ECDSA_WITH_SHA_256 => p256(certificate, issuer),
        ECDSA_WITH_SHA_384 => p384(certificate, issuer),
        ECDSA_WITH_SHA_512 => p521(certificate, issuer),
        ID_ED_25519 => ed25519(certificate, issuer),
        algorithm => rsa(algorithm, certificate, issuer),
    };
    verified.with_context(|| format!("the signature of {}", certificate.subject()))
}

fn p256(certificate: &Certificate, issuer: &Certificate) -> Result<()> {
    let key = p256::ecdsa::VerifyingKey::from_public_key_der(&issuer.public_key())?;
    let signature = p256::ecdsa::DerSignature::from_bytes(certificate.signature()?)?;
    Ok(key.verify(certificate.to_be_signed(), &signature)?)
}

fn p384(certificate: &Certificate, issuer: &Certificate) -> Result<()> {
    let key = p384::ecdsa::VerifyingKey::from_public_key_der(&issuer.public_key())?;
    let signature = p384::ecdsa::DerSignature::from_bytes(certificate.signature()?)?;
    Ok(key.verify(certificate.to_be_signed(), &signature)?)
}

fn p521(certificate: &Certificate, issuer: &Certificate) -> Result<()> {
    let key = p521::ecdsa::VerifyingKey::from_public_key_der(&issuer.public_key())?;
    let signature = p521::ecdsa::DerSignature::from_bytes(certificate.signature()?)?;
    Ok(key.verify(certificate.to_be_signed(), &signature)?)
}

fn ed25519(certificate: &Certificate, issuer: &Certificate) -> Result<()> {
    let spki = issuer.parsed().tbs_certificate().subject_public_key_info();
    let bytes = spki.subject_public_key.as_bytes().context("whole octets")?;
    let key = ed25519_dalek::VerifyingKey::try_from(bytes)?;
    let signature = ed25519_dalek::Signature::from_slice(certificate.signature()?)?;
    Ok(key.verify_strict(certificate.to_be_signed(), &signature)?)
}

fn rsa(algorithm: ObjectIdentifier, certificate: &Certificate, issuer: &Certificate) -> Result<()> {
    let key = RsaPublicKey::from_public_key_der(&issuer.public_key())?;
    let signature = RsaSignature::try_from(certificate.signature()?)?;
    let message = certificate.to_be_signed();
    match algorithm {
        SHA_256_WITH_RSA_ENCRYPTION => {
            RsaVerifyingKey::<Sha256>::new(key).verify(message, &signature)?;
        }
        SHA_384_WITH_RSA_ENCRYPTION => {
            RsaVerifyingKey::<Sha384>::new(key).verify(message, &signature)?;
        }
        SHA_512_WITH_RSA_ENCRYPTION => {
            RsaVerifyingKey::<Sha512>::new(key).verify(message, &signature)?;
        }
        other => bail!("the algorithm {other} is none of ours"),
    }
    Ok(())
}
