//! A namespace in memory, which can be changed under way.
#![allow(dead_code, reason = "a build with few features has few backends")]

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use parking_lot::{Mutex, MutexGuard};
use signet_keys::{
    Access, Addresses, KeyError, Namespace, PinSecrets, SecretData, ServiceAccountToken,
};

/// Where tokens come from: from the name of a ServiceAccount to its token.
type Tokens =
    Arc<dyn Fn(String) -> BoxFuture<'static, Result<ServiceAccountToken, KeyError>> + Send + Sync>;

/// What an issuer of this namespace may use, as an operator without any restriction gives it.
/// Others are made from it: `Access { tenant: Some(…), ..access(namespace) }`.
pub(crate) fn access(namespace: Arc<Memory>) -> Access {
    Access {
        namespace,
        tenant: None,
        ambient_credentials: false,
        addresses: Addresses::Any,
        proxy: None,
        modules: Arc::default(),
        loading: Arc::default(),
        signing: Arc::default(),
    }
}

/// The Secrets, ConfigMaps and tokens of a namespace.
#[derive(Default)]
pub(crate) struct Memory(Mutex<Content>);

#[derive(Default)]
struct Content {
    secrets: BTreeMap<String, SecretData>,
    config_maps: BTreeMap<String, BTreeMap<String, String>>,
    tokens: Option<Tokens>,
    refusal: Option<KeyError>,
    /// How many changes there were, which are the versions of the Secrets.
    changes: u64,
    /// What was asked for, in this order.
    asked: Vec<String>,
}

impl Memory {
    /// A namespace with one Secret with one entry.
    pub(crate) fn with(name: &str, key: &str, value: &[u8]) -> Arc<Self> {
        let memory = Arc::new(Self::default());
        memory.put(name, &[(key, value)]);
        memory
    }

    /// Makes or replaces a Secret. It has a version that no Secret had before, which is given.
    pub(crate) fn put(&self, name: &str, entries: &[(&str, &[u8])]) -> String {
        let mut content = self.content();
        content.changes += 1;
        let version = content.changes.to_string();
        let data: SecretData = entries
            .iter()
            .map(|(key, value)| (*key, value.to_vec()))
            .collect();
        content
            .secrets
            .insert(name.to_owned(), data.at(version.clone()));
        version
    }

    /// Deletes a Secret.
    pub(crate) fn remove(&self, name: &str) {
        self.content().secrets.remove(name);
    }

    /// Makes or replaces a ConfigMap.
    pub(crate) fn put_config_map(&self, name: &str, entries: &[(&str, &str)]) {
        let data = entries
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        self.content()
            .config_maps
            .insert(name.to_owned(), data.collect());
    }

    /// Gives tokens from now on; by itself a namespace has none. What is asked for is the name of
    /// the ServiceAccount.
    pub(crate) fn set_tokens<F, A>(&self, tokens: F)
    where
        F: Fn(String) -> A + Send + Sync + 'static,
        A: Future<Output = Result<ServiceAccountToken, KeyError>> + Send + 'static,
    {
        self.content().tokens = Some(Arc::new(move |account| tokens(account).boxed()));
    }

    /// From now on, returns this error to every call; or no longer.
    pub(crate) fn refuse(&self, refusal: Option<KeyError>) {
        self.content().refusal = refusal;
    }

    /// What was asked for since this was last called, in this order: `secret/NAME`,
    /// `configmap/NAME`, `token/SERVICEACCOUNT`.
    pub(crate) fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.content().asked)
    }

    fn content(&self) -> MutexGuard<'_, Content> {
        self.0.lock()
    }

    /// Notes the question, and gives the content unless everything is refused.
    fn ask(&self, kind: &str, name: &str) -> Result<MutexGuard<'_, Content>, KeyError> {
        let mut content = self.content();
        content.asked.push(format!("{kind}/{name}"));
        match &content.refusal {
            Some(refusal) => Err(refusal.clone()),
            None => Ok(content),
        }
    }
}

impl Namespace for Memory {
    fn secret<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<SecretData>, KeyError>> {
        async move { Ok(self.ask("secret", name)?.secrets.get(name).cloned()) }.boxed()
    }

    fn config_map<'a>(
        &'a self,
        name: &'a str,
    ) -> BoxFuture<'a, Result<Option<BTreeMap<String, String>>, KeyError>> {
        async move { Ok(self.ask("configmap", name)?.config_maps.get(name).cloned()) }.boxed()
    }

    fn token<'a>(
        &'a self,
        service_account: &'a str,
    ) -> BoxFuture<'a, Result<ServiceAccountToken, KeyError>> {
        async move {
            let tokens = self.ask("token", service_account)?.tokens.clone();
            let tokens = tokens.expect("a test that needs tokens sets them");
            tokens(service_account.to_owned()).await
        }
        .boxed()
    }
}

impl PinSecrets for Memory {
    fn secret<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<SecretData>, KeyError>> {
        Namespace::secret(self, name)
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory")
            .field("secrets", &self.content().secrets)
            .finish_non_exhaustive()
    }
}
