//! The name of a PKCS#11 function.

use serde::de::{Deserializer, Error};
use serde::{Deserialize, Serializer};

pub(in super::super) fn serialize<S: Serializer>(
    name: &str,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(name)
}

/// Reads a name, which conditions show.
pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<String, D::Error> {
    let name = String::deserialize(deserializer)?;
    let rest = name.strip_prefix("C_").unwrap_or_default();
    let is_name = rest.bytes().all(|byte| byte.is_ascii_alphanumeric());
    match is_name && (1..=48).contains(&rest.len()) {
        true => Ok(name),
        false => Err(D::Error::custom("no function")),
    }
}
