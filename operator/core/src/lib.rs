//! Signet's pure core: from a request to the bytes that a key signs, and from the signature to
//! the certificate.
//!
//! Nothing in here awaits, talks to Kubernetes, reads a clock, draws randomness or opens a file:
//! time, limits and identity are arguments. The stages are types, and each can only be made from
//! the one before:
//!
//! ```text
//! Csr -> Request -> decide() -> Grant -> ToBeSigned -> (a Signer) -> Signature -> Issued
//! ```
//!
//! | stage | module |
//! |---|---|
//! | who requests what through which API, with a strict PKCS#10 reader | [`request`] |
//! | what policy allows | [`policy`] |
//! | the CA certificates above what is issued | [`ca`] |
//! | the DER to be signed, and the check of the result | [`issue`] |
//! | names, public keys, algorithms and usages | [`x509`] |
//!
//! `request`, `policy` and `ca` build on `x509`, `issue` builds on all of them, and nothing
//! points back.
#![warn(missing_docs)]

pub mod ca;
pub mod duration;
pub mod forecast;
pub mod issue;
pub mod mesh;
pub mod policy;
pub mod quote;
pub mod reason;
pub mod request;
#[cfg(feature = "samples")]
pub mod samples;
pub mod spiffe;
pub mod x509;

#[cfg(test)]
mod fixtures;
