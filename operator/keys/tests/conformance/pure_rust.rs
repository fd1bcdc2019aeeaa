//! Verification by pure-Rust libraries that the product does not use.

use p256::ecdsa::signature::Verifier;
use p256::pkcs8::DecodePublicKey;
use signet_core::x509::algorithm::SignatureAlgorithm;

/// Whether the signature verifies. ECDSA signatures must be in strict DER.
pub(crate) fn verifies(
    spki_der: &[u8],
    algorithm: SignatureAlgorithm,
    message: &[u8],
    signature: &[u8],
) -> bool {
    match algorithm {
        SignatureAlgorithm::EcdsaSha256 => {
            let key = p256::ecdsa::VerifyingKey::from_public_key_der(spki_der).unwrap();
            let signature = p256::ecdsa::DerSignature::try_from(signature).unwrap();
            key.verify(message, &signature).is_ok()
        }
        SignatureAlgorithm::EcdsaSha384 => {
            let key = p384::ecdsa::VerifyingKey::from_public_key_der(spki_der).unwrap();
            let signature = p384::ecdsa::DerSignature::try_from(signature).unwrap();
            key.verify(message, &signature).is_ok()
        }
        SignatureAlgorithm::EcdsaSha512 => {
            let key = p521::ecdsa::VerifyingKey::from_public_key_der(spki_der).unwrap();
            let signature = p521::ecdsa::DerSignature::try_from(signature).unwrap();
            key.verify(message, &signature).is_ok()
        }
        SignatureAlgorithm::RsaPkcs1Sha256 => rsa::<sha2::Sha256>(spki_der, message, signature),
        SignatureAlgorithm::RsaPkcs1Sha384 => rsa::<sha2::Sha384>(spki_der, message, signature),
        SignatureAlgorithm::RsaPkcs1Sha512 => rsa::<sha2::Sha512>(spki_der, message, signature),
        SignatureAlgorithm::Ed25519 => {
            let raw = spki_der.last_chunk().unwrap();
            let key = ed25519_dalek::VerifyingKey::from_bytes(raw).unwrap();
            let signature = ed25519_dalek::Signature::from_slice(signature).unwrap();
            key.verify_strict(message, &signature).is_ok()
        }
    }
}

fn rsa<D>(spki_der: &[u8], message: &[u8], signature: &[u8]) -> bool
where
    D: rsa::sha2::Digest + rsa::pkcs8::AssociatedOid,
{
    let key = rsa::RsaPublicKey::from_public_key_der(spki_der).unwrap();
    let key = rsa::pkcs1v15::VerifyingKey::<D>::new(key);
    let signature = rsa::pkcs1v15::Signature::try_from(signature).unwrap();
    key.verify(message, &signature).is_ok()
}
