//! The work of one thread: a session with a token, and a key in it.

use std::sync::Arc;

use cryptoki::error::RvError;
use cryptoki::mechanism::Mechanism as Native;
use cryptoki::mechanism::eddsa::{EddsaParams, EddsaSignatureScheme};
use cryptoki::object::ObjectHandle;

use super::library::Module;
use super::session::Open;
use crate::pkcs11::signer::error::Pkcs11Fault;
use crate::pkcs11::signer::key_name::KeyName;
use crate::pkcs11::signer::pin::Pin;
use crate::pkcs11::signer::return_value::is_stale;
use crate::pkcs11::signer::wire::{Mechanism, NamedKey, Outcome, Task, Token};

/// One thread's session, opened when it is first needed and again when it is no longer good.
pub(super) struct Worker {
    module: Arc<Module>,
    open: Option<Open>,
}

impl Worker {
    pub(super) fn new(module: Arc<Module>) -> Self {
        Self { module, open: None }
    }

    pub(super) fn run(&mut self, task: &Task) -> Result<Outcome, Pkcs11Fault> {
        match task {
            Task::Find { token, name, pin } => self.find(token, name, pin),
            Task::Check {
                token,
                key,
                reopens,
            } => {
                if *reopens {
                    self.close();
                }
                self.check(token, key)
            }
            Task::Sign {
                token,
                key,
                mechanism,
                input,
            } => self.with_key(token, key, |open, handle| {
                let signature = open.session.sign(&native(*mechanism), handle, input)?;
                Ok(Outcome::Signature(signature))
            }),
            Task::Close => {
                self.close();
                Ok(Outcome::Done)
            }
        }
    }

    /// Closes the session.
    pub(super) fn close(&mut self) {
        self.open = None;
    }

    fn find(&mut self, token: &Token, name: &KeyName, pin: &Pin) -> Result<Outcome, Pkcs11Fault> {
        self.retry(|worker| {
            let open = worker.session(token)?;
            open.log_in(pin, true)?;
            let spki = open.find(name)?.spki;
            worker.open = Some(open);
            Ok(Outcome::Found(spki))
        })
    }

    fn check(&mut self, token: &Token, key: &NamedKey) -> Result<Outcome, Pkcs11Fault> {
        if let Some(open) = &mut self.open {
            open.forget_key();
        }
        self.with_key(token, key, |_, _| Ok(Outcome::Done))
    }

    /// Calls `work` with the key in a session that is logged in.
    fn with_key(
        &mut self,
        token: &Token,
        key: &NamedKey,
        work: impl Fn(&Open, ObjectHandle) -> Result<Outcome, Pkcs11Fault>,
    ) -> Result<Outcome, Pkcs11Fault> {
        self.retry(|worker| {
            // A token that was there when the key was connected may come back.
            let mut open = worker.session(token).map_err(|fault| match fault {
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
                    self.module.load()?.initialize()?;
                }
                work(self)
            }
            _ => result,
        }
    }

    /// The session that is open, or a new one. The operator closes a session before it uses it for
    /// another token.
    fn session(&mut self, token: &Token) -> Result<Open, Pkcs11Fault> {
        match self.open.take() {
            Some(open) if open.is_current() => Ok(open),
            _ => Open::new(&self.module, token),
        }
    }
}

fn native(mechanism: Mechanism) -> Native<'static> {
    match mechanism {
        Mechanism::Ecdsa => Native::Ecdsa,
        Mechanism::RsaPkcs => Native::RsaPkcs,
        Mechanism::Eddsa => Native::Eddsa(EddsaParams::new(EddsaSignatureScheme::Pure)),
    }
}
