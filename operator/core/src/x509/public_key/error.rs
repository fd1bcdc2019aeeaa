//! What can be wrong with a public key.

use thiserror::Error;

use crate::reason::Reason;
use crate::x509::algorithm::KeyAlgorithm;

/// Why a public key was refused, and what to use instead.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PublicKeyError {
    /// Not the DER of a SubjectPublicKeyInfo.
    #[error(
        "the public key is not a strict DER SubjectPublicKeyInfo ({0}); encode it as RFC 5280 requires"
    )]
    Malformed(der::Error),
    /// A BIT STRING that does not end on a whole octet.
    #[error("the public key's BIT STRING has unused bits; encode the key in whole octets")]
    UnusedBits,
    /// An algorithm that we do not certify.
    #[error(
        "public key algorithm {0} is not certified; use RSA, ECDSA on P-256, P-384 or P-521, or Ed25519"
    )]
    UnknownAlgorithm(String),
    /// A key that is bound to RSA-PSS.
    #[error("a key of type id-RSASSA-PSS is not certified; use rsaEncryption")]
    PssKey,
    /// Parameters other than the algorithm's RFC wants.
    #[error("the algorithm parameters of this {0} key are wrong; they must be {1}")]
    Parameters(&'static str, &'static str),
    /// A curve that we do not certify.
    #[error("elliptic curve {0} is not certified; use P-256, P-384 or P-521")]
    UnknownCurve(String),
    /// Only the uncompressed form is certified: verifiers need not know the others (RFC 5480
    /// section 2.2).
    #[error("the EC point is compressed; encode it uncompressed (first octet 04)")]
    CompressedPoint,
    /// Neither compressed nor uncompressed.
    #[error("the EC point is in hybrid or unknown form; encode it uncompressed (first octet 04)")]
    PointForm,
    /// The neutral element is not a key.
    #[error("the EC point is the point at infinity, which is not a key; generate a new key")]
    PointAtInfinity,
    /// Another size than the curve has.
    #[error(
        "the EC point has {found} bytes and a point on {curve} has {expected}; name the right curve or generate a new key"
    )]
    PointLength {
        /// The curve.
        curve: KeyAlgorithm,
        /// Bytes of an uncompressed point on it.
        expected: usize,
        /// Bytes that were given.
        found: usize,
    },
    /// Two numbers that do not satisfy the curve's equation.
    #[error("the EC point is not on {0}; name the right curve or generate a new key")]
    NotOnCurve(KeyAlgorithm),
    /// An RSA modulus of fewer than 2048 bits.
    #[error("an RSA key of {0} bits is too weak; use at least 2048 bits")]
    WeakRsa(u32),
    /// An RSA modulus of more than 8192 bits.
    #[error("an RSA key of {0} bits is too large to be verified; use at most 8192 bits")]
    LargeRsa(u32),
    /// A modulus that is not a product of two odd primes.
    #[error("the RSA modulus is even, which no RSA key has; generate a new key")]
    EvenRsaModulus,
    /// NIST SP 800-89 5.3.3: a modulus of two large primes has no small factor.
    #[error(
        "the RSA modulus is divisible by {0}, so the private key can be computed; generate a new key"
    )]
    SmallRsaFactor(u32),
    /// An exponent that does not encrypt, or that Go's verifiers refuse.
    #[error("the RSA public exponent must be odd and between 3 and 2147483647; use 65537")]
    RsaExponent,
    /// Refused by the crypto library for another reason.
    #[error("the RSA public key is not consistent; generate a new key")]
    Rsa,
    /// Ed25519 keys are 32 bytes.
    #[error("an Ed25519 public key has 32 bytes and this one has {0}; generate a new key")]
    Ed25519Length(usize),
    /// Anyone can forge signatures of such a key.
    #[error(
        "the Ed25519 public key is a point of small order, which proves nothing; generate a new key"
    )]
    WeakEd25519,
}

impl PublicKeyError {
    /// Returns the reason of a request with this key. What is not a key at all is a malformed CSR.
    pub fn reason(&self) -> Reason {
        match self {
            Self::WeakRsa(_)
            | Self::EvenRsaModulus
            | Self::SmallRsaFactor(_)
            | Self::RsaExponent
            | Self::WeakEd25519 => Reason::WeakKey,
            Self::Malformed(_)
            | Self::UnusedBits
            | Self::Parameters(..)
            | Self::PointLength { .. }
            | Self::Ed25519Length(_) => Reason::InvalidCsr,
            _ => Reason::UnsupportedKey,
        }
    }
}
