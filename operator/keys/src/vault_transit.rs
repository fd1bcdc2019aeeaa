//! A key in the Transit secrets engine of HashiCorp Vault or OpenBao.

#[cfg(feature = "vault")]
mod api;
#[cfg(feature = "vault")]
mod error;
#[cfg(feature = "vault")]
mod key;
#[cfg(feature = "samples")]
mod samples;
#[cfg(feature = "vault")]
mod signer;

use futures::future::BoxFuture;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[cfg(feature = "vault")]
pub use error::VaultTransitError;

use crate::access::{Access, KeyPin};
use crate::backend::{Backend, Connected};
use crate::error::KeyError;
use crate::guard::Limits;
use crate::rsa_hash::RsaHash;
use crate::vault::{PATH, VaultConnection};

/// A key in the Transit secrets engine of HashiCorp Vault or OpenBao.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct VaultTransit {
    /// The server and the login.
    #[serde(flatten)]
    pub connection: VaultConnection,
    /// The path at which the Transit engine is mounted. Defaults to `transit`.
    #[serde(default = "transit")]
    #[schemars(length(min = 1, max = 253), extend("x-kubernetes-validations" = [{
        "rule": PATH,
        "message": "write the path of the mount: letters, digits, '_', '-' and '.', separated by '/'",
    }]))]
    pub mount: String,
    /// The name of the key.
    #[schemars(length(min = 1, max = 253), extend("x-kubernetes-validations" = [{
        "rule": "self.matches('^[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?$')",
        "message": "write the name of a Transit key: letters, digits, '_', '-' and '.'",
    }]))]
    pub name: String,
    /// The version of the key. Defaults to the newest version when the issuer first connects. After
    /// a rotation in Vault, the CA keeps its version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 2_147_483_647))]
    pub version: Option<u32>,
}

fn transit() -> String {
    "transit".to_owned()
}

impl Backend for VaultTransit {
    fn name(&self) -> &'static str {
        "vaultTransit"
    }

    /// The path of the key: Vault takes a namespace as a header or, like here, as part of the path.
    /// A server that is called elsewhere from now on has the same keys; one that has others is
    /// found out by the key itself.
    fn reference(&self) -> String {
        let path = |path: &str| path.trim_end_matches('/').to_owned();
        let namespace = self
            .connection
            .namespace
            .as_deref()
            .map(path)
            .map(|path| path + "/");
        let version = self.version.map(|version| format!("#{version}"));
        format!(
            "vaultTransit/{}{}/keys/{}{}",
            namespace.unwrap_or_default(),
            path(&self.mount),
            self.name,
            version.unwrap_or_default()
        )
    }

    fn spec_hint(&self) -> String {
        let version = self.version.map(|version| version.to_string());
        let fields = [
            ("address", Some(&self.connection.address)),
            ("mount", Some(&self.mount)),
            ("name", Some(&self.name)),
            ("version", version.as_ref()),
            ("namespace", self.connection.namespace.as_ref()),
        ];
        let fields = fields.into_iter().filter_map(|(name, value)| {
            let value = value?;
            Some(format!("vaultTransit.{name}: {value}"))
        });
        fields.collect::<Vec<_>>().join(", ")
    }

    fn limits(&self) -> Limits {
        Limits {
            per_second: None,
            max_in_flight: 32,
            per_tenant: None,
        }
    }

    #[cfg(feature = "vault")]
    fn connect<'a>(
        &'a self,
        rsa_hash: RsaHash,
        access: &'a Access,
        known: &'a KeyPin,
    ) -> BoxFuture<'a, Result<Connected, KeyError>> {
        Box::pin(signer::connect(self, rsa_hash, access, known))
    }

    #[cfg(not(feature = "vault"))]
    fn connect<'a>(
        &'a self,
        _rsa_hash: RsaHash,
        _access: &'a Access,
        _known: &'a KeyPin,
    ) -> BoxFuture<'a, Result<Connected, KeyError>> {
        crate::backend::built_without("vault")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn config(fields: &Value) -> Value {
        let mut config = json!({
            "address": "https://vault:8200/",
            "name": "ca",
            "auth": { "tokenRef": { "name": "vault", "key": "token" } },
        });
        let fields = fields.as_object().unwrap().clone();
        config.as_object_mut().unwrap().extend(fields);
        config
    }

    fn read(fields: &Value) -> VaultTransit {
        serde_json::from_value(config(fields)).unwrap()
    }

    #[test]
    fn a_reference_names_the_key_and_not_the_login() {
        let plain = read(&json!({})).reference();
        assert_eq!(plain, "vaultTransit/transit/keys/ca");
        let other = json!({
            "address": "https://vault.another.example",
            "mount": "transit/",
            "auth": { "appRole": { "roleId": "r", "secretIdRef": { "name": "s", "key": "k" } } },
        });
        assert_eq!(read(&other).reference(), plain);
        let full = json!({ "mount": "a/b", "namespace": "team/pki/", "version": 3 });
        assert_eq!(
            read(&full).reference(),
            "vaultTransit/team/pki/a/b/keys/ca#3"
        );
    }

    #[test]
    fn it_is_written_as_it_is_read() {
        for auth in [
            json!({ "tokenRef": { "name": "vault", "key": "token" } }),
            json!({ "appRole": {
                "roleId": "r", "mount": "approle", "secretIdRef": { "name": "s", "key": "k" },
            } }),
            json!({ "kubernetes": {
                "role": "r", "mount": "kubernetes", "serviceAccountRef": { "name": "ca" },
            } }),
            json!({ "jwt": {
                "role": "r", "mount": "jwt", "tokenRef": { "name": "s", "key": "k" },
            } }),
            json!({ "jwt": {
                "role": "r", "mount": "jwt", "serviceAccountRef": { "name": "ca" },
            } }),
            json!({ "certificate": { "name": "r", "mount": "cert", "secretName": "tls" } }),
        ] {
            let written = config(&json!({
                "auth": auth, "mount": "transit", "version": 2,
            }));
            let read: VaultTransit = serde_json::from_value(written.clone()).unwrap();
            assert_eq!(json!(read), written);
        }
    }

    /// A credential has no field of its own: all that is taken are names.
    #[test]
    fn the_schema_has_no_place_for_a_credential() {
        let schema = json!(schemars::schema_for!(VaultTransit));
        let mut names = Vec::new();
        properties(&schema, &mut names);
        for name in [
            "token",
            "jwtToken",
            "secretId",
            "password",
            "insecure",
            "skipVerify",
        ] {
            assert!(
                !names.iter().any(|found| found == name),
                "{name}: {names:?}"
            );
        }
        for name in ["tokenRef", "secretIdRef", "serviceAccountRef", "secretName"] {
            assert!(names.iter().any(|found| found == name), "{name}: {names:?}");
        }
    }

    fn properties(schema: &Value, names: &mut Vec<String>) {
        match schema {
            Value::Object(fields) => {
                if let Some(Value::Object(properties)) = fields.get("properties") {
                    names.extend(properties.keys().cloned());
                }
                fields.values().for_each(|value| properties(value, names));
            }
            Value::Array(values) => values.iter().for_each(|value| properties(value, names)),
            _ => {}
        }
    }
}
