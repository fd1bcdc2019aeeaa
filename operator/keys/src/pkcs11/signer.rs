//! A connected key.
//!
//! A module is a vendor's code that may crash or hang, so it runs in a process of its own (`child`),
//! which `supervisor` starts and `wire` describes. The operator decides which session does what
//! (`schedule`). Its threads (`pool`) wait for the calls, each for one session; only this file, `pin`
//! and `calls` use the async runtime.

mod calls;
mod child;
mod error;
mod key_name;
mod mechanism;
mod pin;
mod pool;
mod return_value;
#[cfg(feature = "samples")]
mod samples;
mod schedule;
mod stop;
mod supervisor;
mod wire;
mod worker;

use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use signet_core::issue::{Signature, ToBeSigned};
use signet_core::x509::algorithm::SignatureAlgorithm;
use signet_core::x509::public_key::PublicKey;

use calls::call;
pub use child::run_pkcs11_module;
pub use error::{Pkcs11Error, Pkcs11Fault};
use key_name::KeyName;
pub(crate) use pool::Module;
use pool::Pool;
pub use stop::ModuleStop;
use worker::{ConnectedKey, Worker};

use super::Pkcs11;
use crate::Signer;
use crate::access::{Access, KeyPin, Modules, TokenConfig};
use crate::backend::Checked;
use crate::error::KeyError;
use crate::rsa_hash::RsaHash;

/// A key in a token.
pub(super) struct Pkcs11Signer {
    config: Pkcs11,
    rsa_hash: RsaHash,
    key: ConnectedKey,
    token: Arc<TokenConfig>,
    modules: Arc<Modules>,
    pool: Arc<Pool>,
}

impl Pkcs11Signer {
    /// Logs in to the token, and finds the key.
    pub(super) async fn connect(
        config: &Pkcs11,
        rsa_hash: RsaHash,
        access: &Access,
        known: &KeyPin,
    ) -> Result<Self, KeyError> {
        let connected = Self::find(config, rsa_hash, access, known).await;
        connected.map_err(|fault| config.error(fault))
    }

    async fn find(
        config: &Pkcs11,
        rsa_hash: RsaHash,
        access: &Access,
        known: &KeyPin,
    ) -> Result<Self, Pkcs11Fault> {
        let tenant = access.tenant.as_deref();
        let name = KeyName::of(config, known)?;
        let listed = access.modules.find(&config.module, &config.token, tenant);
        let (module, token) = listed.ok_or_else(|| {
            let namespace = tenant.map(|name| format!("the namespace {name}"));
            Pkcs11Fault::NotListed(namespace.unwrap_or_else(|| "ClusterIssuers".to_owned()))
        })?;
        let token = Arc::new(token.clone());
        let pin = Arc::new(pin::read(&token.pin, &access.modules).await?);
        let pool = Pool::to_find(access.modules.running(module), &token, tenant);
        let (to_find, with) = (name.clone(), pin.clone());
        let find = move |worker: &mut Worker| worker.find(&to_find, &with);
        let public_key = call(&pool, find).await?;
        Ok(Self {
            config: config.clone(),
            rsa_hash,
            pool: pool.of_key(public_key.fingerprint())?,
            key: ConnectedKey {
                name,
                public_key,
                pin,
            },
            token,
            modules: access.modules.clone(),
        })
    }

    async fn call<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Worker) -> Result<T, Pkcs11Fault> + Send + 'static,
    ) -> Result<T, KeyError> {
        let done = call(&self.pool, work).await;
        done.map_err(|fault| self.config.error(fault))
    }

    async fn recheck(&self) -> Result<Checked, KeyError> {
        let now = pin::read(&self.token.pin, &self.modules).await;
        let now = now.map_err(|fault| self.config.error(fault))?;
        if now != *self.key.pin {
            return Ok(Checked::Reconnect);
        }
        let key = self.key.clone();
        self.call(move |worker| worker.check(&key)).await?;
        Ok(Checked::Unchanged {
            notices: Vec::new(),
        })
    }
}

impl Pkcs11 {
    fn error(&self, fault: Pkcs11Fault) -> KeyError {
        let key = self.clone();
        Pkcs11Error { key, fault }.into()
    }
}

impl Signer for Pkcs11Signer {
    fn public_key(&self) -> &PublicKey {
        &self.key.public_key
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        let key = self.key.public_key.algorithm();
        self.rsa_hash.algorithm_for(key)
    }

    fn sign<'a>(&'a self, tbs: &'a ToBeSigned) -> BoxFuture<'a, Result<Signature, KeyError>> {
        let (key, algorithm) = (self.key.clone(), self.algorithm());
        let message = tbs.der().to_vec();
        let signed = self.call(move |worker| worker.sign(&key, algorithm, &message));
        signed.map(|signed| signed.map(Signature::new)).boxed()
    }

    fn check(&self) -> BoxFuture<'_, Result<Checked, KeyError>> {
        self.recheck().boxed()
    }
}
