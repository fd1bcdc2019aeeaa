//! A session with a token.

use std::mem;
use std::rc::Rc;
use std::sync::Arc;

use cryptoki::context::Function;
use cryptoki::error::{Error, RvError};
use cryptoki::object::ObjectHandle;
use cryptoki::session::Session;
use signet_core::x509::public_key::PublicKey;

use super::error::Pkcs11Fault;
use super::key::{self, Key, KeyName};
use super::library::{self, Library};
use super::login::{self, Login};
use super::pin::Pin;
use super::token;
use crate::access::{ModuleConfig, TokenConfig};

/// A key that an issuer is connected to.
#[derive(Clone)]
pub(super) struct ConnectedKey {
    pub(super) name: KeyName,
    pub(super) public_key: PublicKey,
    /// The PIN that was read when the key was connected.
    pub(super) pin: Arc<Pin>,
}

/// A session that is open, and what was found in it.
pub(super) struct Open {
    pub(super) session: Rc<Session>,
    /// The module and token in the operator's list.
    entry: String,
    /// None where the token requires no login.
    login: Option<Arc<Login>>,
    /// The key that was used last.
    key: Option<Key>,
    library: Arc<Library>,
    /// When the module was initialized; see [`Library::epoch`].
    epoch: u64,
}

impl Open {
    /// Opens a session with the token. Loads the module, unless it is loaded.
    pub(super) fn new(module: &ModuleConfig, token: &TokenConfig) -> Result<Self, Pkcs11Fault> {
        let library = library::load(module)?;
        let epoch = library.epoch();
        let (slot, info) = token::find(&library.context, token)?;
        let session = library.context.open_ro_session(slot)?;
        let login = info
            .login_required()
            .then(|| library.login(token::id(&info)));
        Ok(Self {
            session: Rc::new(session),
            entry: format!("{}/{}", module.name, token.name),
            login,
            key: None,
            library,
            epoch,
        })
    }

    /// Whether the session is of the module as it is initialized now.
    pub(super) fn is_current(&self) -> bool {
        self.epoch == self.library.epoch()
    }

    /// Logs in, if the token requires it; see [`Login::log_in`].
    pub(super) fn log_in(&self, pin: &Arc<Pin>, connects: bool) -> Result<(), Pkcs11Fault> {
        match &self.login {
            Some(login) => login.log_in(&self.session, &self.entry, pin, connects),
            None => Ok(()),
        }
    }

    /// Finds a key. If the login ended, no private key is visible, which says nothing about it.
    pub(super) fn find(&self, name: &KeyName) -> Result<Key, Pkcs11Fault> {
        let found = key::find(&self.session, name);
        if found.is_err() && self.login.is_some() && !login::is_logged_in(&self.session)? {
            let logged_out = Error::Pkcs11(RvError::UserNotLoggedIn, Function::FindObjects);
            return Err(logged_out.into());
        }
        found
    }

    /// The handle of this key, and no other.
    pub(super) fn key(&mut self, key: &ConnectedKey) -> Result<ObjectHandle, Pkcs11Fault> {
        let found = match self.key.take() {
            Some(last) if last.public_key == key.public_key => last,
            _ => {
                self.log_in(&key.pin, false)?;
                self.find(&key.name)?
            }
        };
        if found.public_key != key.public_key {
            return Err(Pkcs11Fault::KeyReplaced);
        }
        Ok(self.key.insert(found).handle)
    }

    /// Has the key looked up again the next time.
    pub(super) fn forget_key(&mut self) {
        self.key = None;
    }
}

impl Drop for Open {
    /// After the module was initialized again, another session may have the number of this one,
    /// and must not be closed.
    fn drop(&mut self) {
        if !self.is_current() {
            mem::forget(Rc::clone(&self.session));
        }
    }
}
