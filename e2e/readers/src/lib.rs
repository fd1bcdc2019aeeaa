//! Independent readers of certificates and signatures, for tests: the OpenSSL program,
//! rustls-webpki, Go's crypto/x509, and a pure-Rust library for each type of key.
//!
//! The product verifies with none of them, so a mistake of its own is not repeated here. x509-cert,
//! with which it builds, only provides the readers with what a certificate is for.

mod chain;
mod go;
mod locked;
mod openssl;
mod program;
mod signature;
mod webpki;

pub use chain::{Chain, Reader};
pub use locked::Mesh;
pub use openssl::OpenSsl;
pub use signature::verify_signature;
