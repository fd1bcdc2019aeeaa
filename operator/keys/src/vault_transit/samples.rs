//! A sample of each error of a key in Vault.

use std::time::Duration;

use signet_core::samples;
use signet_core::x509::public_key::PublicKeyError;

use super::VaultTransitError;
use super::error::ServerMessage;
use super::key::kinds;

samples!(VaultTransitError {
    Throttled {
        server: server(),
        retry_after: Some(Duration::from_secs(1)),
        detail: detail("request path \"transit/sign/ca\": rate limit quota exceeded")
    },
    Redirect {
        server: server(),
        detail: detail("")
    },
    Sealed { server: server() },
    Unavailable {
        server: server(),
        status: 500,
        detail: detail("internal error")
    },
    NoNamespace {
        server: server(),
        namespace: "team-a".to_owned()
    },
    KeyNotFound {
        key: key(),
        detail: detail("")
    },
    NotSigned {
        key: key(),
        detail: detail("unsupported key type")
    },
    LoginRefused {
        server: server(),
        method: "kubernetes",
        mount: "kubernetes".to_owned(),
        detail: detail("permission denied")
    },
    TokenNotFound {
        server: server(),
        detail: detail("permission denied")
    },
    Denied {
        server: server(),
        permission: "update on transit/sign/ca".to_owned(),
        detail: detail("permission denied")
    },
    TokenDenied {
        server: server(),
        permission: "update on transit/sign/ca".to_owned()
    },
    TokenRefused {
        server: server(),
        permission: "update on transit/sign/ca".to_owned()
    },
    InvalidResponse { server: server() },
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
    InvalidPath { field: "mount" },
    JwtSource,
    InvalidToken {
        secret: "vault".to_owned(),
        key: "token".to_owned()
    },
    InvalidClientCertificate {
        secret: "vault-client".to_owned()
    },
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
