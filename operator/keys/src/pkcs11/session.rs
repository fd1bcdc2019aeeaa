//! A session with a token.

use std::mem;
use std::rc::Rc;
use std::sync::Arc;

use cryptoki::context::Function;
use cryptoki::error::{Error, RvError};
use cryptoki::object::ObjectHandle;
use cryptoki::session::Session;
use cryptoki::slot::{Slot, TokenInfo};
use signet_core::x509::algorithm::SignatureAlgorithm;
use signet_core::x509::public_key::PublicKey;

use super::error::Pkcs11Error;
use super::fault::Fault;
use super::key::{self, Key, KeyName};
use super::library::Library;
use super::login::{self, Login};
use super::mechanism;
use super::token::{self, ListedToken, TokenId};
use super::worker::ConnectedKey;

/// A session that is open, and what was found in it.
pub(super) struct Open {
    pub(super) session: Rc<Session>,
    /// None where the token requires no login.
    pub(super) login: Option<Arc<Login>>,
    /// The key that was used last.
    key: Option<Key>,
    slot: Slot,
    library: Arc<Library>,
    /// When the module was initialised; see [`Library::epoch`].
    epoch: u64,
}

impl Open {
    /// Opens a session with the token.
    pub(super) fn new(library: Arc<Library>, token: &ListedToken) -> Result<Self, Fault> {
        let epoch = library.epoch();
        let (slot, info) = token::find(&library.context, token)?;
        let session = library.context.open_ro_session(slot)?;
        let login = info
            .login_required()
            .then(|| library.login(TokenId::of(&info)));
        Ok(Self {
            session: Rc::new(session),
            login,
            key: None,
            slot,
            library,
            epoch,
        })
    }

    /// Whether the session is of the module as it is initialised now.
    pub(super) fn is_current(&self) -> bool {
        self.epoch == self.library.epoch()
    }

    /// The token as it is now.
    pub(super) fn token(&self) -> Result<TokenInfo, Fault> {
        Ok(self.library.context.get_token_info(self.slot)?)
    }

    /// The handle of this key, and no other.
    pub(super) fn key(&mut self, key: &ConnectedKey) -> Result<ObjectHandle, Fault> {
        let found = match self.key.take() {
            Some(last) if last.public_key == key.public_key => last,
            _ => self.find(&key.name)?,
        };
        if found.public_key != key.public_key {
            return Err(Pkcs11Error::KeyReplaced(key.name.clone()).into());
        }
        Ok(self.key.insert(found).handle)
    }

    /// Has the key looked up again the next time.
    pub(super) fn forget_key(&mut self) {
        self.key = None;
    }

    /// Finds a key. Without a login no private key is visible, which says nothing about it.
    fn find(&self, name: &KeyName) -> Result<Key, Fault> {
        let found = key::find(&self.session, name);
        if found.is_err() && self.login.is_some() && !login::is_logged_in(&self.session)? {
            let logged_out = Error::Pkcs11(RvError::UserNotLoggedIn, Function::FindObjects);
            return Err(logged_out.into());
        }
        found
    }

    /// Whether the token signs with keys of this type.
    pub(super) fn check_mechanism(
        &self,
        token: &ListedToken,
        public_key: &PublicKey,
    ) -> Result<(), Fault> {
        let algorithm = SignatureAlgorithm::for_key(public_key.algorithm());
        let (_, mechanism, name) = mechanism::mechanism(algorithm);
        let context = &self.library.context;
        let listed = context.get_mechanism_list(self.slot)?;
        if listed.contains(&mechanism) && context.get_mechanism_info(self.slot, mechanism)?.sign() {
            return Ok(());
        }
        Err(Pkcs11Error::NoMechanism {
            token: token.name.clone(),
            mechanism: name,
            algorithm: public_key.algorithm(),
        }
        .into())
    }
}

impl Drop for Open {
    /// After the module was initialised anew, the number of this session may be that of somebody
    /// else's, which must not be closed.
    fn drop(&mut self) {
        if !self.is_current() {
            mem::forget(Rc::clone(&self.session));
        }
    }
}
