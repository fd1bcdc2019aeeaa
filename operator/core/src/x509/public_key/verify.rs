//! Which check goes with which key and signature algorithm.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA384_ASN1, ECDSA_P256_SHA512_ASN1, ECDSA_P384_SHA256_ASN1,
    ECDSA_P384_SHA384_ASN1, ECDSA_P384_SHA512_ASN1, ECDSA_P521_SHA256_ASN1, ECDSA_P521_SHA384_ASN1,
    ECDSA_P521_SHA512_ASN1, ED25519, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384,
    RSA_PKCS1_2048_8192_SHA512, RSA_PSS_2048_8192_SHA256, RSA_PSS_2048_8192_SHA384,
    RSA_PSS_2048_8192_SHA512, VerificationAlgorithm,
};

use crate::x509::algorithm::{KeyAlgorithm as Key, SignatureAlgorithm as Signature};
use crate::x509::link::PssHash;

/// Returns the check, or `None` when such a key makes no such signature.
pub(super) fn algorithm(
    key: Key,
    signature: Signature,
) -> Option<&'static dyn VerificationAlgorithm> {
    Some(match (key, signature) {
        (Key::EcP256, Signature::EcdsaSha256) => &ECDSA_P256_SHA256_ASN1,
        (Key::EcP256, Signature::EcdsaSha384) => &ECDSA_P256_SHA384_ASN1,
        (Key::EcP256, Signature::EcdsaSha512) => &ECDSA_P256_SHA512_ASN1,
        (Key::EcP384, Signature::EcdsaSha256) => &ECDSA_P384_SHA256_ASN1,
        (Key::EcP384, Signature::EcdsaSha384) => &ECDSA_P384_SHA384_ASN1,
        (Key::EcP384, Signature::EcdsaSha512) => &ECDSA_P384_SHA512_ASN1,
        (Key::EcP521, Signature::EcdsaSha256) => &ECDSA_P521_SHA256_ASN1,
        (Key::EcP521, Signature::EcdsaSha384) => &ECDSA_P521_SHA384_ASN1,
        (Key::EcP521, Signature::EcdsaSha512) => &ECDSA_P521_SHA512_ASN1,
        (Key::Rsa { .. }, Signature::RsaPkcs1Sha256) => &RSA_PKCS1_2048_8192_SHA256,
        (Key::Rsa { .. }, Signature::RsaPkcs1Sha384) => &RSA_PKCS1_2048_8192_SHA384,
        (Key::Rsa { .. }, Signature::RsaPkcs1Sha512) => &RSA_PKCS1_2048_8192_SHA512,
        (Key::Ed25519, Signature::Ed25519) => &ED25519,
        _ => return None,
    })
}

/// Returns the check of an RSA-PSS signature, or `None` for a key of another kind.
pub(super) fn pss(key: Key, hash: PssHash) -> Option<&'static dyn VerificationAlgorithm> {
    let Key::Rsa { .. } = key else { return None };
    Some(match hash {
        PssHash::Sha256 => &RSA_PSS_2048_8192_SHA256,
        PssHash::Sha384 => &RSA_PSS_2048_8192_SHA384,
        PssHash::Sha512 => &RSA_PSS_2048_8192_SHA512,
    })
}
