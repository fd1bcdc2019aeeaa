//! Signatures, by a pure-Rust library for each type of key.

use anyhow::{Context, Result, bail};
use const_oid::db::rfc5912::{
    ECDSA_WITH_SHA_256, ECDSA_WITH_SHA_384, ECDSA_WITH_SHA_512, ID_RSASSA_PSS,
    SHA_256_WITH_RSA_ENCRYPTION, SHA_384_WITH_RSA_ENCRYPTION, SHA_512_WITH_RSA_ENCRYPTION,
};
use const_oid::db::rfc8410::ID_ED_25519;
use der::Decode;
use p256::pkcs8::DecodePublicKey;
use rsa::RsaPublicKey;
use rsa::signature::Verifier;
use rsa::{pkcs1v15, pss};
use sha2::{Sha256, Sha384, Sha512};
use spki::{AlgorithmIdentifierRef, SubjectPublicKeyInfoRef};

/// Verifies a signature under a SubjectPublicKeyInfo, by an AlgorithmIdentifier. An ECDSA signature
/// is in strict DER, and its hash is the curve's own.
///
/// # Errors
/// It does not verify, or is of an algorithm that Signet does not sign with.
pub fn verify_signature(
    spki_der: &[u8],
    algorithm_der: &[u8],
    message: &[u8],
    signature: &[u8],
) -> Result<()> {
    match AlgorithmIdentifierRef::from_der(algorithm_der)?.oid {
        ECDSA_WITH_SHA_256 => {
            let key = p256::ecdsa::VerifyingKey::from_public_key_der(spki_der)?;
            let signature = p256::ecdsa::DerSignature::from_bytes(signature)?;
            key.verify(message, &signature)?;
        }
        ECDSA_WITH_SHA_384 => {
            let key = p384::ecdsa::VerifyingKey::from_public_key_der(spki_der)?;
            let signature = p384::ecdsa::DerSignature::from_bytes(signature)?;
            key.verify(message, &signature)?;
        }
        ECDSA_WITH_SHA_512 => {
            let key = p521::ecdsa::VerifyingKey::from_public_key_der(spki_der)?;
            let signature = p521::ecdsa::DerSignature::from_bytes(signature)?;
            key.verify(message, &signature)?;
        }
        ID_ED_25519 => {
            let key = SubjectPublicKeyInfoRef::from_der(spki_der)?;
            let key = key.subject_public_key.as_bytes().context("whole octets")?;
            let key = ed25519_dalek::VerifyingKey::try_from(key)?;
            let signature = ed25519_dalek::Signature::from_slice(signature)?;
            key.verify_strict(message, &signature)?;
        }
        oid => {
            let key = RsaPublicKey::from_public_key_der(spki_der)?;
            if oid == ID_RSASSA_PSS {
                // A CA above Signet may sign so, and the tests do with SHA-256.
                let signature = pss::Signature::try_from(signature)?;
                pss::VerifyingKey::<Sha256>::new(key).verify(message, &signature)?;
                return Ok(());
            }
            let signature = pkcs1v15::Signature::try_from(signature)?;
            match oid {
                SHA_256_WITH_RSA_ENCRYPTION => {
                    pkcs1v15::VerifyingKey::<Sha256>::new(key).verify(message, &signature)?;
                }
                SHA_384_WITH_RSA_ENCRYPTION => {
                    pkcs1v15::VerifyingKey::<Sha384>::new(key).verify(message, &signature)?;
                }
                SHA_512_WITH_RSA_ENCRYPTION => {
                    pkcs1v15::VerifyingKey::<Sha512>::new(key).verify(message, &signature)?;
                }
                other => bail!("the algorithm {other} is not one of ours"),
            }
        }
    }
    Ok(())
}
