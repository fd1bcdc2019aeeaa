//! Secrets in memory.

use std::collections::BTreeMap;

use futures::FutureExt;
use futures::future::BoxFuture;
use signet_keys::{KeyError, SecretData, Secrets};

/// The Secrets of a namespace.
#[derive(Default)]
pub(crate) struct MemorySecrets(BTreeMap<String, SecretData>);

impl MemorySecrets {
    /// One Secret with one entry.
    pub(crate) fn with(name: &str, key: &str, value: &[u8]) -> Self {
        let data = [(key, value.to_vec())].into_iter().collect();
        Self([(name.to_owned(), data)].into())
    }
}

impl Secrets for MemorySecrets {
    fn read<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<SecretData>, KeyError>> {
        async { Ok(self.0.get(name).cloned()) }.boxed()
    }
}
