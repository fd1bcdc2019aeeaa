//! Public keys that were checked before anything is done with them.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::digest;
use aws_lc_rs::signature::{ParsedPublicKey, UnparsedPublicKey, VerificationAlgorithm};
use const_oid::db::rfc5912::{ID_EC_PUBLIC_KEY, ID_RSASSA_PSS, RSA_ENCRYPTION};
use const_oid::db::rfc8410::ID_ED_25519;
use der::Decode;
use spki::{AlgorithmIdentifierRef, SubjectPublicKeyInfoRef};
use thiserror::Error;

mod ec;
mod ed25519;
mod error;
mod pss;
mod rsa;
mod small_primes;
mod verify;

pub use error::PublicKeyError;

use crate::quote;
use crate::x509::algorithm::{KeyAlgorithm, SignatureAlgorithm};
use crate::x509::link::PssHash;

/// A SubjectPublicKeyInfo of a known algorithm with canonical parameters, and a key in it that
/// can be one: an EC point on its curve, an RSA key of 2048 to 8192 bits without a small factor, an
/// Ed25519 point that is not of small order.
#[derive(Clone)]
pub struct PublicKey {
    spki: Vec<u8>,
    /// Where the value of the subjectPublicKey BIT STRING begins; it is the end of `spki`.
    key_start: usize,
    algorithm: KeyAlgorithm,
    /// An EC key as the check of its point left it, for signatures with the hash of its curve.
    parsed: Option<Arc<ParsedPublicKey>>,
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.spki == other.spki
    }
}

impl Eq for PublicKey {}

impl PublicKey {
    /// Reads and checks the DER of a SubjectPublicKeyInfo.
    ///
    /// # Errors
    /// [`PublicKeyError`], the reason why the key was refused.
    pub fn from_spki_der(der: &[u8]) -> Result<Self, PublicKeyError> {
        let info = SubjectPublicKeyInfoRef::from_der(der).map_err(PublicKeyError::Malformed)?;
        let key = info
            .subject_public_key
            .as_bytes()
            .ok_or(PublicKeyError::UnusedBits)?;
        let (algorithm, parsed) = check(&info.algorithm, key)?;
        Ok(Self {
            spki: der.to_vec(),
            key_start: der.len() - key.len(),
            algorithm,
            parsed: parsed.map(Arc::new),
        })
    }

    /// Returns the SubjectPublicKeyInfo, as received.
    pub fn spki_der(&self) -> &[u8] {
        &self.spki
    }

    /// Returns the algorithm and size of the key.
    pub fn algorithm(&self) -> KeyAlgorithm {
        self.algorithm
    }

    /// Checks a signature over a message. ECDSA signatures are DER, Ed25519 is pure; any of the
    /// three hashes goes with any curve.
    ///
    /// # Errors
    /// When the signature is not this key's over this message, or the algorithm is not one that
    /// such a key signs with.
    pub fn verify(
        &self,
        algorithm: SignatureAlgorithm,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), SignatureMismatch> {
        match &self.parsed {
            Some(key) if algorithm == SignatureAlgorithm::for_key(self.algorithm) => key
                .verify_sig(message, signature)
                .map_err(|_| SignatureMismatch),
            _ => {
                let verification = verify::algorithm(self.algorithm, algorithm);
                self.check(verification, message, signature)
            }
        }
    }

    /// Checks an RSA-PSS signature over a message, as a CA above may have made it. Signet itself
    /// makes none.
    pub(crate) fn verify_pss(
        &self,
        hash: PssHash,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), SignatureMismatch> {
        self.check(verify::pss(self.algorithm, hash), message, signature)
    }

    /// Checks an RSA-PSS signature with SHA-256 and a salt of any length, as Go makes them.
    pub(crate) fn verify_pss_any_salt(
        &self,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), SignatureMismatch> {
        let key = match self.algorithm {
            KeyAlgorithm::Rsa { .. } => rsa::components(self.key_bytes()),
            _ => None,
        };
        match key.is_some_and(|key| pss::verify(&key, message, signature)) {
            true => Ok(()),
            false => Err(SignatureMismatch),
        }
    }

    fn check(
        &self,
        verification: Option<&'static dyn VerificationAlgorithm>,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), SignatureMismatch> {
        let verification = verification.ok_or(SignatureMismatch)?;
        UnparsedPublicKey::new(verification, self.key_bytes())
            .verify(message, signature)
            .map_err(|_| SignatureMismatch)
    }

    /// Returns the key identifier of RFC 7093 section 2 method 1: the leftmost 160 bits of the
    /// SHA-256 of the subjectPublicKey's value. It goes into the SKI of what we sign.
    pub fn key_identifier(&self) -> [u8; 20] {
        let hash = digest::digest(&digest::SHA256, self.key_bytes());
        let mut identifier = [0; 20];
        identifier.copy_from_slice(&hash.as_ref()[..20]);
        identifier
    }

    /// Returns the SHA-256 of the SubjectPublicKeyInfo in lower-case hex.
    pub fn fingerprint(&self) -> String {
        hex::encode(digest::digest(&digest::SHA256, &self.spki))
    }

    /// Returns what stands in the BIT STRING: an RSAPublicKey, an EC point, or 32 bytes of Ed25519.
    fn key_bytes(&self) -> &[u8] {
        &self.spki[self.key_start..]
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fingerprint = self.fingerprint();
        write!(
            f,
            "PublicKey({}, sha256:{fingerprint:.16}…)",
            self.algorithm
        )
    }
}

/// A signature that is not the key's over the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the signature does not verify under the public key")]
pub struct SignatureMismatch;

fn check(
    identifier: &AlgorithmIdentifierRef<'_>,
    key: &[u8],
) -> Result<(KeyAlgorithm, Option<ParsedPublicKey>), PublicKeyError> {
    let parameters = identifier.parameters;
    let unparsed = |algorithm| (algorithm, None);
    match identifier.oid {
        // RFC 3279 section 2.3.1: NULL, and nothing else.
        RSA_ENCRYPTION if parameters.is_some_and(|p| p.is_null()) => rsa::check(key).map(unparsed),
        RSA_ENCRYPTION => Err(PublicKeyError::Parameters("RSA", "NULL")),
        ID_EC_PUBLIC_KEY => {
            let (curve, parsed) = ec::check(parameters, key)?;
            Ok((curve, Some(parsed)))
        }
        // RFC 8410 section 3: absent.
        ID_ED_25519 if parameters.is_none() => ed25519::check(key).map(unparsed),
        ID_ED_25519 => Err(PublicKeyError::Parameters("Ed25519", "no parameters")),
        ID_RSASSA_PSS => Err(PublicKeyError::PssKey),
        other => Err(PublicKeyError::UnknownAlgorithm(quote::oid(&other))),
    }
}

#[cfg(test)]
mod tests;
