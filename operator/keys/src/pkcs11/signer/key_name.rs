//! The name of a key in its token.

use serde::{Deserialize, Serialize};

use super::error::Pkcs11Fault;
use crate::access::KeyPin;
use crate::pkcs11::Pkcs11;

/// The attributes by which a private key is found: its label (CKA_LABEL), its id (CKA_ID), or both.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct KeyName {
    pub(super) label: Option<String>,
    pub(super) id: Option<Vec<u8>>,
    /// The fingerprint of the CA's key, which selects it among several of this name.
    pub(super) fingerprint: Option<String>,
}

impl KeyName {
    pub(super) fn of(key: &Pkcs11, known: &KeyPin) -> Result<Self, Pkcs11Fault> {
        let id = key.key_id.as_deref().map(|id| {
            let id = hex::decode(id).ok().filter(|id| !id.is_empty());
            id.ok_or(Pkcs11Fault::InvalidKeyName)
        });
        let name = Self {
            label: key.key_label.clone(),
            id: id.transpose()?,
            fingerprint: known.fingerprint.clone(),
        };
        match name.label.is_none() && name.id.is_none() {
            true => Err(Pkcs11Fault::InvalidKeyName),
            false => Ok(name),
        }
    }
}
