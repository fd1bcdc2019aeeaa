//! ztunnel's verifier.

#[path = "../verify.rs"]
mod verify;

use std::process::ExitCode;

use webpki::aws_lc_rs as algorithms;

/// Those of rustls 0.23 with aws-lc-rs (`SUPPORTED_SIG_ALGS` in rustls/src/crypto/aws_lc_rs/mod.rs),
/// which ztunnel does not change (`provider` in src/tls/lib.rs). ML-DSA needs a feature of
/// rustls-webpki that is off.
static ALGORITHMS: verify::Algorithms = &[
    algorithms::ECDSA_P256_SHA256,
    algorithms::ECDSA_P256_SHA384,
    algorithms::ECDSA_P256_SHA512,
    algorithms::ECDSA_P384_SHA256,
    algorithms::ECDSA_P384_SHA384,
    algorithms::ECDSA_P384_SHA512,
    algorithms::ECDSA_P521_SHA256,
    algorithms::ECDSA_P521_SHA384,
    algorithms::ECDSA_P521_SHA512,
    algorithms::ED25519,
    algorithms::RSA_PSS_2048_8192_SHA256_LEGACY_KEY,
    algorithms::RSA_PSS_2048_8192_SHA384_LEGACY_KEY,
    algorithms::RSA_PSS_2048_8192_SHA512_LEGACY_KEY,
    algorithms::RSA_PKCS1_2048_8192_SHA256,
    algorithms::RSA_PKCS1_2048_8192_SHA384,
    algorithms::RSA_PKCS1_2048_8192_SHA512,
    algorithms::RSA_PKCS1_2048_8192_SHA256_ABSENT_PARAMS,
    algorithms::RSA_PKCS1_2048_8192_SHA384_ABSENT_PARAMS,
    algorithms::RSA_PKCS1_2048_8192_SHA512_ABSENT_PARAMS,
];

fn main() -> ExitCode {
    verify::run(ALGORITHMS)
}
