//! A session with a token.

use std::mem;
use std::rc::Rc;
use std::sync::Arc;

use cryptoki::context::Function;
use cryptoki::error::{Error, RvError};
use cryptoki::object::ObjectHandle;
use cryptoki::session::Session;

use super::key::{self, Key};
use super::library::{Library, Module};
use super::login::{self, Login};
use super::token;
use crate::pkcs11::signer::error::Pkcs11Fault;
use crate::pkcs11::signer::key_name::KeyName;
use crate::pkcs11::signer::pin::Pin;
use crate::pkcs11::signer::wire::{NamedKey, Token, TokenId};

/// A session that is open, and what was found in it.
pub(super) struct Open {
    pub(super) session: Rc<Session>,
    /// The name of the token in the operator's list.
    entry: String,
    id: TokenId,
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
    pub(super) fn new(module: &Module, token: &Token) -> Result<Self, Pkcs11Fault> {
        let library = module.load()?;
        let epoch = library.epoch();
        let (slot, info) = token::find(&library.context, token)?;
        let session = library.context.open_ro_session(slot)?;
        let id = token::id(&info);
        let login = info
            .login_required()
            .then(|| library.login(id.clone(), &module.output));
        Ok(Self {
            session: Rc::new(session),
            entry: token.name.clone(),
            id,
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
    pub(super) fn log_in(&self, pin: &Pin, connects: bool) -> Result<(), Pkcs11Fault> {
        match &self.login {
            Some(login) => login.log_in(&self.session, &self.id, &self.entry, pin, connects),
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
    pub(super) fn key(&mut self, key: &NamedKey) -> Result<ObjectHandle, Pkcs11Fault> {
        let found = match self.key.take() {
            Some(last) if last.spki == key.spki => last,
            _ => {
                self.log_in(&key.pin, false)?;
                self.find(&key.name)?
            }
        };
        if found.spki != key.spki {
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
