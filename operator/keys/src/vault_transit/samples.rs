//! A sample of each error of a key in Transit.

use signet_core::samples;
use signet_core::x509::public_key::PublicKeyError;

use super::VaultTransitError;
use super::key::kinds;
use crate::vault::ServerMessage;

samples!(VaultTransitError {
    KeyNotFound {
        key: key(),
        detail: detail("")
    },
    NotSigned {
        key: key(),
        detail: detail("unsupported key type")
    },
    OtherKeyType { server: server() },
    KeyType {
        key: key(),
        kind: "aes256-gcm96".to_owned(),
        kinds: kinds()
    },
    Derived { key: key() },
    SoftDeleted { key: key() },
    SigningNotSupported { key: key() },
    NoVersion {
        key: key(),
        version: 3,
        newest: 2
    },
    VersionDisabled {
        key: key(),
        field: "min_encryption_version",
        min: 2,
        version: 1
    },
    VersionGone {
        key: key(),
        version: 1
    },
    UnsupportedKey {
        key: key(),
        why: PublicKeyError::WeakRsa(1024).to_string()
    },
    KeyChanged { key: key() },
    InvalidPin,
});

fn server() -> String {
    "the Vault at https://vault.example.org:8200".to_owned()
}

fn key() -> String {
    format!("the key ca at transit of {}", server())
}

fn detail(text: &str) -> ServerMessage {
    ServerMessage(text.to_owned())
}
