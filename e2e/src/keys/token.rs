//! Keys in PKCS#11 tokens.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU8, Ordering};

use anyhow::Result;
use serde_json::{Value, json};
use signet_testbed::SoftHsm;
use signet_testbed::keyservers::softhsm::Fault;

use super::modules::{Token, new_pin, pin_secret, token};
use super::{Outage, RemoteKey, unique};

/// A P-256 key in the token of a module. The PIN is that of all keys in it.
#[allow(missing_debug_implementations, reason = "it holds a PIN")]
pub struct TokenKey {
    module: &'static str,
    token: &'static Token,
    label: String,
    id: String,
}

impl TokenKey {
    /// Makes a key behind a module of the list.
    ///
    /// # Errors
    /// A tool failed, or there is no such module.
    pub fn make(module: &'static str) -> Result<Self> {
        static ID: AtomicU8 = AtomicU8::new(1);
        let id = format!("{:02x}", ID.fetch_add(1, Ordering::Relaxed));
        let key = Self {
            module,
            token: token(module)?,
            label: unique("ca"),
            id,
        };
        let curve = "EC:prime256v1";
        key.hsm()
            .make_key(module, &key.pin(), curve, &key.label, &key.id)?;
        Ok(key)
    }

    /// The tokens behind the module.
    pub fn hsm(&self) -> &'static SoftHsm {
        &self.token.hsm
    }

    /// The token's label.
    pub fn token(&self) -> &'static str {
        self.module
    }

    /// The key's label.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// The key's id, in hexadecimal.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The present PIN.
    pub fn pin(&self) -> String {
        self.token.pin.lock().clone()
    }
}

impl RemoteKey for TokenKey {
    fn backend(&self) -> &'static str {
        "pkcs11"
    }

    fn config(&self, _secret: &str) -> Value {
        json!({ "pkcs11": {
            "module": self.module,
            "token": self.token(),
            "keyLabel": self.label,
        }})
    }

    fn operator_secret(&self) -> Option<String> {
        Some(pin_secret(self.module))
    }

    fn credential(&self) -> BTreeMap<&'static str, String> {
        [("pin", self.pin())].into()
    }

    fn replace_credential(&self) -> Result<()> {
        let mut present = self.token.pin.lock();
        let fresh = new_pin()?;
        self.hsm().change_pin(self.module, &present, &fresh)?;
        *present = fresh;
        drop(present);
        // SoftHSM2 goes by the PIN that it found when it was initialized.
        self.hsm().finalize()
    }

    fn public_key(&self) -> Result<Vec<u8>> {
        self.hsm().public_key(self.module, &self.pin(), &self.label)
    }

    fn begin_outage(&self, how: Outage) -> Result<()> {
        self.hsm().set_faults(&match how {
            Outage::Gone => [Fault::Remove],
            Outage::Hung => [Fault::Hang("C_Sign")],
        })
    }

    fn bring_back(&self) -> Result<()> {
        self.hsm().set_faults(&[])
    }
}
