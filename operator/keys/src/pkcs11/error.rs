//! What goes wrong with a PKCS#11 key.

use std::fmt;

use cryptoki::error::RvError;
use signet_core::x509::algorithm::KeyAlgorithm;
use signet_core::x509::public_key::PublicKeyError;

use super::key::KeyName;
use super::return_value;
use crate::error::{ErrorClass, KeyError};

/// A token, by its names in the operator's list.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TokenName {
    /// The module's name.
    pub module: String,
    /// The token's name.
    pub token: String,
}

impl fmt::Display for TokenName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { module, token } = self;
        write!(f, "the token {token} of the PKCS#11 module {module}")
    }
}

/// What goes wrong with a PKCS#11 key. No message holds a PIN, or where it comes from.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Pkcs11Error {
    /// The operator's list has no such token for the issuer.
    #[error(
        "the operator's configuration has no token {} of a PKCS#11 module {}{}; name a token that \
         it lists, or have this one listed",
        token.token, token.module, for_namespace(.namespace.as_deref())
    )]
    NotListed {
        /// The names in the issuer.
        token: TokenName,
        /// The namespace of an Issuer; none for a ClusterIssuer.
        namespace: Option<String>,
    },
    /// `keyId` is not hexadecimal.
    #[error("keyId is not hexadecimal; write two digits per byte, such as 0a1b")]
    InvalidKeyId,
    /// The issuer names no key.
    #[error("keyLabel and keyId are missing; set one or both")]
    NoKeyName,
    /// There is no PIN where the operator's list says.
    #[error(
        "the PIN of {0} is missing or empty; put it where the operator's configuration reads it \
         from"
    )]
    NoPin(TokenName),
    /// The PIN cannot be read.
    #[error("the PIN of {token} cannot be read; see the operator's log")]
    PinUnreadable {
        /// The token.
        token: TokenName,
        /// What follows.
        class: ErrorClass,
    },
    /// The shared library cannot be loaded.
    #[error(
        "the PKCS#11 module {0} cannot be loaded; see the operator's log, and correct its path in \
         the operator's configuration, or add the file to the operator's image"
    )]
    NotLoaded(String),
    /// The operating system has no thread left.
    #[error(
        "the operator cannot start a thread for the PKCS#11 module {0}; raise the limits of its \
         container, or lower the module's maxSessions"
    )]
    NoThread(String),
    /// Calls do not return.
    #[error(
        "the PKCS#11 module {0} does not respond; check the HSM, and restart the operator if this \
         lasts"
    )]
    Hangs(String),
    /// Every session is in use.
    #[error(
        "the {sessions} sessions of the PKCS#11 module {module} with this key are in use; lower \
         spec.keyLimits, or raise the module's maxSessionsPerKey and maxSessions"
    )]
    Busy {
        /// The module's name.
        module: String,
        /// How many sessions the key has.
        sessions: usize,
    },
    /// The module's sessions are in use, and the key has none.
    #[error(
        "the PKCS#11 module {module} has no session left for this key; raise its maxSessions \
         ({sessions}) in the operator's configuration, if the HSM allows it"
    )]
    NoSession {
        /// The module's name.
        module: String,
        /// The module's limit.
        sessions: u16,
    },
    /// The bindings panicked.
    #[error("a call to the PKCS#11 module {0} was aborted; see the operator's log")]
    Aborted(String),
    /// No slot has the token.
    #[error(
        "{0} is not in any slot; insert it, or correct its label and serial in the operator's \
         configuration"
    )]
    TokenNotFound(TokenName),
    /// No slot has the token any more.
    #[error("{0} was removed; insert it again")]
    TokenRemoved(TokenName),
    /// Several slots have such a token.
    #[error("{0} matches more than one token; add its serial to the operator's configuration")]
    SeveralTokens(TokenName),
    /// Another entry of the operator's list is the same token.
    #[error("{0} is listed more than once in the operator's configuration; list each token once")]
    ListedTwice(TokenName),
    /// The token refuses the PIN, now or when it was tried before.
    #[error(
        "{token} refused its PIN; correct the PIN that the operator's configuration reads. It is \
         not tried again until it changes, because a token locks itself after a few wrong PINs"
    )]
    PinRefused {
        /// The token.
        token: TokenName,
        /// Identifies the PIN; see [`KeyPin::refused`](crate::KeyPin::refused).
        pin: String,
    },
    /// The token has locked itself.
    #[error("{0} is locked after too many wrong PINs; have its security officer unlock it")]
    PinLocked(TokenName),
    /// One more wrong PIN would lock the token.
    #[error(
        "{0} locks itself after one more wrong PIN, so its PIN is not tried; log in once with the \
         right PIN, using the HSM's tool"
    )]
    PinFinalTry(TokenName),
    /// The token is logged out, and connecting logs in to it.
    #[error("{0} is not logged in; Signet connects to it again")]
    NotLoggedIn(TokenName),
    /// The token has no such private key.
    #[error(
        "the private key {0} is not in the token, or its user cannot see it; create it, or correct \
         keyLabel and keyId"
    )]
    KeyNotFound(KeyName),
    /// CKA_SIGN is false.
    #[error("the private key {0} cannot sign (CKA_SIGN is false); use a key that can")]
    KeyCannotSign(KeyName),
    /// Several private keys match.
    #[error(
        "the private key {0} is in the token more than once; set keyId to one of them, or delete \
         the others"
    )]
    SeveralKeys(KeyName),
    /// CKA_ALWAYS_AUTHENTICATE is true.
    #[error(
        "the private key {0} requires the PIN for each signature (CKA_ALWAYS_AUTHENTICATE), which \
         Signet does not support; use a key that does not"
    )]
    KeyRequiresPin(KeyName),
    /// No public key can be read.
    #[error(
        "the private key {0} has no public key that Signet can read (RSA, Ed25519, or ECDSA on \
         P-256, P-384 or P-521 by name); add the public key or the CA certificate with the same \
         CKA_ID"
    )]
    NoPublicKey(KeyName),
    /// Several public keys match.
    #[error(
        "the private key {0} has several public keys with its CKA_ID or label; delete all but its \
         own"
    )]
    SeveralPublicKeys(KeyName),
    /// The key is of a type that Signet does not use.
    #[error("the private key {key} cannot be used: {error}")]
    UnsupportedKey {
        /// The key.
        key: KeyName,
        /// Why.
        error: PublicKeyError,
    },
    /// The token does not sign with keys of this type.
    #[error(
        "{token} does not sign with {mechanism}, which a key of type {algorithm} needs; use a key \
         of another type"
    )]
    NoMechanism {
        /// The token.
        token: TokenName,
        /// The mechanism's name in the standard.
        mechanism: &'static str,
        /// The type of the key.
        algorithm: KeyAlgorithm,
    },
    /// Another key has the name now.
    #[error(
        "the private key {0} is not the one that the issuer was connected to; restore that key, or \
         create an issuer for this one"
    )]
    KeyReplaced(KeyName),
    /// The signature is not that of the key.
    #[error(
        "the PKCS#11 module {module} returned a signature that does not verify under the public \
         key of the private key {key}; check that both belong together, and see the module's log"
    )]
    InvalidSignature {
        /// The module's name.
        module: String,
        /// The key.
        key: KeyName,
    },
    /// A function returned an error.
    #[error(
        "the PKCS#11 module {module} returned {} from {function}; {}",
        return_value::name(*.value), return_value::advice(*.value)
    )]
    Returned {
        /// The module's name.
        module: String,
        /// The function's name in the standard.
        function: String,
        /// The return value.
        value: RvError,
    },
    /// A function returned something that cannot be read.
    #[error("the PKCS#11 module {0} returned an invalid response; see its log")]
    InvalidResponse(String),
}

