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
//! | strict PKCS#10 with proof of possession | [`csr`] |
//! | what is asked, by whom, through which API | [`request`] |
//! | what policy allows | [`policy`] |
//! | the DER to be signed | [`template`] |
//! | the CA above it, and the check of what came out | [`chain`] |
#![warn(missing_docs)]

pub mod algorithm;
pub mod chain;
pub mod csr;
pub mod names;
pub mod policy;
pub mod public_key;
pub mod reason;
pub mod request;
pub mod spiffe;
pub mod template;
pub mod usages;

#[cfg(test)]
mod fixtures;
