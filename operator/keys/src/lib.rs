//! The asynchronous seam to a key that signs, wherever it is kept.
//!
//! A backend is one folder: its configuration type, which is also the schema and the documentation
//! of its part of the CRD; how it connects; and how it signs. [`KeyBackend`] has one variant per
//! backend, and [`KeyConfig::backend`] is the only match on it.
#![warn(missing_docs)]

mod access;
mod aws_kms;
mod backend;
mod blocking;
mod ca_bundle;
mod cause;
#[cfg(feature = "elsewhere")]
mod encoding;
mod error;
mod fair_queue;
mod guard;
mod key_errors;
mod keyed_semaphore;
#[cfg(feature = "elsewhere")]
mod message_digest;
mod pkcs11;
mod references;
#[cfg(feature = "network")]
mod remote;
mod rsa_hash;
#[cfg(feature = "samples")]
mod samples;
mod secrets;
mod software;
mod union;
mod vault;
mod vault_pki;
mod vault_transit;

use std::fmt;

use futures::future::BoxFuture;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use signet_core::issue::{Signature, ToBeSigned};
use signet_core::x509::algorithm::SignatureAlgorithm;
use signet_core::x509::public_key::PublicKey;

pub use access::{
    Access, Addresses, ApiServer, HttpProxy, InvalidProxy, KeyPin, ModuleConfig, ModuleProcess,
    ModuleProgram, Modules, ModulesConfig, ModulesError, ModulesFault, Namespace, PinSecret,
    PinSecrets, PinSource, ProxyUrl, ServiceAccountToken, TokenConfig,
};
pub use aws_kms::AwsKms;
#[cfg(feature = "aws-kms")]
pub use aws_kms::AwsKmsError;
pub use backend::{Backend, Checked, Connected};
pub use blocking::BlockingQueue;
pub use ca_bundle::{BundleReference, CaBundle};
pub use cause::chain;
pub use error::{ErrorClass, KeyError};
pub use fair_queue::FairQueue;
pub use guard::{
    Breaker, BreakerEvent, FairSemaphore, GuardError, GuardedSigner, KeyLimiter, KeyLimiters,
    Limits, PROBE, Permit, TenantLimit, self_test,
};
pub use key_errors::BackendError;
pub use keyed_semaphore::KeyedSemaphore;
pub use pkcs11::Pkcs11;
#[cfg(feature = "pkcs11")]
pub use pkcs11::{ModuleStop, Pkcs11Error, Pkcs11Fault, run_pkcs11_module};
pub use references::{ReferenceError, ServiceAccountReference};
#[cfg(feature = "network")]
pub use remote::RemoteError;
pub use rsa_hash::RsaHash;
#[cfg(feature = "samples")]
pub use samples::{SampleTable, sample_tables};
pub use secrets::{SECRET_ENTRY_PATTERN, SecretData};
pub use software::{GeneratedKey, KeyType, Software, SoftwareError, read_public_key};
pub use union::exactly_one;
pub use vault::VaultConnection;
#[cfg(feature = "vault")]
pub use vault::VaultError;
#[cfg(feature = "vault")]
pub use vault_pki::VaultPkiError;
pub use vault_pki::{IntermediateRequest, SignedIntermediate, VaultPki};
pub use vault_transit::VaultTransit;
#[cfg(feature = "vault")]
pub use vault_transit::VaultTransitError;

/// A connected key.
///
/// Its public key and algorithm are known and fixed from the moment it is connected; a backend
/// whose key changes behind our back must fail instead.
pub trait Signer: Send + Sync {
    /// The public half of the key.
    fn public_key(&self) -> &PublicKey;

    /// How this key signs certificates.
    fn algorithm(&self) -> SignatureAlgorithm;

    /// The maximum length of what the key signs, in bytes. None if it signs a digest.
    fn max_message_len(&self) -> Option<usize> {
        None
    }

    /// Checks that what is to be signed is not longer than
    /// [`max_message_len`](Self::max_message_len).
    ///
    /// # Errors
    /// It is longer. The message is for the requester of the certificate.
    fn check_length(&self, tbs: &ToBeSigned) -> Result<(), KeyError> {
        match self.max_message_len() {
            Some(max_bytes) if tbs.der().len() > max_bytes => {
                let bytes = tbs.der().len();
                Err(GuardError::TooLong { bytes, max_bytes }.into())
            }
            _ => Ok(()),
        }
    }

    /// Signs the bytes.
    ///
    /// The signature is not trusted: it is verified under the CA's public key before a certificate
    /// is published.
    fn sign<'a>(&'a self, tbs: &'a ToBeSigned) -> BoxFuture<'a, Result<Signature, KeyError>>;

    /// Checks the key again: that it exists, can sign, and is the same; and that what it was
    /// connected with (a Secret, a token) is still current.
    fn check(&self) -> BoxFuture<'_, Result<Checked, KeyError>>;
}

/// Shows the public half.
impl fmt::Debug for dyn Signer + '_ {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Signer").field(self.public_key()).finish()
    }
}

/// Where the CA's private key is kept, and how it signs. Exactly one backend is named.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = exactly_one)]
pub struct KeyConfig {
    /// The hash with which an RSA key signs; SHA256 by default. Other keys have their own.
    #[serde(default)]
    pub rsa_hash: RsaHash,
    /// Where the key is kept.
    #[serde(flatten)]
    pub backend: KeyBackend,
}

/// Where a key is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum KeyBackend {
    /// The key is in AWS KMS.
    AwsKms(AwsKms),
    /// The key is in the Transit secrets engine of HashiCorp Vault or OpenBao.
    VaultTransit(VaultTransit),
    /// The key is in a PKCS#11 token, such as an HSM.
    Pkcs11(Pkcs11),
    /// The key is in a Kubernetes Secret, for evaluation and for taking over the CA Secret of a
    /// cert-manager CA issuer. Every user who can read the Secret has the CA.
    Software(Software),
}

impl KeyConfig {
    /// The backend that is named.
    pub fn backend(&self) -> &(dyn Backend + Send + Sync) {
        match &self.backend {
            KeyBackend::AwsKms(key) => key,
            KeyBackend::VaultTransit(key) => key,
            KeyBackend::Pkcs11(key) => key,
            KeyBackend::Software(key) => key,
        }
    }

    /// Connects to the key, checks it and reads its public half.
    ///
    /// # Errors
    /// The key does not exist, cannot be reached, or cannot sign.
    pub async fn connect(&self, access: &Access, known: &KeyPin) -> Result<Connected, KeyError> {
        let backend = self.backend();
        backend.connect(self.rsa_hash, access, known).await
    }

    /// Whether both name the same key, however they log in.
    pub fn same_key(&self, other: &Self) -> bool {
        self.backend().reference() == other.backend().reference()
    }
}