impl Pkcs11Error {
    /// What follows from it.
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::NotListed { .. } | Self::TokenNotFound(_) | Self::KeyNotFound(_) => {
                ErrorClass::KeyNotFound
            }
            Self::InvalidKeyId
            | Self::NoKeyName
            | Self::NotLoaded(_)
            | Self::SeveralTokens(_)
            | Self::ListedTwice(_)
            | Self::KeyCannotSign(_)
            | Self::SeveralKeys(_)
            | Self::KeyRequiresPin(_)
            | Self::NoPublicKey(_)
            | Self::SeveralPublicKeys(_)
            | Self::UnsupportedKey { .. }
            | Self::NoMechanism { .. }
            | Self::KeyReplaced(_) => ErrorClass::KeyUnusable,
            Self::NoPin(_)
            | Self::PinRefused { .. }
            | Self::PinLocked(_)
            | Self::PinFinalTry(_)
            | Self::NotLoggedIn(_) => ErrorClass::CredentialsRefused,
            Self::NoThread(_) | Self::Hangs(_) | Self::TokenRemoved(_) => ErrorClass::Unreachable,
            Self::Busy { .. } | Self::NoSession { .. } => ErrorClass::Throttled(None),
            Self::Aborted(_) | Self::InvalidSignature { .. } | Self::InvalidResponse(_) => {
                ErrorClass::InvalidResponse
            }
            Self::PinUnreadable { class, .. } => *class,
            Self::Returned { value, .. } => return_value::class(*value),
        }
    }
}

impl From<Pkcs11Error> for KeyError {
    fn from(error: Pkcs11Error) -> Self {
        let key_error = Self::new(error.class(), error.to_string());
        match error {
            Pkcs11Error::PinRefused { pin, .. } => key_error.refusing(pin),
            _ => key_error,
        }
    }
}

fn for_namespace(namespace: Option<&str>) -> String {
    namespace.map_or_else(String::new, |name| format!(" for the namespace {name}"))
}
