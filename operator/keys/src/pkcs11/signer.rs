//! A connected key.

use std::fmt;
use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use signet_core::issue::{Signature, ToBeSigned};
use signet_core::x509::algorithm::SignatureAlgorithm;
use signet_core::x509::public_key::PublicKey;

use super::calls::call;
use super::pin::Pin;
use super::pin_source;
use super::pool::Pool;
use super::token::ListedToken;
use super::worker::{ConnectedKey, Worker};
use crate::Signer;
use crate::access::{Access, PinSource};
use crate::backend::Checked;
use crate::error::KeyError;
use crate::rsa_hash::RsaHash;

/// A key in a token. `Debug` shows its public half.
pub(super) struct Pkcs11Signer {
    pub(super) key: ConnectedKey,
    pub(super) rsa_hash: RsaHash,
    pub(super) token: Arc<ListedToken>,
    pub(super) pin_source: PinSource,
    /// The PIN that the token was logged in with when the key was connected.
    pub(super) pin: Arc<Pin>,
    pub(super) access: Access,
    pub(super) pool: Arc<Pool>,
}

impl Pkcs11Signer {
    async fn recheck(&self) -> Result<Checked, KeyError> {
        let modules = &self.access.modules;
        let now = pin_source::read(&self.token.name, &self.pin_source, modules).await?;
        if !now.is_same(&self.pin) {
            return Ok(Checked::Reconnect);
        }
        let key = self.key.clone();
        let work = move |worker: &mut Worker| worker.check(&key);
        call(&self.pool, self.access.tenant.as_deref(), work).await?;
        Ok(Checked::Unchanged {
            notices: Vec::new(),
        })
    }
}

impl Signer for Pkcs11Signer {
    fn public_key(&self) -> &PublicKey {
        &self.key.public_key
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        self.rsa_hash.algorithm_for(self.key.public_key.algorithm())
    }

    fn sign<'a>(&'a self, tbs: &'a ToBeSigned) -> BoxFuture<'a, Result<Signature, KeyError>> {
        let (key, algorithm) = (self.key.clone(), self.algorithm());
        let message = tbs.der().to_vec();
        let work = move |worker: &mut Worker| worker.sign(&key, algorithm, &message);
        async move {
            let signed = call(&self.pool, self.access.tenant.as_deref(), work).await;
            Ok(Signature::new(signed?))
        }
        .boxed()
    }

    fn check(&self) -> BoxFuture<'_, Result<Checked, KeyError>> {
        self.recheck().boxed()
    }
}

impl fmt::Debug for Pkcs11Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pkcs11Signer")
            .field("public_key", &self.key.public_key)
            .finish_non_exhaustive()
    }
}
