//! The modules that the operator may load: from its own configuration, never from the API.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde::Deserialize;

use crate::error::{ErrorClass, KeyError};

/// The operator's file of modules.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ModulesConfig {
    /// The modules.
    #[serde(default)]
    pub modules: Vec<ModuleConfig>,
}

/// A PKCS#11 module.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ModuleConfig {
    /// The name by which issuers use it, as a DNS label.
    pub name: String,
    /// The absolute path of the shared library.
    pub path: PathBuf,
    /// The labels or serial numbers of the tokens that may be used; all if absent.
    pub tokens: Option<Vec<String>>,
    /// The namespaces whose Issuers may use it; none, for ClusterIssuers alone, if absent.
    #[serde(default)]
    pub namespaces: Vec<String>,
}

/// What is wrong with the list of modules.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ModulesError {
    /// A name that no issuer can write.
    #[error(
        "the PKCS#11 module's name {0:?} is no DNS label; use lower-case letters, digits and hyphens"
    )]
    Name(String),
    /// Two modules of one name.
    #[error("two PKCS#11 modules are called {0}; give each a name of its own")]
    Duplicate(String),
    /// A path that depends on where the operator was started, or that the loader searches for.
    #[error("the path of the PKCS#11 module {0} is not absolute; write it from the root on")]
    Path(String),
    /// Nothing could be signed.
    #[error("a key needs at least one PKCS#11 session")]
    NoSessions,
}

/// The PKCS#11 modules that the operator's configuration lists.
#[derive(Debug, Default)]
pub struct Modules {
    modules: Vec<ModuleConfig>,
    #[cfg_attr(
        not(feature = "pkcs11"),
        allow(dead_code, reason = "there are no sessions")
    )]
    pub(crate) sessions_per_key: u16,
}

impl Modules {
    /// The modules of the operator's file, and how many sessions a key has at most.
    ///
    /// # Errors
    /// [`ModulesError`], which says what to change in the file.
    pub fn from_config(config: ModulesConfig, sessions_per_key: u16) -> Result<Self, ModulesError> {
        if sessions_per_key == 0 {
            return Err(ModulesError::NoSessions);
        }
        let mut names = BTreeSet::new();
        for module in &config.modules {
            if !is_dns_label(&module.name) {
                return Err(ModulesError::Name(module.name.clone()));
            }
            if !names.insert(&module.name) {
                return Err(ModulesError::Duplicate(module.name.clone()));
            }
            if !module.path.is_absolute() {
                return Err(ModulesError::Path(module.name.clone()));
            }
        }
        Ok(Self {
            modules: config.modules,
            sessions_per_key,
        })
    }

    /// The module of this name, if an issuer of this namespace (none for a ClusterIssuer) may use
    /// it. One that may not be used is answered like one that does not exist: which modules there
    /// are is none of a tenant's business.
    #[cfg_attr(not(feature = "pkcs11"), allow(dead_code, reason = "nobody asks"))]
    pub(crate) fn find(&self, name: &str, tenant: Option<&str>) -> Result<&ModuleConfig, KeyError> {
        let may_use = |module: &&ModuleConfig| match tenant {
            None => true,
            Some(namespace) => module.namespaces.iter().any(|listed| listed == namespace),
        };
        let named = self.modules.iter().find(|module| module.name == name);
        named.filter(may_use).ok_or_else(|| {
            let whose = match tenant {
                None => String::new(),
                Some(namespace) => format!(" for the namespace {namespace}"),
            };
            let sentence = format!(
                "there is no PKCS#11 module {name}{whose}; use one that the operator's \
                 configuration lists, or have it listed there"
            );
            KeyError::new(ErrorClass::KeyUnusable, sentence)
        })
    }
}

fn is_dns_label(name: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=63).contains(&name.len())
        && name.bytes().all(inner)
        && !name.starts_with('-')
        && !name.ends_with('-')
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn modules(json: serde_json::Value) -> Result<Modules, ModulesError> {
        Modules::from_config(serde_json::from_value(json).unwrap(), 4)
    }

    #[test]
    fn a_tenant_uses_what_is_listed_for_it_and_sees_nothing_else() {
        let modules = modules(json!({ "modules": [
            { "name": "a", "path": "/lib/a.so" },
            { "name": "b", "path": "/lib/b.so", "namespaces": ["team"], "tokens": ["t"] },
        ]}))
        .unwrap();
        let found = |name, tenant| modules.find(name, tenant).map(|module| &*module.name);
        assert_eq!(found("a", None), Ok("a"));
        assert_eq!(found("b", None), Ok("b"));
        assert_eq!(found("b", Some("team")), Ok("b"));
        let sentence = |name, tenant| found(name, tenant).unwrap_err().message;
        for tenant in ["other", "", "tea"] {
            assert!(found("b", Some(tenant)).is_err(), "{tenant}");
        }
        assert_eq!(
            sentence("a", Some("team")).replace("module a ", "module c "),
            sentence("c", Some("team")),
        );
    }

    #[test]
    fn a_list_that_cannot_be_meant_is_refused() {
        let refused = |json| modules(json).unwrap_err().to_string();
        let module = |name: &str, path: &str| json!({ "name": name, "path": path });
        let list = |modules: &[serde_json::Value]| json!({ "modules": modules });
        for name in ["", "A", "-a", "a-", "a.b", &"a".repeat(64)] {
            let sentence = refused(list(&[module(name, "/a.so")]));
            assert!(sentence.contains("no DNS label"), "{name}: {sentence}");
        }
        let twice = refused(list(&[module("a", "/a.so"), module("a", "/b.so")]));
        assert!(
            twice.starts_with("two PKCS#11 modules are called a"),
            "{twice}"
        );
        let relative = refused(list(&[module("a", "a.so")]));
        assert!(relative.contains("not absolute"), "{relative}");
        let none = Modules::from_config(ModulesConfig::default(), 0).unwrap_err();
        assert_eq!(none, ModulesError::NoSessions);
        let unknown = json!({ "modules": [{ "name": "a", "path": "/a.so", "slots": [1] }] });
        assert!(serde_json::from_value::<ModulesConfig>(unknown).is_err());
    }
}
