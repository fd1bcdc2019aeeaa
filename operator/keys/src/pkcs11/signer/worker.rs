//! The work of one thread: a session with a token, and a key in it.

use std::sync::Arc;

use cryptoki::error::RvError;
use cryptoki::object::ObjectHandle;
use signet_core::x509::algorithm::SignatureAlgorithm;
use signet_core::x509::public_key::PublicKey;

use super::error::Pkcs11Fault;
use super::key::KeyName;
use super::library;
use super::mechanism;
use super::pin::Pin;
use super::return_value::is_stale;
use super::session::{ConnectedKey, Open};
use crate::access::{ModuleConfig, TokenConfig};

/// One thread's session, opened when it is first needed and again when it is no longer good.
pub(super) struct Worker {
    module: Arc<ModuleConfig>,
    token: Arc<TokenConfig>,
    open: Option<Open>,
}

impl Worker {
    pub(super) fn new(module: &Arc<ModuleConfig>, token: Arc<TokenConfig>) -> Self {
        Self {
            module: module.clone(),
            token,
            open: None,
        }
    }

    /// Closes the session.
    pub(super) fn reset(&mut self) {
        self.open = None;
    }

    /// Logs in and finds a key, which need not be the one that this thread signs with.
    pub(super) fn find(
        &mut self,
        name: &KeyName,
        pin: &Arc<Pin>,
    ) -> Result<PublicKey, Pkcs11Fault> {
        self.retry(|worker| {
            let open = worker.session()?;
            open.log_in(pin, true)?;
            let public_key = open.find(name)?.public_key;
            worker.open = Some(open);
            Ok(public_key)
        })
    }

    /// Signs these bytes with this key, and no other.
    pub(super) fn sign(
        &mut self,
        key: &ConnectedKey,
        algorithm: SignatureAlgorithm,
        message: &[u8],
    ) -> Result<Vec<u8>, Pkcs11Fault> {
        let mechanism = mechanism::mechanism(algorithm);
        let input = mechanism::input(algorithm, message);
        let signature = self.with_key(key, |open, handle| {
            Ok(open.session.sign(&mechanism, handle, &input)?)
        })?;
        let verifies = |signature: &Vec<u8>| {
            let verified = key.public_key.verify(algorithm, message, signature);
            verified.is_ok()
        };
        let signature = mechanism::output(algorithm, signature).filter(verifies);
        if signature.is_none() {
            // If the key was replaced, the error says so.
            self.reset();
            self.check(key)?;
        }
        signature.ok_or(Pkcs11Fault::InvalidSignature)
    }

    /// Checks that the key is still found by its name.
    pub(super) fn check(&mut self, key: &ConnectedKey) -> Result<(), Pkcs11Fault> {
        if let Some(open) = &mut self.open {
            open.forget_key();
        }
        self.with_key(key, |_, _| Ok(()))
    }

    /// Calls `work` with the key in a session that is logged in.
    fn with_key<T>(
        &mut self,
        key: &ConnectedKey,
        work: impl Fn(&Open, ObjectHandle) -> Result<T, Pkcs11Fault>,
    ) -> Result<T, Pkcs11Fault> {
        self.retry(|worker| {
            // A token that was there when the key was connected may come back.
            let mut open = worker.session().map_err(|fault| match fault {
                Pkcs11Fault::TokenNotFound => Pkcs11Fault::TokenRemoved,
                fault => fault,
            })?;
            let handle = open.key(key)?;
            let done = work(&open, handle)?;
            worker.open = Some(open);
            Ok(done)
        })
    }

    /// Calls `work`, and once more in a new session if that may help. Work takes the session and
    /// puts it back on success: after an error, an operation may still be active in it.
    fn retry<T>(
        &mut self,
        mut work: impl FnMut(&mut Self) -> Result<T, Pkcs11Fault>,
    ) -> Result<T, Pkcs11Fault> {
        let result = work(self);
        match &result {
            Err(Pkcs11Fault::Returned { value, .. }) if is_stale(*value) => {
                if *value == RvError::CryptokiNotInitialized {
                    library::load(&self.module)?.initialize()?;
                }
                work(self)
            }
            _ => result,
        }
    }

    /// The session that is open, or a new one.
    fn session(&mut self) -> Result<Open, Pkcs11Fault> {
        match self.open.take() {
            Some(open) if open.is_current() => Ok(open),
            _ => Open::new(&self.module, &self.token),
        }
    }
}
