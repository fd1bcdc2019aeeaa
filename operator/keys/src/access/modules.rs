//! The PKCS#11 modules and tokens that the operator's configuration lists. Issuers name them; where
//! a module is, and what logs in to a token, is not part of the API.

mod check;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use futures::future::BoxFuture;
use serde::Deserialize;

pub use check::{ModulesError, TokenFault};

use crate::error::KeyError;
use crate::secrets::SecretData;

/// The file that lists the modules.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ModulesConfig {
    /// The modules.
    #[serde(default)]
    pub modules: Vec<ModuleConfig>,
}

/// A PKCS#11 module.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ModuleConfig {
    /// The name by which issuers use it, a DNS label.
    pub name: String,
    /// The absolute path of the shared library.
    pub path: PathBuf,
    /// The maximum number of sessions in all tokens of the module.
    #[serde(default = "max_sessions")]
    pub max_sessions: u16,
    /// The maximum number of sessions of one key, each on its own thread.
    #[serde(default = "max_sessions_per_key")]
    pub max_sessions_per_key: u16,
    /// The tokens that issuers may use. There is no other way to reach a token.
    pub tokens: Vec<TokenConfig>,
}

const fn max_sessions() -> u16 {
    16
}

const fn max_sessions_per_key() -> u16 {
    4
}

/// A token of a module. It has this label and this serial number, where both are given.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TokenConfig {
    /// The name by which issuers use it, a DNS label.
    pub name: String,
    /// The token's label.
    pub label: Option<String>,
    /// The token's serial number.
    pub serial: Option<String>,
    /// Where the PIN of the token's user comes from.
    pub pin: PinSource,
    /// The namespaces whose Issuers may use the token. ClusterIssuers may use every token.
    #[serde(default)]
    pub namespaces: Vec<String>,
}

/// Where a PIN comes from. White space around it does not count.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum PinSource {
    /// A Secret in the cluster resource namespace.
    Secret(PinSecret),
    /// A file, by its absolute path.
    File(PathBuf),
    /// An environment variable of the operator.
    Env(String),
}

/// A key of a Secret.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PinSecret {
    /// The Secret's name.
    pub name: String,
    /// The key in it.
    #[serde(default = "pin")]
    pub key: String,
}

fn pin() -> String {
    "pin".to_owned()
}

/// Reads Secrets of the cluster resource namespace, for PINs.
pub trait PinSecrets: fmt::Debug + Send + Sync {
    /// The Secret of that name, or none if there is no such Secret.
    fn secret<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<SecretData>, KeyError>>;
}

/// The modules and tokens that the operator's configuration lists.
#[derive(Debug, Default)]
pub struct Modules {
    modules: Vec<ModuleConfig>,
    #[cfg_attr(
        not(feature = "pkcs11"),
        allow(dead_code, reason = "without the backend no PIN is read")
    )]
    pub(crate) secrets: Option<Arc<dyn PinSecrets>>,
}

impl Modules {
    /// Reads the operator's list. PINs that are in Secrets are read from `secrets`.
    ///
    /// # Errors
    /// [`ModulesError`], which says what to change in the file.
    pub fn from_config(
        config: ModulesConfig,
        secrets: Arc<dyn PinSecrets>,
    ) -> Result<Self, ModulesError> {
        check::check(&config)?;
        Ok(Self {
            modules: config.modules,
            secrets: Some(secrets),
        })
    }

    /// Returns the token of this name, if an issuer of this namespace (none for a ClusterIssuer)
    /// may use it. None otherwise, whether it exists or not: a tenant must not learn which modules
    /// and tokens others have.
    #[cfg_attr(
        not(feature = "pkcs11"),
        allow(dead_code, reason = "only the backend looks tokens up")
    )]
    pub(crate) fn find(
        &self,
        module: &str,
        token: &str,
        tenant: Option<&str>,
    ) -> Option<(&ModuleConfig, &TokenConfig)> {
        let module = self.modules.iter().find(|it| it.name == module)?;
        let token = module.tokens.iter().find(|it| it.name == token)?;
        let may_use = match tenant {
            None => true,
            Some(namespace) => token.namespaces.iter().any(|listed| listed == namespace),
        };
        may_use.then_some((module, token))
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use serde_json::json;

    use super::*;

    #[derive(Debug)]
    struct NoSecrets;

    impl PinSecrets for NoSecrets {
        fn secret<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Option<SecretData>, KeyError>> {
            async { Ok(None) }.boxed()
        }
    }

    fn modules() -> Modules {
        let list = json!({ "modules": [
            { "name": "a", "path": "/lib/a.so", "tokens": [
                { "name": "root", "label": "root", "pin": { "env": "PIN" } },
                { "name": "team", "label": "team", "pin": { "file": "/pin" },
                  "namespaces": ["team"] },
            ]},
            { "name": "b", "path": "/lib/b.so", "tokens": [
                { "name": "root", "serial": "1", "pin": { "secret": { "name": "pin" } } },
            ]},
        ]});
        let config = serde_json::from_value(list).unwrap();
        Modules::from_config(config, Arc::new(NoSecrets)).unwrap()
    }

    #[test]
    fn cluster_issuers_use_every_listed_token() {
        let modules = modules();
        for (module, token) in [("a", "root"), ("a", "team"), ("b", "root")] {
            let (found, _) = modules.find(module, token, None).unwrap();
            assert_eq!(found.name, module);
        }
        for (module, token) in [("b", "team"), ("c", "root"), ("a", ""), ("", "root")] {
            assert!(modules.find(module, token, None).is_none());
        }
    }

    #[test]
    fn a_tenant_finds_the_tokens_that_list_its_namespace() {
        let modules = modules();
        assert!(modules.find("a", "team", Some("team")).is_some());
        for tenant in ["other", "", "tea", "teams"] {
            assert!(
                modules.find("a", "team", Some(tenant)).is_none(),
                "{tenant}"
            );
        }
        for (module, token) in [("a", "root"), ("b", "root")] {
            assert!(modules.find(module, token, Some("team")).is_none());
        }
    }

    #[test]
    fn a_pin_in_a_secret_is_under_the_key_pin_by_default() {
        let modules = modules();
        let (_, token) = modules.find("b", "root", None).unwrap();
        let secret = PinSecret {
            name: "pin".to_owned(),
            key: "pin".to_owned(),
        };
        assert_eq!(token.pin, PinSource::Secret(secret));
    }
}
