//! A private key of any type that Signet uses, read from PEM.

use rustls::SignatureScheme;
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::sign::Signer;
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject;
use signet_core::x509::algorithm::SignatureAlgorithm;
use signet_core::x509::public_key::PublicKey;

use super::Software;
use super::error::SoftwareError;
use crate::rsa_hash::RsaHash;

pub(super) struct PrivateKey {
    pub(super) public_key: PublicKey,
    pub(super) algorithm: SignatureAlgorithm,
    signer: Box<dyn Signer>,
}

/// Returns the public key of a private key in PEM, if it is one that Signet uses.
pub fn read_public_key(pem: &[u8]) -> Option<PublicKey> {
    let der = PrivateKeyDer::from_pem_slice(pem).ok()?;
    let key = any_supported_type(&der).ok()?;
    let spki = key.public_key()?;
    PublicKey::from_spki_der(&spki).ok()
}

impl PrivateKey {
    /// Reads a key `from` an entry of a Secret, which errors name.
    pub(super) fn from_pem(
        pem: &[u8],
        rsa_hash: RsaHash,
        from: &Software,
    ) -> Result<Self, SoftwareError> {
        let (entry, secret) = (|| from.entry().to_owned(), || from.secret_name.clone());
        if is_encrypted(pem) {
            return Err(SoftwareError::Encrypted {
                entry: entry(),
                secret: secret(),
            });
        }
        let der = PrivateKeyDer::from_pem_slice(pem).map_err(|_| SoftwareError::NotPem {
            entry: entry(),
            secret: secret(),
        })?;
        let key = any_supported_type(&der).map_err(|_| from.unsupported())?;
        let spki = key.public_key().ok_or_else(|| SoftwareError::NoPublicKey {
            entry: entry(),
            secret: secret(),
        })?;
        let public_key = PublicKey::from_spki_der(&spki);
        let public_key = public_key.map_err(|error| SoftwareError::UnsupportedPublicKey {
            entry: entry(),
            secret: secret(),
            why: error.to_string(),
        })?;
        let algorithm = rsa_hash.algorithm_for(public_key.algorithm());
        let signer = key.choose_scheme(&[scheme(algorithm)]);
        Ok(Self {
            public_key,
            algorithm,
            signer: signer.ok_or_else(|| from.unsupported())?,
        })
    }

    pub(super) fn sign(&self, message: &[u8]) -> Option<Vec<u8>> {
        self.signer.sign(message).ok()
    }
}

/// The name of the algorithm in TLS, where an ECDSA key signs with the hash of its curve.
fn scheme(algorithm: SignatureAlgorithm) -> SignatureScheme {
    match algorithm {
        SignatureAlgorithm::EcdsaSha256 => SignatureScheme::ECDSA_NISTP256_SHA256,
        SignatureAlgorithm::EcdsaSha384 => SignatureScheme::ECDSA_NISTP384_SHA384,
        SignatureAlgorithm::EcdsaSha512 => SignatureScheme::ECDSA_NISTP521_SHA512,
        SignatureAlgorithm::RsaPkcs1Sha256 => SignatureScheme::RSA_PKCS1_SHA256,
        SignatureAlgorithm::RsaPkcs1Sha384 => SignatureScheme::RSA_PKCS1_SHA384,
        SignatureAlgorithm::RsaPkcs1Sha512 => SignatureScheme::RSA_PKCS1_SHA512,
        SignatureAlgorithm::Ed25519 => SignatureScheme::ED25519,
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
