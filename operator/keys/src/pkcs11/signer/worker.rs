//! One session of a module's process, as the operator uses it.

use std::sync::Arc;

use signet_core::x509::algorithm::SignatureAlgorithm;
use signet_core::x509::public_key::PublicKey;

use super::error::Pkcs11Fault;
use super::key_name::KeyName;
use super::mechanism;
use super::pin::Pin;
use super::supervisor::Supervisor;
use super::wire::{NamedKey, Outcome, Task, Token};
use crate::access::TokenConfig;

/// A key that an issuer is connected to.
#[derive(Clone)]
pub(super) struct ConnectedKey {
    pub(super) name: KeyName,
    pub(super) public_key: PublicKey,
    /// The PIN that was read when the key was connected.
    pub(super) pin: Arc<Pin>,
}

/// A session with a token. Its calls block. What they return is judged here: it comes from a
/// vendor's library.
pub(super) struct Worker {
    module: Arc<Supervisor>,
    session: u64,
    token: Token,
    /// Whether the session may be open.
    is_used: bool,
}

impl Worker {
    pub(super) fn new(module: &Arc<Supervisor>, token: &TokenConfig) -> Self {
        Self {
            session: module.next_session(),
            module: module.clone(),
            token: listed(token),
            is_used: false,
        }
    }

    /// Closes the session. The next one is with this token.
    pub(super) fn serve(&mut self, token: &TokenConfig) {
        self.reset();
        self.token = listed(token);
    }

    /// Closes the session.
    pub(super) fn reset(&mut self) {
        if self.is_used {
            self.is_used = false;
            self.module.close(self.session);
        }
    }

    /// Logs in and finds a key, which need not be the one that this thread signs with.
    pub(super) fn find(&mut self, name: &KeyName, pin: &Pin) -> Result<PublicKey, Pkcs11Fault> {
        let task = Task::Find {
            token: self.token.clone(),
            name: name.clone(),
            pin: pin.clone(),
        };
        match self.call(task)? {
            Outcome::Found(spki) => {
                PublicKey::from_spki_der(&spki).map_err(Pkcs11Fault::UnsupportedKey)
            }
            _ => Err(Pkcs11Fault::InvalidResponse),
        }
    }

    /// Signs these bytes with this key, and no other.
    pub(super) fn sign(
        &mut self,
        key: &ConnectedKey,
        algorithm: SignatureAlgorithm,
        message: &[u8],
    ) -> Result<Vec<u8>, Pkcs11Fault> {
        let task = Task::Sign {
            token: self.token.clone(),
            key: named(key),
            mechanism: mechanism::mechanism(algorithm),
            input: mechanism::input(algorithm, message),
        };
        let Outcome::Signature(signature) = self.call(task)? else {
            return Err(Pkcs11Fault::InvalidResponse);
        };
        let verifies = |signature: &Vec<u8>| {
            let verified = key.public_key.verify(algorithm, message, signature);
            verified.is_ok()
        };
        let signature = mechanism::output(algorithm, signature).filter(verifies);
        if signature.is_none() {
            // If the key was replaced, the error says so.
            self.look_up(key, true)?;
        }
        signature.ok_or(Pkcs11Fault::InvalidSignature)
    }

    /// Checks that the key is still found by its name.
    pub(super) fn check(&mut self, key: &ConnectedKey) -> Result<(), Pkcs11Fault> {
        self.look_up(key, false)
    }

    fn look_up(&mut self, key: &ConnectedKey, reopens: bool) -> Result<(), Pkcs11Fault> {
        let task = Task::Check {
            token: self.token.clone(),
            key: named(key),
            reopens,
        };
        match self.call(task)? {
            Outcome::Done => Ok(()),
            _ => Err(Pkcs11Fault::InvalidResponse),
        }
    }

    fn call(&mut self, task: Task) -> Result<Outcome, Pkcs11Fault> {
        self.is_used = true;
        self.module.call(self.session, task)
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.reset();
    }
}

fn listed(token: &TokenConfig) -> Token {
    Token {
        name: token.name.clone(),
        label: token.label.clone(),
        serial: token.serial.clone(),
    }
}

fn named(key: &ConnectedKey) -> NamedKey {
    NamedKey {
        name: key.name.clone(),
        spki: key.public_key.spki_der().to_vec(),
        pin: (*key.pin).clone(),
    }
}
