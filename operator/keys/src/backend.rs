//! What every backend implements, and what a connection consists of.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use futures::future::BoxFuture;
use signet_core::x509::algorithm::KeyAlgorithm;

use crate::access::{Access, KeyPin};
use crate::error::KeyError;
use crate::guard::{GuardError, Limits};
use crate::rsa_hash::RsaHash;
use crate::secrets::SecretData;
use crate::{Signer, Software};

/// The longest RSA key that signs. A signature takes milliseconds with 4096 bits and tens of them
/// with 8192, and requesters can request any number of certificates.
const MAX_RSA_BITS: u32 = 4096;

/// A backend's configuration, which is also its part of the CRD's schema.
pub trait Backend {
    /// The backend's name, as metrics and print columns show it.
    fn name(&self) -> &'static str;

    /// The key in one line: backend and name, nothing secret. Two configurations with the same
    /// reference name the same key, however they log in.
    fn reference(&self) -> String;

    /// The fields of a spec that name this key.
    fn spec_hint(&self) -> String {
        self.reference()
    }

    /// The Secret and type of the key that Signet creates; none if others create the backend's keys.
    fn provision(&self) -> Option<Software> {
        None
    }

    /// What the issuer's Ready message warns of.
    fn warning(&self) -> Option<&'static str> {
        None
    }

    /// The limits on the use of the key, where the spec sets none.
    fn limits(&self) -> Limits;

    /// Connects to the key, checks it and reads its public half.
    fn connect<'a>(
        &'a self,
        rsa_hash: RsaHash,
        access: &'a Access,
        known: &'a KeyPin,
    ) -> BoxFuture<'a, Result<Connected, KeyError>>;
}

/// Returns the error of a program without a backend's SDK.
#[allow(dead_code, reason = "used by the backends that are not in it")]
pub(crate) fn built_without<'a>(
    feature: &'static str,
) -> BoxFuture<'a, Result<Connected, KeyError>> {
    Box::pin(async move { Err(GuardError::NotBuilt { feature }.into()) })
}

/// A connected key, and what the issuer learns with it.
#[derive(Debug)]
pub struct Connected {
    /// The key.
    pub signer: Arc<dyn Signer>,
    /// What the reference resolved to, to be kept in the CA generation; see [`KeyPin::pin`].
    pub pin: Option<String>,
    /// The Secret in which a certificate may stand beside the key.
    pub colocated_secret: Option<SecretData>,
    /// What the issuer's Ready message adds about the key.
    pub notices: Vec<String>,
}

impl Connected {
    /// A key without pin and notices.
    ///
    /// # Errors
    /// It is an RSA key that takes too long to sign.
    pub fn to(signer: Arc<dyn Signer>) -> Result<Self, KeyError> {
        let max_bits = MAX_RSA_BITS;
        match signer.public_key().algorithm() {
            KeyAlgorithm::Rsa { bits } if bits > max_bits => {
                Err(GuardError::TooSlow { bits, max_bits }.into())
            }
            _ => Ok(Self {
                signer,
                pin: None,
                colocated_secret: None,
                notices: Vec::new(),
            }),
        }
    }
}

/// The result of a check of a connected key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Checked {
    /// It exists, is enabled, and is the same.
    Unchanged {
        /// As in [`Connected::notices`].
        notices: Vec<String>,
    },
    /// The check cannot decide; connect again.
    Reconnect,
}
