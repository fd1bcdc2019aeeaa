//! What goes wrong with a PKCS#11 key.

use std::fmt;

use cryptoki::error::{Error, RvError};
use serde::{Deserialize, Serialize};
use signet_core::x509::public_key::PublicKeyError;

use super::return_value;
use super::stop::ModuleStop;
use super::wire::{function, value};
use crate::error::{ErrorClass, KeyError};
use crate::pkcs11::Pkcs11;

/// What is wrong with which key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pkcs11Error {
    /// The key, as the issuer names it.
    pub key: Pkcs11,
    /// What is wrong.
    pub fault: Pkcs11Fault,
}

/// What is wrong with a module, a token or a key, which the message begins with. No message holds
/// a PIN, or where it comes from. The process of a module cannot report what is skipped.
#[allow(missing_docs, reason = "the messages say what the variants are")]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Pkcs11Fault {
    #[serde(skip)]
    #[error("for {0}; name a token that it lists, or have this one listed")]
    NotListed(String),
    #[error(
        "cannot be loaded; see the operator's log, and correct its path in the operator's \
         configuration, or add the file to the operator's image"
    )]
    NotLoaded,
    #[error(
        "has no thread, because the operator cannot start one; raise the limits of the operator's \
         container, or lower maxSessions"
    )]
    NoThread,
    #[serde(skip)]
    #[error(
        "is the same file as another module in the operator's configuration; list each file once, \
         with all of its tokens"
    )]
    SameFile,
    #[serde(skip)]
    #[error(
        "has no process, because the operator cannot start one; see the operator's log, and raise \
         the limits of the operator's container"
    )]
    NoProcess,
    #[serde(skip)]
    #[error(
        "stopped: {0}. It is started again; if this lasts, check the HSM and see the operator's log"
    )]
    Stopped(ModuleStop),
    #[serde(skip)]
    #[error("does not respond; check the HSM. The module is restarted if this lasts")]
    Hangs,
    #[serde(skip)]
    #[error(
        "has no free session for this key, which has {0}; raise maxSessions and maxSessionsPerKey \
         if the HSM allows it, or lower spec.keyLimits"
    )]
    NoSession(usize),
    #[serde(skip)]
    #[error(
        "has no free session for Issuers of this namespace, which have {0}; use fewer keys, or have \
         maxSessionsPerNamespace raised"
    )]
    NoSessionForNamespace(usize),
    #[serde(skip)]
    #[error(
        "returned a signature that does not verify under the key's public key; check that both \
         objects belong together, and see the module's log"
    )]
    InvalidSignature,
    #[error(
        "returned {} from {function}; {}",
        return_value::name(*.value), return_value::rule(*.value).1
    )]
    Returned {
        #[serde(deserialize_with = "function::deserialize")]
        function: String,
        #[serde(with = "value")]
        value: RvError,
    },
    #[error("returned an invalid response; see its log and the operator's")]
    InvalidResponse,
    #[error(
        "is not in any slot; insert it, or correct its label and serial in the operator's \
         configuration"
    )]
    TokenNotFound,
    #[error("was removed; insert it again")]
    TokenRemoved,
    #[error("matches more than one token; add its serial to the operator's configuration")]
    SeveralTokens,
    #[error("is listed more than once in the operator's configuration; list each token once")]
    ListedTwice,
    #[serde(skip)]
    #[error("has no PIN where the operator's configuration reads it from; put it there")]
    NoPin,
    #[serde(skip)]
    #[error("has a PIN that cannot be read; see the operator's log")]
    PinUnreadable(ErrorClass),
    #[error(
        "refused its PIN; correct the PIN that the operator's configuration reads. It is not tried \
         again until it changes, because a token locks itself after a few wrong PINs"
    )]
    PinRefused,
    #[error(
        "has a PIN with which no login ended, because the module stopped each time; correct the PIN \
         or the module. It is tried again when it changes, or once an hour unless the token counts \
         failed logins, because a token locks itself after a few wrong PINs"
    )]
    PinUnfinished,
    #[error("is locked after too many wrong PINs; have its security officer unlock it")]
    PinLocked,
    #[error(
        "locks itself after one more wrong PIN, so its PIN is not tried; log in once with the \
         right PIN, using the HSM's tool"
    )]
    PinFinalTry,
    #[serde(skip)]
    #[error("names no key; set keyLabel, or keyId as two hexadecimal digits per byte")]
    InvalidKeyName,
    #[error(
        "is not in the token, or its user cannot see it; create it, or correct keyLabel and keyId"
    )]
    KeyNotFound,
    #[error("cannot sign (CKA_SIGN is false); use a key that can")]
    KeyCannotSign,
    #[error("is in the token more than once; set keyId to one of them, or delete the others")]
    SeveralKeys,
    #[error(
        "requires the PIN for each signature (CKA_ALWAYS_AUTHENTICATE), which Signet does not \
         support; use a key that does not"
    )]
    KeyRequiresPin,
    #[error(
        "has no public key that Signet can read (RSA, Ed25519, or ECDSA on P-256, P-384 or P-521 \
         by name); add the public key or the CA certificate with the same CKA_ID"
    )]
    NoPublicKey,
    #[error("has several public keys with its CKA_ID or label; delete all but its own")]
    SeveralPublicKeys,
    #[serde(skip)]
    #[error("cannot be used: {0}")]
    UnsupportedKey(PublicKeyError),
    #[error(
        "is not the one that the issuer was connected to; restore that key, or set \
         spec.rotation.requestID to rotate to this one"
    )]
    KeyReplaced,
}

