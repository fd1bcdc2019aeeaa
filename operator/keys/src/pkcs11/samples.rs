//! A sample of each error of a PKCS#11 key.

use cryptoki::error::RvError;
use signet_core::samples;
use signet_core::x509::algorithm::KeyAlgorithm;
use signet_core::x509::public_key::PublicKeyError;

use super::{KeyName, Pkcs11Error, TokenName};
use crate::error::ErrorClass;

samples!(Pkcs11Error {
    NotListed {
        token: token(),
        namespace: Some("payments".to_owned())
    },
    InvalidKeyId,
    NoKeyName,
    NoPin(token()),
    PinUnreadable {
        token: token(),
        class: ErrorClass::CredentialsRefused
    },
    NotLoaded(module()),
    NoThread(module()),
    Hangs(module()),
    Busy {
        module: module(),
        sessions: 4
    },
    NoSession {
        module: module(),
        sessions: 16
    },
    Aborted(module()),
    TokenNotFound(token()),
    TokenRemoved(token()),
    SeveralTokens(token()),
    ListedTwice(token()),
    PinRefused {
        token: token(),
        pin: String::new()
    },
    PinLocked(token()),
    PinFinalTry(token()),
    NotLoggedIn(token()),
    KeyNotFound(key()),
    KeyCannotSign(key()),
    SeveralKeys(key()),
    KeyRequiresPin(key()),
    NoPublicKey(key()),
    SeveralPublicKeys(key()),
    UnsupportedKey {
        key: key(),
        error: PublicKeyError::WeakRsa { bits: 1024 }
    },
    NoMechanism {
        token: token(),
        mechanism: "CKM_EDDSA",
        algorithm: KeyAlgorithm::Ed25519
    },
    KeyReplaced(key()),
    InvalidSignature {
        module: module(),
        key: key()
    },
    Returned {
        module: module(),
        function: "C_Sign".to_owned(),
        value: RvError::DeviceError
    },
    InvalidResponse(module()),
});

fn module() -> String {
    "softhsm".to_owned()
}

fn token() -> TokenName {
    TokenName {
        module: module(),
        token: "ca".to_owned(),
    }
}

fn key() -> KeyName {
    KeyName {
        label: Some("intermediate".to_owned()),
        id: Some(vec![0x0a, 0x1b]),
    }
}
