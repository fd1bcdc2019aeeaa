//! The one asynchronous seam of Signet: a key that signs, wherever it is kept.
//!
//! A backend is one file: its configuration type, which is also the schema and the documentation
//! of its part of the CRD; how it connects; and how it signs. [`KeyConfig`] has one variant a
//! backend and [`connect`] is the one place that tells them apart.
#![warn(missing_docs)]

mod error;
mod secrets;
mod software;

use std::fmt;
use std::sync::Arc;

use futures::future::BoxFuture;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use signet_core::algorithm::SignatureAlgorithm;
use signet_core::public_key::PublicKey;
use signet_core::template::{Signature, ToBeSigned};

pub use error::{ErrorClass, KeyError};
pub use secrets::{SecretData, Secrets};
pub use software::{GeneratedKey, KeyToMake, KeyType, Software};

/// A connected key.
///
/// Its public key and algorithm are known and fixed from the moment it is connected; a backend
/// whose key changes behind our back must fail instead.
pub trait Signer: fmt::Debug + Send + Sync {
    /// The public half of the key.
    fn public_key(&self) -> &PublicKey;

    /// How this key signs certificates.
    fn algorithm(&self) -> SignatureAlgorithm;

    /// Signs the bytes.
    ///
    /// The answer is not trusted: whoever publishes it checks it under the CA's public key first.
    fn sign<'a>(&'a self, tbs: &'a ToBeSigned) -> BoxFuture<'a, Result<Signature, KeyError>>;
}

/// Where the CA's private key is kept. Exactly one backend is named.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum KeyConfig {
    /// The key is in a Kubernetes Secret. This is for trying Signet out, and for taking over the
    /// CA Secret of a cert-manager CA issuer: whoever can read the Secret has the CA.
    Software(Software),
}

impl KeyConfig {
    /// The backend's name, as metrics and print columns show it.
    pub fn backend(&self) -> &'static str {
        match self {
            Self::Software(_) => "software",
        }
    }

    /// What a person who has to write this key into a spec again needs to know.
    pub fn described(&self) -> String {
        match self {
            Self::Software(key) => key.described(),
        }
    }

    /// How Signet makes this key when there is none; none where keys are made by others.
    pub fn to_make(&self) -> Option<KeyToMake> {
        match self {
            Self::Software(key) => Some(key.to_make()),
        }
    }

    /// The Secret in which a certificate may stand beside the key; none where there is no such
    /// place.
    pub fn certificate_secret(&self) -> Option<&str> {
        match self {
            Self::Software(key) => Some(&key.secret_name),
        }
    }

    /// What a reader of the issuer's status should know about where the key is.
    pub fn caveat(&self) -> Option<&'static str> {
        match self {
            Self::Software(_) => Some(software::CAVEAT),
        }
    }

    /// The key in one line, for a status: backend and name, nothing secret.
    pub fn reference(&self) -> String {
        match self {
            Self::Software(key) => format!("software/{}", key.secret_name),
        }
    }
}

/// Connects to the key and learns its public half.
///
/// `secrets` reads from the one namespace in which the issuer's Secrets are.
///
/// # Errors
/// The key is not there, cannot be used, or its backend does not answer; see [`ErrorClass`].
pub async fn connect(
    config: &KeyConfig,
    secrets: &dyn Secrets,
) -> Result<Arc<dyn Signer>, KeyError> {
    match config {
        KeyConfig::Software(key) => key.connect(secrets).await,
    }
}
