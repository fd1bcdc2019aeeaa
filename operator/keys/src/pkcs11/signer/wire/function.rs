//! The name of a PKCS#11 function, which conditions show. It is one of those that are called, so that
//! a process cannot have them show anything else.

use serde::Deserialize;
use serde::de::{Deserializer, Error};

/// The functions that the process calls, without their prefix.
const CALLED: [&str; 17] = [
    "CloseSession",
    "FindObjects",
    "FindObjectsFinal",
    "FindObjectsInit",
    "GetAttributeValue",
    "GetFunctionList",
    "GetInfo",
    "GetSessionInfo",
    "GetSlotList",
    "GetTokenInfo",
    "Initialize",
    "Login",
    "Logout",
    "OpenSession",
    "Sign",
    "SignInit",
    "SignFinal",
];

/// Whether a function of this name is called.
pub(in super::super) fn is_called(name: &str) -> bool {
    let name = name.strip_prefix("C_");
    name.is_some_and(|name| CALLED.contains(&name))
}

/// Reads a name.
pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<String, D::Error> {
    let name = String::deserialize(deserializer)?;
    match is_called(&name) {
        true => Ok(name),
        false => Err(D::Error::custom("no function")),
    }
}
