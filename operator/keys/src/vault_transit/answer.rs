//! What Vault answers, as far as Signet reads it.

use std::collections::BTreeMap;

use serde::de::Error;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use zeroize::Zeroizing;

/// What stands around each answer.
#[derive(Deserialize)]
pub(super) struct Answer<T> {
    pub(super) data: Option<T>,
    pub(super) auth: Option<Auth>,
}

/// What a login or a renewal gives.
#[derive(Deserialize)]
pub(super) struct Auth {
    #[serde(deserialize_with = "wiped")]
    pub(super) client_token: Zeroizing<String>,
    /// In seconds; 0 without end.
    #[serde(default)]
    pub(super) lease_duration: u64,
    #[serde(default)]
    pub(super) renewable: bool,
}

/// A token that goes into a header as it is.
fn wiped<'de, D: Deserializer<'de>>(text: D) -> Result<Zeroizing<String>, D::Error> {
    let text = String::deserialize(text).map(Zeroizing::new)?;
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(D::Error::custom("no token"));
    }
    Ok(text)
}

/// What a token knows of itself.
#[derive(Deserialize)]
pub(super) struct TokenData {
    /// In seconds; 0 without end.
    #[serde(default)]
    pub(super) ttl: u64,
    #[serde(default)]
    pub(super) renewable: Option<bool>,
}

/// A signature, in the form `vault:v1:BASE64`.
#[derive(Deserialize)]
pub(super) struct SignatureData {
    pub(super) signature: String,
}

/// A key of the Transit engine. The library's own type knows fewer kinds of keys.
#[derive(Deserialize)]
pub(super) struct KeyData {
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) keys: BTreeMap<String, Value>,
    pub(super) latest_version: u64,
    #[serde(default)]
    pub(super) min_available_version: u64,
    #[serde(default)]
    pub(super) min_decryption_version: u64,
    #[serde(default)]
    pub(super) min_encryption_version: u64,
    #[serde(default)]
    pub(super) supports_signing: bool,
    #[serde(default)]
    pub(super) derived: bool,
    #[serde(default)]
    pub(super) soft_deleted: bool,
    #[serde(default)]
    pub(super) exportable: bool,
}
