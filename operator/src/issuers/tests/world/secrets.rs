//! The Secrets that the world of a test has.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use parking_lot::Mutex;
use signet_core::mesh::secret::Entries;
use signet_keys::{GeneratedKey, KeyError, KeyType, Namespace, SecretData, ServiceAccountToken};

use crate::fixtures::ca;
use crate::fixtures::namespace::{no_config_map, no_token};

/// The Secrets of a namespace. A change of one is another version of it.
#[derive(Clone, Debug, Default)]
pub(in crate::issuers::tests) struct Secrets(Arc<Mutex<BTreeMap<String, Secret>>>);

#[derive(Clone, Debug, Default)]
struct Secret {
    version: u32,
    data: BTreeMap<String, Vec<u8>>,
}

impl Secrets {
    pub(in crate::issuers::tests) fn put(&self, name: &str, data: &[(&str, &str)]) {
        let mut secrets = self.0.lock();
        let secret = secrets.entry(name.to_owned()).or_default();
        secret.version += 1;
        let data = data
            .iter()
            .map(|(key, value)| ((*key).to_owned(), value.as_bytes().to_vec()));
        secret.data = data.collect();
    }

    pub(in crate::issuers::tests) fn text(&self, name: &str, key: &str) -> String {
        String::from_utf8(self.0.lock()[name].data[key].clone()).unwrap()
    }

    /// The entries of a Secret; none if it does not exist.
    pub(in crate::issuers::tests) fn entries(&self, name: &str) -> Entries {
        let secret = self.0.lock().get(name).cloned().unwrap_or_default();
        secret.data.into_iter().collect()
    }

    /// Removes entries of a Secret.
    pub(in crate::issuers::tests) fn remove(&self, name: &str, entries: &[String]) {
        let mut secrets = self.0.lock();
        let secret = secrets.get_mut(name).unwrap();
        secret.version += 1;
        secret.data.retain(|entry, _| !entries.contains(entry));
    }

    pub(in crate::issuers::tests) fn is_empty(&self) -> bool {
        self.0.lock().is_empty()
    }

    pub(in crate::issuers::tests) fn delete(&self, name: &str) {
        self.0.lock().remove(name);
    }

    /// Puts a CA that another program made into a Secret.
    pub(in crate::issuers::tests) fn put_pair(&self, name: &str, ca: &ca::Ca, roots: &str) {
        let (key, chain) = (ca.key_pem(), ca.pem.as_str());
        self.put(
            name,
            &[("tls.key", &key), ("tls.crt", chain), ("ca.crt", roots)],
        );
    }

    pub(in crate::issuers::tests) fn put_new_key(&self, name: &str) {
        let key = GeneratedKey::new(KeyType::EcdsaP256).unwrap();
        self.put(name, &[("tls.key", key.pem())]);
    }
}

impl Namespace for Secrets {
    fn secret<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<SecretData>, KeyError>> {
        let secret = self.0.lock().get(name).cloned();
        let data = secret.map(|secret| {
            let data: SecretData = secret.data.into_iter().collect();
            data.at(secret.version.to_string())
        });
        async { Ok(data) }.boxed()
    }

    fn config_map<'a>(
        &'a self,
        _: &'a str,
    ) -> BoxFuture<'a, Result<Option<BTreeMap<String, String>>, KeyError>> {
        no_config_map()
    }

    fn token<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<ServiceAccountToken, KeyError>> {
        no_token()
    }
}