/// What a message begins with.
enum Subject {
    Spec,
    List,
    Module,
    Token,
    Key,
}

impl Pkcs11Fault {
    /// What the fault is about, and what follows from it.
    fn rule(&self) -> (Subject, ErrorClass) {
        use ErrorClass::{CredentialsRefused, KeyUnusable, Unreachable};
        match self {
            Self::InvalidKeyName => (Subject::Spec, KeyUnusable),
            Self::NotListed(_) => (Subject::List, ErrorClass::KeyNotFound),
            Self::NotLoaded | Self::SameFile => (Subject::Module, KeyUnusable),
            Self::NoThread | Self::NoProcess | Self::Stopped(_) | Self::Hangs => {
                (Subject::Module, Unreachable)
            }
            Self::NoSession(_) | Self::NoSessionForNamespace(_) => {
                (Subject::Module, ErrorClass::Throttled(None))
            }
            Self::InvalidSignature | Self::InvalidResponse => {
                (Subject::Module, ErrorClass::InvalidResponse)
            }
            Self::Returned { value, .. } => (Subject::Module, return_value::rule(*value).0),
            Self::TokenNotFound => (Subject::Token, ErrorClass::KeyNotFound),
            Self::TokenRemoved => (Subject::Token, Unreachable),
            Self::SeveralTokens | Self::ListedTwice => (Subject::Token, KeyUnusable),
            Self::NoPin
            | Self::PinRefused
            | Self::PinUnfinished
            | Self::PinLocked
            | Self::PinFinalTry => (Subject::Token, CredentialsRefused),
            Self::PinUnreadable(class) => (Subject::Token, *class),
            Self::KeyNotFound => (Subject::Key, ErrorClass::KeyNotFound),
            Self::KeyCannotSign
            | Self::SeveralKeys
            | Self::KeyRequiresPin
            | Self::NoPublicKey
            | Self::SeveralPublicKeys
            | Self::UnsupportedKey(_)
            | Self::KeyReplaced => (Subject::Key, KeyUnusable),
        }
    }
}

impl From<Error> for Pkcs11Fault {
    fn from(error: Error) -> Self {
        match error {
            Error::Pkcs11(value, function) => {
                let function = format!("C_{function:?}");
                match function::is_called(&function) {
                    true => Self::Returned { function, value },
                    false => Self::InvalidResponse,
                }
            }
            _ => Self::InvalidResponse,
        }
    }
}

impl fmt::Display for Pkcs11Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Pkcs11 { module, token, .. } = &self.key;
        match self.fault.rule().0 {
            Subject::Spec => f.write_str("key.pkcs11"),
            Subject::List => write!(
                f,
                "the operator's configuration has no token {token} of a PKCS#11 module {module}"
            ),
            Subject::Module => write!(f, "the PKCS#11 module {module}"),
            Subject::Token => write!(f, "the token {token} of the PKCS#11 module {module}"),
            Subject::Key => {
                let label = self.key.key_label.as_ref();
                let id = self.key.key_id.as_ref();
                let label = label.map(|label| format!("the label {label:?}"));
                let id = id.map(|id| format!("the id {}", id.to_ascii_lowercase()));
                let names: Vec<_> = label.into_iter().chain(id).collect();
                write!(f, "the private key with {}", names.join(" and "))
            }
        }?;
        write!(f, " {}", self.fault)
    }
}

impl From<Pkcs11Error> for KeyError {
    fn from(error: Pkcs11Error) -> Self {
        let is_missing = error.fault == Pkcs11Fault::NoPin;
        Self {
            is_missing,
            ..Self::new(error.fault.rule().1, error.to_string())
        }
    }
}

/// The one that was found, or why there is not exactly one.
pub(super) fn only<T>(
    mut found: Vec<T>,
    none: Pkcs11Fault,
    several: Pkcs11Fault,
) -> Result<T, Pkcs11Fault> {
    match (found.pop(), found.is_empty()) {
        (Some(one), true) => Ok(one),
        (Some(_), false) => Err(several),
        (None, _) => Err(none),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn messages_begin_with_what_they_are_about() {
        let key = json!({
            "module": "hsm", "token": "ca", "keyLabel": "k", "keyId": "0A",
        });
        let key: Pkcs11 = serde_json::from_value(key).unwrap();
        for (fault, expected) in [
            (
                Pkcs11Fault::NotListed("the namespace team".to_owned()),
                "the operator's configuration has no token ca of a PKCS#11 module hsm for the \
                 namespace team; ",
            ),
            (
                Pkcs11Fault::Hangs,
                "the PKCS#11 module hsm does not respond; ",
            ),
            (
                Pkcs11Fault::TokenRemoved,
                "the token ca of the PKCS#11 module hsm was removed; ",
            ),
            (
                Pkcs11Fault::KeyCannotSign,
                "the private key with the label \"k\" and the id 0a cannot sign ",
            ),
        ] {
            let key = key.clone();
            let message = Pkcs11Error { key, fault }.to_string();
            assert!(message.starts_with(expected), "{message}");
        }
    }
}
