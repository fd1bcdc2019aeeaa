//! The work of one thread: a session with a token, and a key in it.

use std::sync::Arc;

use signet_core::x509::algorithm::SignatureAlgorithm;
use signet_core::x509::public_key::PublicKey;

use super::error::Pkcs11Error;
use super::fault::Fault;
use super::key::{self, KeyName};
use super::login::{Login, LoginSession};
use super::mechanism;
use super::module::Module;
use super::pin::Pin;
use super::session::Open;
use super::token::ListedToken;

/// What connecting logs in with.
pub(super) struct Credentials {
    pub(super) pin: Arc<Pin>,
    /// Identifies the PIN that the token refused before this process started.
    pub(super) refused: Option<String>,
}

/// A key that an issuer is connected to.
#[derive(Clone)]
pub(super) struct ConnectedKey {
    /// What the issuer calls it.
    pub(super) name: KeyName,
    pub(super) public_key: PublicKey,
}

/// One thread's session, opened when it is first needed and again when it is no longer good.
pub(super) struct Worker {
    module: Arc<Module>,
    token: Arc<ListedToken>,
    open: Option<Open>,
}

impl Worker {
    pub(super) fn new(module: Arc<Module>, token: Arc<ListedToken>) -> Self {
        Self {
            module,
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
        with: &Credentials,
    ) -> Result<PublicKey, Pkcs11Error> {
        self.twice(|worker| {
            let open = worker.session()?;
            let entered = worker.log_in(&open, |login, at| {
                login.enter(at, &with.pin, with.refused.as_deref())
            });
            // A refused PIN is no fault of the session.
            if let Err(refused @ Fault::Other(_)) = entered {
                worker.open = Some(open);
                return Err(refused);
            }
            entered?;
            let key = key::find(&open.session, name)?;
            open.check_mechanism(&worker.token, &key.public_key)?;
            worker.open = Some(open);
            Ok(key.public_key)
        })
    }

    /// Signs these bytes with this key, and no other.
    pub(super) fn sign(
        &mut self,
        key: &ConnectedKey,
        algorithm: SignatureAlgorithm,
        message: &[u8],
    ) -> Result<Vec<u8>, Pkcs11Error> {
        let (mechanism, _, _) = mechanism::mechanism(algorithm);
        let input = mechanism::input(algorithm, message);
        let signature = self.twice(|worker| {
            let mut open = worker.opened()?;
            let handle = open.key(key)?;
            let signature = open.session.sign(&mechanism, handle, &input)?;
            worker.open = Some(open);
            Ok(signature)
        })?;
        let signature = mechanism::output(algorithm, signature);
        let verifies = |signature: &Vec<u8>| {
            let verified = key.public_key.verify(algorithm, message, signature);
            verified.is_ok()
        };
        if let Some(signature) = signature.filter(verifies) {
            return Ok(signature);
        }
        self.reset();
        // If the key was replaced, the error says so.
        self.check(key)?;
        Err(Pkcs11Error::InvalidSignature {
            module: self.module.name().to_owned(),
            key: key.name.clone(),
        })
    }

    /// Checks that the key is still found by its name.
    pub(super) fn check(&mut self, key: &ConnectedKey) -> Result<(), Pkcs11Error> {
        self.twice(|worker| {
            let mut open = worker.opened()?;
            open.forget_key();
            open.key(key)?;
            worker.open = Some(open);
            Ok(())
        })
    }

    /// Calls `work`, and once more in a new session if the old one was no longer good. Work takes
    /// the session and puts it back on success: after an error, an operation may still be active
    /// in it.
    fn twice<T>(
        &mut self,
        mut work: impl FnMut(&mut Self) -> Result<T, Fault>,
    ) -> Result<T, Pkcs11Error> {
        let mut result = work(self);
        if let Err(fault) = &result {
            if fault.is_not_initialized() {
                let initialized = self.module.library()?.initialize();
                result = initialized.map_err(Fault::from).and_then(|()| work(self));
            } else if fault.is_stale() {
                result = work(self);
            }
        }
        result.map_err(|fault| fault.of(self.module.name()))
    }

    /// The session that is open, or a new one that is logged in.
    fn opened(&mut self) -> Result<Open, Fault> {
        let was_open = self.open.as_ref().is_some_and(Open::is_current);
        // A token that was there when the key was connected may come back.
        let open = self.session().map_err(removed)?;
        if !was_open {
            self.log_in(&open, Login::resume)?;
        }
        Ok(open)
    }

    /// The session that is open, or a new one.
    fn session(&mut self) -> Result<Open, Fault> {
        match self.open.take() {
            Some(open) if open.is_current() => Ok(open),
            _ => Open::new(self.module.library()?, &self.token),
        }
    }

    /// Logs in, if the token requires it.
    fn log_in(
        &self,
        open: &Open,
        log_in: impl FnOnce(&Login, &LoginSession<'_>) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let Some(login) = &open.login else {
            return Ok(());
        };
        let at = LoginSession {
            name: &self.token.name,
            session: &open.session,
            info: &|| open.token(),
        };
        log_in(login, &at)
    }
}

fn removed(fault: Fault) -> Fault {
    match fault {
        Fault::Other(Pkcs11Error::TokenNotFound(token)) => Pkcs11Error::TokenRemoved(token).into(),
        other => other,
    }
}
