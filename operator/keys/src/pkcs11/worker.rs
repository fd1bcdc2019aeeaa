//! The work of one thread: a session with a token, and a key in it.

use std::sync::Arc;

use signet_core::x509::algorithm::SignatureAlgorithm;
use signet_core::x509::public_key::PublicKey;

use super::error::Pkcs11Error;
use super::fault::Fault;
use super::key::{self, KeyName};
use super::library::Library;
use super::login::{Login, LoginSession};
use super::mechanism;
use super::pin::Pin;
use super::session::Open;
use super::token::ListedToken;

/// A key by its names.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Target {
    pub(super) token: ListedToken,
    pub(super) key: KeyName,
}

/// What connecting logs in with.
pub(super) struct Credentials {
    pub(super) pin: Arc<Pin>,
    /// Identifies the PIN that the token refused before this process started.
    pub(super) refused: Option<String>,
}

/// One thread's session, opened when it is first needed and again when it is no longer good.
pub(super) struct Worker {
    library: Arc<Library>,
    target: Target,
    open: Option<Open>,
}

impl Worker {
    pub(super) fn new(library: Arc<Library>, target: Target) -> Self {
        Self {
            library,
            target,
            open: None,
        }
    }

    /// Closes the session.
    pub(super) fn reset(&mut self) {
        self.open = None;
    }

    /// Logs in and finds the key.
    pub(super) fn connect(&mut self, with: &Credentials) -> Result<PublicKey, Pkcs11Error> {
        self.twice(|worker| {
            let mut open = worker.session()?;
            let entered = worker.log_in(&open, |login, at| {
                login.enter(at, &with.pin, with.refused.as_deref())
            });
            // A refused PIN is no fault of the session.
            if let Err(refused @ Fault::Other(_)) = entered {
                worker.open = Some(open);
                return Err(refused);
            }
            entered?;
            let key = key::find(&open.session, &worker.target.key)?;
            open.check_mechanism(&worker.target.token, &key.public_key)?;
            let public_key = key.public_key.clone();
            open.key = Some(key);
            worker.open = Some(open);
            Ok(public_key)
        })
    }

    /// Signs these bytes with the key of this public half, and no other.
    pub(super) fn sign(
        &mut self,
        public_key: &PublicKey,
        algorithm: SignatureAlgorithm,
        message: &[u8],
    ) -> Result<Vec<u8>, Pkcs11Error> {
        let (mechanism, _, _) = mechanism::mechanism(algorithm);
        let input = mechanism::input(algorithm, message);
        let signature = self.twice(|worker| {
            let mut open = worker.opened()?;
            let key = open.key(&worker.target.key, public_key)?;
            let signature = open.session.sign(&mechanism, key, &input)?;
            worker.open = Some(open);
            Ok(signature)
        })?;
        let signature = mechanism::output(algorithm, signature);
        let verifies =
            |signature: &Vec<u8>| public_key.verify(algorithm, message, signature).is_ok();
        if let Some(signature) = signature.filter(verifies) {
            return Ok(signature);
        }
        self.reset();
        // If the key was replaced, the error says so.
        self.check(public_key)?;
        Err(Pkcs11Error::InvalidSignature {
            module: self.module().to_owned(),
            key: self.target.key.clone(),
        })
    }

    /// Checks that the key is there and is the one of this public half.
    pub(super) fn check(&mut self, public_key: &PublicKey) -> Result<(), Pkcs11Error> {
        self.twice(|worker| {
            let mut open = worker.opened()?;
            open.key = None;
            open.key(&worker.target.key, public_key)?;
            worker.open = Some(open);
            Ok(())
        })
    }

    fn module(&self) -> &str {
        &self.target.token.name.module
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
                result = self
                    .library
                    .initialize()
                    .map_err(Fault::from)
                    .and_then(|()| work(self));
            } else if fault.is_stale() {
                result = work(self);
            }
        }
        result.map_err(|fault| fault.of(self.module()))
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
            _ => Open::new(&self.library, &self.target.token),
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
            name: &self.target.token.name,
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
