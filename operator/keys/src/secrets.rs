//! Secrets as a backend reads them: one by one, out of one namespace.

use std::collections::BTreeMap;
use std::fmt;

use futures::future::BoxFuture;
use zeroize::Zeroizing;

use crate::error::KeyError;

/// Reads Secrets of the one namespace that an issuer may read from.
pub trait Secrets: Send + Sync {
    /// The Secret's data, or none if there is no such Secret.
    fn read<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<SecretData>, KeyError>>;
}

/// The data of a Secret. It is wiped when dropped, and `Debug` shows the keys alone.
#[derive(Clone, Default)]
pub struct SecretData(BTreeMap<String, Zeroizing<Vec<u8>>>);

impl SecretData {
    /// The value under `key`.
    pub fn get(&self, key: &str) -> Option<&[u8]> {
        self.0.get(key).map(|value| value.as_slice())
    }
}

impl<K: Into<String>> FromIterator<(K, Vec<u8>)> for SecretData {
    fn from_iter<I: IntoIterator<Item = (K, Vec<u8>)>>(entries: I) -> Self {
        let wrapped = entries
            .into_iter()
            .map(|(key, value)| (key.into(), Zeroizing::new(value)));
        Self(wrapped.collect())
    }
}

impl fmt::Debug for SecretData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_value() {
        let data: SecretData = [("tls.key", b"s3cr3t".to_vec())].into_iter().collect();
        assert_eq!(format!("{data:?}"), r#"{"tls.key"}"#);
    }
}
