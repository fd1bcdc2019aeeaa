//! A key in a PKCS#11 token: an HSM.

#[cfg(feature = "pkcs11")]
mod signer;

use std::fmt::Write as _;

use futures::future::BoxFuture;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[cfg(feature = "pkcs11")]
pub(crate) use signer::Module;
#[cfg(feature = "pkcs11")]
pub use signer::{ModuleStop, Pkcs11Error, Pkcs11Fault, run_pkcs11_module};

use crate::access::{Access, KeyPin};
use crate::backend::{Backend, Connected};
use crate::error::KeyError;
use crate::guard::Limits;
use crate::rsa_hash::RsaHash;

/// A key in a PKCS#11 token, such as an HSM.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [{
    "rule": "has(self.keyLabel) || has(self.keyId)",
    "message": "set keyLabel, keyId or both",
}]))]
pub struct Pkcs11 {
    /// The module, by its name in the operator's configuration.
    #[schemars(length(min = 1, max = 63), extend("x-kubernetes-validations" = [{
        "rule": "self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')",
        "message": "write the name of a module in the operator's configuration: lowercase letters, digits and hyphens",
    }]))]
    pub module: String,
    /// The token, by its name in the operator's configuration, which contains its PIN and the
    /// namespaces whose Issuers may use it. An Issuer may use every key in a token that lists its
    /// namespace. A ClusterIssuer may use every token.
    #[schemars(length(min = 1, max = 63), extend("x-kubernetes-validations" = [{
        "rule": "self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')",
        "message": "write the name of a token in the operator's configuration: lowercase letters, digits and hyphens",
    }]))]
    pub token: String,
    /// The label of the private key (CKA_LABEL). With `keyId`, both must match.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 255))]
    pub key_label: Option<String>,
    /// The id of the private key (CKA_ID), in hexadecimal. With `keyLabel`, both must match.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2, max = 510), extend("x-kubernetes-validations" = [{
        "rule": "self.matches('^([0-9a-fA-F][0-9a-fA-F])+$')",
        "message": "write the key's id in hexadecimal, two digits per byte, such as 0a1b",
    }]))]
    pub key_id: Option<String>,
}

impl Backend for Pkcs11 {
    fn name(&self) -> &'static str {
        "pkcs11"
    }

    /// The key's attributes are written as in a PKCS#11 URI (RFC 7512).
    fn reference(&self) -> String {
        let mut reference = format!("pkcs11/{}/{}", self.module, self.token);
        let mut attribute = |name: &str, value: Option<&str>| {
            if let Some(value) = value {
                let _ = write!(reference, ";{name}={}", percent_encoded(value));
            }
        };
        attribute("object", self.key_label.as_deref());
        let id = self.key_id.as_deref().map(str::to_ascii_lowercase);
        attribute("id", id.as_deref());
        reference
    }

    fn spec_hint(&self) -> String {
        let fields = [
            ("module", Some(&self.module)),
            ("token", Some(&self.token)),
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
            max_in_flight: 16,
            per_tenant: None,
        }
    }

    #[cfg(feature = "pkcs11")]
    fn connect<'a>(
        &'a self,
        rsa_hash: RsaHash,
        access: &'a Access,
        known: &'a KeyPin,
    ) -> BoxFuture<'a, Result<Connected, KeyError>> {
        Box::pin(async move {
            let signer = signer::Pkcs11Signer::connect(self, rsa_hash, access, known).await?;
            Connected::to(std::sync::Arc::new(signer))
        })
    }

    #[cfg(not(feature = "pkcs11"))]
    fn connect<'a>(
        &'a self,
        _rsa_hash: RsaHash,
        _access: &'a Access,
        _known: &'a KeyPin,
    ) -> BoxFuture<'a, Result<Connected, KeyError>> {
        crate::backend::built_without("pkcs11")
    }
}

/// Encodes all but the unreserved characters of RFC 3986, so that no two keys have one reference.
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
    fn a_reference_identifies_one_key() {
        let key = |json| serde_json::from_value::<Pkcs11>(json).unwrap();
        let by_label = key(serde_json::json!({
            "module": "softhsm", "token": "signet", "keyLabel": "c;id=01",
        }));
        assert_eq!(
            by_label.reference(),
            "pkcs11/softhsm/signet;object=c%3Bid%3D01"
        );
        assert_eq!(
            by_label.spec_hint(),
            "pkcs11.module: softhsm, pkcs11.token: signet, pkcs11.keyLabel: c;id=01"
        );
        let by_id = key(serde_json::json!({
            "module": "softhsm", "token": "signet", "keyId": "0A1b",
        }));
        assert_eq!(by_id.reference(), "pkcs11/softhsm/signet;id=0a1b");
    }
}
