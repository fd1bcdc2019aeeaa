//! A connected key.

use std::fmt;
use std::sync::{Arc, Mutex};

use futures::FutureExt;
use futures::future::BoxFuture;
use signet_core::issue::{Signature, ToBeSigned};
use signet_core::x509::algorithm::SignatureAlgorithm;
use signet_core::x509::public_key::PublicKey;

use super::fault::lock;
use super::login::{Claim, Credentials};
use super::pool::Pool;
use super::worker::{Found, Order};
use super::{PinReference, Pkcs11};
use crate::Signer;
use crate::backend::Checked;
use crate::error::KeyError;
use crate::reach::Reach;
use crate::rsa_hash::RsaHash;

/// A key in a token. `Debug` shows its public half.
pub(super) struct Pkcs11Signer {
    public_key: PublicKey,
    rsa_hash: RsaHash,
    pin: PinReference,
    reach: Reach,
    pool: Arc<Pool>,
    credentials: Arc<Credentials>,
    /// Given up when the Secret has another PIN, so that the token can be logged in with that.
    claim: Mutex<Option<Arc<Claim>>>,
}

impl Pkcs11Signer {
    pub(super) fn new(
        config: &Pkcs11,
        reach: &Reach,
        pool: Arc<Pool>,
        credentials: Arc<Credentials>,
        found: Found,
    ) -> Self {
        Self {
            public_key: found.public_key,
            rsa_hash: config.rsa_hash,
            pin: config.pin_secret_ref.clone(),
            reach: reach.clone(),
            pool,
            credentials,
            claim: Mutex::new(found.claim),
        }
    }

    fn order(&self) -> Order {
        Order {
            credentials: self.credentials.clone(),
            public_key: self.public_key.clone(),
        }
    }

    fn release(&self) {
        *lock(&self.claim) = None;
    }

    async fn look(&self) -> Result<Checked, KeyError> {
        let tenant = self.reach.tenant.as_deref();
        match self.pin.read(&*self.reach.namespace, tenant).await {
            Ok(now) if now.version == self.credentials.version => {}
            Ok(now) => {
                if now.digest != self.credentials.digest {
                    self.release();
                }
                return Ok(Checked::ConnectAgain);
            }
            Err(error) => {
                if self.pin.is_gone(&*self.reach.namespace).await {
                    self.release();
                }
                return Err(error);
            }
        }
        let order = self.order();
        self.pool
            .run(tenant, move |worker| worker.look(&order))
            .await?;
        Ok(Checked::Same {
            notices: Vec::new(),
        })
    }
}

impl Signer for Pkcs11Signer {
    fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        self.rsa_hash.algorithm_for(self.public_key.algorithm())
    }

    fn sign<'a>(&'a self, tbs: &'a ToBeSigned) -> BoxFuture<'a, Result<Signature, KeyError>> {
        let (order, algorithm, message) = (self.order(), self.algorithm(), tbs.der().to_vec());
        let work =
            move |worker: &mut super::worker::Worker| worker.sign(&order, algorithm, &message);
        async move {
            let tenant = self.reach.tenant.as_deref();
            self.pool.run(tenant, work).await.map(Signature::new)
        }
        .boxed()
    }

    fn check(&self) -> BoxFuture<'_, Result<Checked, KeyError>> {
        self.look().boxed()
    }
}

impl fmt::Debug for Pkcs11Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pkcs11Signer")
            .field("public_key", &self.public_key)
            .finish_non_exhaustive()
    }
}
