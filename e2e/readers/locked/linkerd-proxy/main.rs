//! linkerd-proxy's verifier.

#[path = "../verify.rs"]
mod verify;

use std::process::ExitCode;

use webpki::aws_lc_rs as algorithms;

/// `SUPPORTED_SIG_ALGS` in linkerd/rustls/src/crypto.rs of github.com/linkerd/linkerd2-proxy: without
/// RSA-PSS.
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
    algorithms::RSA_PKCS1_2048_8192_SHA256,
    algorithms::RSA_PKCS1_2048_8192_SHA384,
    algorithms::RSA_PKCS1_2048_8192_SHA512,
    algorithms::RSA_PKCS1_3072_8192_SHA384,
];

fn main() -> ExitCode {
    verify::run(ALGORITHMS)
}
