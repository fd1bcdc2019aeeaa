//! What goes wrong with a key in Transit.

use crate::error::ErrorClass;
use crate::key_errors::key_errors;
use crate::vault::ServerMessage;

key_errors! {
    /// What goes wrong with a key in the Transit engine of Vault or OpenBao.
    pub enum VaultTransitError {
        KeyNotFound { key: String, detail: ServerMessage } => ErrorClass::KeyNotFound,
            "{key} does not exist; create it, or correct vaultTransit.mount and name{detail}";
        NotSigned { key: String, detail: ServerMessage } => ErrorClass::KeyUnusable,
            "{key} does not sign{detail}";
        OtherKeyType { server: String } => ErrorClass::InvalidResponse,
            "{server} returned a public key of another type than it describes; check \
             vaultTransit.address";
        KeyType { key: String, kind: String, kinds: String } => ErrorClass::KeyUnusable,
            "{key} is of type {kind}, which does not sign certificates; create one of {kinds}";
        Derived { key: String } => ErrorClass::KeyUnusable,
            "{key} is a derived key; create one with derived=false";
        SoftDeleted { key: String } => ErrorClass::KeyUnusable,
            "{key} is deleted (soft_deleted); restore it in Vault";
        SigningNotSupported { key: String } => ErrorClass::KeyUnusable,
            "{key} does not support signing; check its configuration in Vault";
        NoVersion { key: String, version: u64, newest: u64 } => ErrorClass::KeyUnusable,
            "{key} has no version {version}, its newest is {newest}; correct vaultTransit.version, or \
             restore the key of this CA";
        VersionDisabled { key: String, field: &'static str, min: u64, version: u64 } => ErrorClass::KeyUnusable,
            "{key} has {field} {min}, so version {version}, which is the one of this CA, can no \
             longer sign; lower {field} in Vault, or rotate to another version with \
             vaultTransit.version or spec.rotation.requestID";
        VersionGone { key: String, version: u64 } => ErrorClass::KeyUnusable,
            "{key} no longer has version {version}, which is the one of this CA; restore it in \
             Vault, or rotate to another version with vaultTransit.version or \
             spec.rotation.requestID";
        UnsupportedKey { key: String, why: String } => ErrorClass::KeyUnusable,
            "{key} is a key that Signet does not use: {why}";
        KeyChanged { key: String } => ErrorClass::KeyUnusable,
            "{key} has changed since it was connected; restore the key of this CA";
        InvalidPin => ErrorClass::KeyUnusable,
            "the CA generation names a version of the key that is not a number; restore it";
    }
}
