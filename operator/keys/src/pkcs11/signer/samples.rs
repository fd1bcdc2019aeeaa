//! A sample of each fault of a PKCS#11 key.

use cryptoki::error::RvError;
use signet_core::samples;
use signet_core::x509::public_key::PublicKeyError;

use super::{ModuleStop, Pkcs11Error, Pkcs11Fault};
use crate::error::ErrorClass;
use crate::pkcs11::Pkcs11;

samples!(Pkcs11Fault {
    NotListed("the namespace payments".to_owned()),
    NotLoaded,
    NoThread,
    SameFile,
    NoProcess,
    Stopped(ModuleStop::Signal(11)),
    Hangs,
    NoSession(4),
    NoSessionForNamespace(8),
    InvalidSignature,
    Returned {
        function: "C_Sign".to_owned(),
        value: RvError::DeviceError
    },
    InvalidResponse,
    TokenNotFound,
    TokenRemoved,
    SeveralTokens,
    ListedTwice,
    NoPin,
    PinUnreadable(ErrorClass::CredentialsRefused),
    PinRefused,
    PinUnfinished,
    PinLocked,
    PinFinalTry,
    InvalidKeyName,
    KeyNotFound,
    KeyCannotSign,
    SeveralKeys,
    KeyRequiresPin,
    NoPublicKey,
    SeveralPublicKeys,
    UnsupportedKey(PublicKeyError::WeakRsa(1024)),
    KeyReplaced,
});

impl From<Pkcs11Fault> for Pkcs11Error {
    /// The fault of a sample key.
    fn from(fault: Pkcs11Fault) -> Self {
        let key = Pkcs11 {
            module: "softhsm".to_owned(),
            token: "ca".to_owned(),
            key_label: Some("intermediate".to_owned()),
            key_id: Some("0a1b".to_owned()),
        };
        Self { key, fault }
    }
}
