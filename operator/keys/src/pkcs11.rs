//! A key in a PKCS#11 token: an HSM.
//!
//! Nothing of PKCS#11 runs on a thread of the async runtime: a module is foreign code that may
//! hang. What may hang is called on threads of this backend, each with one session, and the async
//! side waits for an answer with a deadline.

#[cfg(feature = "pkcs11")]
mod connect;
#[cfg(feature = "pkcs11")]
mod fault;
#[cfg(feature = "pkcs11")]
mod guesses;
#[cfg(feature = "pkcs11")]
mod key;
#[cfg(feature = "pkcs11")]
mod library;
#[cfg(feature = "pkcs11")]
mod login;
#[cfg(feature = "pkcs11")]
mod mechanism;
#[cfg(feature = "pkcs11")]
mod pin_digest;
#[cfg(feature = "pkcs11")]
mod pool;
#[cfg(feature = "pkcs11")]
mod public_key;
#[cfg(feature = "pkcs11")]
mod refused;
#[cfg(feature = "pkcs11")]
mod registry;
#[cfg(feature = "pkcs11")]
mod session;
#[cfg(feature = "pkcs11")]
mod signer;
#[cfg(feature = "pkcs11")]
mod token;
#[cfg(feature = "pkcs11")]
mod worker;

use std::fmt::Write as _;

use futures::future::BoxFuture;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::backend::{Backend, Connected};
use crate::error::KeyError;
use crate::guard::Limits;
use crate::reach::{Known, Reach};
use crate::rsa_hash::RsaHash;

/// A key in a PKCS#11 token: an HSM.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [
    {
        "rule": "has(self.tokenLabel) != has(self.tokenSerial)",
        "message": "name exactly one of: tokenLabel, tokenSerial",
    },
    {
        "rule": "has(self.keyLabel) || has(self.keyId)",
        "message": "name the key by keyLabel, keyId or both",
    },
]))]
pub struct Pkcs11 {
    /// The module, by its name in the operator's own list of modules. A path cannot be written
    /// here. An Issuer may use the modules that the list allows to its namespace.
    #[schemars(length(min = 1, max = 63), extend("x-kubernetes-validations" = [{
        "rule": "self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')",
        "message": "write the name of a module in the operator's list: lower-case letters, digits and hyphens",
    }]))]
    pub module: String,
    /// The token, by its label. Either this or `tokenSerial`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 32))]
    pub token_label: Option<String>,
    /// The token, by its serial number. Either this or `tokenLabel`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 16))]
    pub token_serial: Option<String>,
    /// The label of the private key (CKA_LABEL). With `keyId`, both must fit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 255))]
    pub key_label: Option<String>,
    /// The id of the private key (CKA_ID), in hex. With `keyLabel`, both must fit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2, max = 510), extend("x-kubernetes-validations" = [{
        "rule": "self.matches('^([0-9a-fA-F][0-9a-fA-F])+$')",
        "message": "write the key's id in hex, two digits a byte, such as 0a1b",
    }]))]
    pub key_id: Option<String>,
    /// The Secret that holds the PIN of the token's user. It is in the Issuer's namespace; for a
    /// ClusterIssuer, in the cluster resource namespace. A login is that of the whole operator:
    /// all issuers of a token need the same PIN. A PIN that the token refused is not tried again
    /// until the Secret changes, since a token locks itself after a few wrong ones.
    pub pin_secret_ref: PinReference,
    /// The hash with which an RSA key signs; SHA256 by default. Other keys have their own.
    #[serde(default)]
    pub rsa_hash: RsaHash,
}

/// A key of a Secret that holds a PIN.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PinReference {
    /// The name of the Secret.
    #[schemars(length(min = 1, max = 253), extend("x-kubernetes-validations" = [{
        "rule": "self.matches('^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$')",
        "message": "write the name of a Secret: lower-case letters, digits, hyphens and dots",
    }]))]
    pub name: String,
    /// The key in the Secret under which the PIN is; `pin` by default. White space around the PIN
    /// does not count.
    #[serde(default = "pin")]
    #[schemars(length(min = 1, max = 253))]
    pub key: String,
}

fn pin() -> String {
    "pin".to_owned()
}

impl Backend for Pkcs11 {
    fn name(&self) -> &'static str {
        "pkcs11"
    }

    /// The attributes are written as in a PKCS#11 URI (RFC 7512).
    fn reference(&self) -> String {
        let mut reference = format!("pkcs11/{}", self.module);
        let mut part = |separator: char, name: &str, value: Option<&str>| {
            if let Some(value) = value {
                let _ = write!(reference, "{separator}{name}={}", percent_encoded(value));
            }
        };
        part('/', "token", self.token_label.as_deref());
        part('/', "serial", self.token_serial.as_deref());
        part(';', "object", self.key_label.as_deref());
        let id = self.key_id.as_deref().map(str::to_ascii_lowercase);
        part(';', "id", id.as_deref());
        reference
    }

    fn described(&self) -> String {
        let fields = [
            ("module", Some(&self.module)),
            ("tokenLabel", self.token_label.as_ref()),
            ("tokenSerial", self.token_serial.as_ref()),
            ("keyLabel", self.key_label.as_ref()),
            ("keyId", self.key_id.as_ref()),
        ];
        let named = fields
            .into_iter()
            .filter_map(|(name, value)| Some(format!("pkcs11.{name}: {}", value?)));
        named.collect::<Vec<_>>().join(", ")
    }

    /// More than the sessions that one key has, so that each of them has the next signature at
    /// hand; and few enough that a slow HSM does not keep them waiting beyond a call's deadline.
    fn limits(&self) -> Limits {
        Limits {
            per_second: None,
            at_once: 16,
        }
    }

    #[cfg(feature = "pkcs11")]
    fn connect<'a>(
        &'a self,
        reach: &'a Reach,
        known: &'a Known,
    ) -> BoxFuture<'a, Result<Connected, KeyError>> {
        Box::pin(connect::connect(self, reach, known))
    }

    #[cfg(not(feature = "pkcs11"))]
    fn connect<'a>(
        &'a self,
        _reach: &'a Reach,
        _known: &'a Known,
    ) -> BoxFuture<'a, Result<Connected, KeyError>> {
        crate::backend::built_without("pkcs11")
    }
}

/// All but the unreserved characters of RFC 3986, so that no two keys have one reference.
fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_is_one_key_and_says_nothing_of_the_login() {
        let key = |json| serde_json::from_value::<Pkcs11>(json).unwrap();
        let by_label = key(serde_json::json!({
            "module": "softhsm", "tokenLabel": "a/b", "keyLabel": "c;id=01",
            "pinSecretRef": { "name": "pin-of-a" },
        }));
        assert_eq!(
            by_label.reference(),
            "pkcs11/softhsm/token=a%2Fb;object=c%3Bid%3D01"
        );
        assert_eq!(
            by_label.described(),
            "pkcs11.module: softhsm, pkcs11.tokenLabel: a/b, pkcs11.keyLabel: c;id=01"
        );
        assert_eq!(by_label.pin_secret_ref.key, "pin");
        let by_id = key(serde_json::json!({
            "module": "softhsm", "tokenSerial": "00ff", "keyId": "0A1b",
            "pinSecretRef": { "name": "pin-of-a", "key": "user" },
        }));
        assert_eq!(by_id.reference(), "pkcs11/softhsm/serial=00ff;id=0a1b");
    }
}
