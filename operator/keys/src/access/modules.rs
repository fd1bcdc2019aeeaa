//! The PKCS#11 modules and tokens that the operator's configuration lists. Issuers name them; where
//! a module is, and what logs in to a token, is not part of the API.
#![cfg_attr(
    not(feature = "pkcs11"),
    allow(dead_code, reason = "only the backend reads the list")
)]

mod check;
mod program;

#[cfg(feature = "pkcs11")]
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use futures::future::BoxFuture;
#[cfg(feature = "pkcs11")]
use parking_lot::Mutex;
use serde::Deserialize;

pub use check::{ModulesError, ModulesFault};
pub use program::{ModuleProcess, ModuleProgram};

use crate::error::KeyError;
#[cfg(feature = "pkcs11")]
use crate::pkcs11::Module;
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
    /// The maximum number of sessions of the keys that Issuers of one namespace use, and no
    /// ClusterIssuer; half of `maxSessions` by default.
    pub max_sessions_per_namespace: Option<u16>,
    /// The tokens that issuers may use. There is no other way to reach a token.
    pub tokens: Vec<TokenConfig>,
}

impl ModuleConfig {
    /// The maximum number of sessions of one namespace.
    pub fn sessions_per_namespace(&self) -> u16 {
        let half = (self.max_sessions / 2).max(1);
        self.max_sessions_per_namespace.unwrap_or(half)
    }
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

/// For the operator's log.
impl fmt::Display for PinSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Secret(PinSecret { name, key }) => write!(f, "the Secret {name}, key {key}"),
            Self::File(path) => write!(f, "the file {}", path.display()),
            Self::Env(name) => write!(f, "the environment variable {name}"),
        }
    }
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
    pub(crate) secrets: Option<Arc<dyn PinSecrets>>,
    program: ModuleProgram,
    /// The modules that were used, by name.
    #[cfg(feature = "pkcs11")]
    used: Mutex<BTreeMap<String, Arc<Module>>>,
}

impl Modules {
    /// Reads the operator's list. PINs that are in Secrets are read from `secrets`, and each module
    /// runs in a process of `program`.
    ///
    /// # Errors
    /// [`ModulesError`], which says what to change in the file.
    pub fn from_config(
        config: ModulesConfig,
        secrets: Arc<dyn PinSecrets>,
        program: ModuleProgram,
    ) -> Result<Self, ModulesError> {
        check::check(&config)?;
        Ok(Self {
            modules: config.modules,
            secrets: Some(secrets),
            program,
            #[cfg(feature = "pkcs11")]
            used: Mutex::default(),
        })
    }

    /// The processes of the modules that were used.
    pub fn processes(&self) -> Vec<ModuleProcess> {
        #[cfg(feature = "pkcs11")]
        let processes = self.used.lock().values().map(|it| it.observe()).collect();
        #[cfg(not(feature = "pkcs11"))]
        let processes = Vec::new();
        processes
    }

    /// A module of the list, with its threads and its process. All issuers share it.
    #[cfg(feature = "pkcs11")]
    pub(crate) fn running(&self, module: &ModuleConfig) -> Arc<Module> {
        let mut used = self.used.lock();
        let running = used.entry(module.name.clone());
        running.or_insert_with(|| self.start(module)).clone()
    }

    #[cfg(feature = "pkcs11")]
    fn start(&self, module: &ModuleConfig) -> Arc<Module> {
        let before = self.modules.iter().take_while(|it| it.name != module.name);
        let others = before.map(|other| other.path.clone()).collect();
        let tokens = self.modules.iter().flat_map(|module| &module.tokens);
        let hidden = tokens.filter_map(|token| match &token.pin {
            PinSource::Env(name) => Some(name.clone()),
            PinSource::Secret(_) | PinSource::File(_) => None,
        });
        let hidden = hidden.collect();
        Arc::new(Module::new(module, others, hidden, &self.program))
    }

    /// Returns the token of this name, if an issuer of this namespace (none for a ClusterIssuer)
    /// may use it. None otherwise, whether it exists or not: a tenant must not learn which modules
    /// and tokens others have.
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

/// Ends the processes. Nothing waits for them any more, but calls that hang may be left.
#[cfg(feature = "pkcs11")]
impl Drop for Modules {
    fn drop(&mut self) {
        for module in self.used.get_mut().values() {
            module.end();
        }
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
        Modules::from_config(config, Arc::new(NoSecrets), ModuleProgram::default()).unwrap()
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
    fn a_namespace_has_half_of_the_sessions_by_default() {
        let of = |limits: serde_json::Value| {
            let mut module = json!({ "name": "a", "path": "/a.so", "tokens": [] });
            let fields = limits.as_object().unwrap().clone();
            module.as_object_mut().unwrap().extend(fields);
            let module: ModuleConfig = serde_json::from_value(module).unwrap();
            module.sessions_per_namespace()
        };
        assert_eq!(of(json!({})), 8);
        assert_eq!(of(json!({ "maxSessions": 1 })), 1);
        assert_eq!(of(json!({ "maxSessions": 5 })), 2);
        assert_eq!(of(json!({ "maxSessionsPerNamespace": 3 })), 3);
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
