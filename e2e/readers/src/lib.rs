//! Independent readers of certificates and signatures, for tests: the OpenSSL program,
//! rustls-webpki, and a pure-Rust library for each type of key.
//!
//! The product verifies with none of them, so a mistake of its own is not repeated here. x509-cert,
//! with which it builds, only provides the readers with what a certificate is for.

mod chain;
mod openssl;
mod signature;
mod webpki;

pub use chain::Chain;
pub use openssl::OpenSsl;
pub use signature::verify_signature;
