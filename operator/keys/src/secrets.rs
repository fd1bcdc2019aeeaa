//! What a Secret holds, as a backend reads it.

use std::collections::BTreeMap;
use std::fmt;

use zeroize::Zeroizing;

/// The data of a Secret. It is wiped when dropped, and `Debug` shows the keys alone.
#[derive(Clone, Default)]
pub struct SecretData {
    entries: BTreeMap<String, Zeroizing<Vec<u8>>>,
    version: String,
}

impl SecretData {
    /// The value under `key`.
    pub fn get(&self, key: &str) -> Option<&[u8]> {
        self.entries.get(key).map(|value| value.as_slice())
    }

    /// The value under `key` as text without the white space around it, which editors and
    /// `kubectl create secret --from-file` leave there. None if it is missing, empty or no UTF-8.
    pub fn text(&self, key: &str) -> Option<&str> {
        let text = std::str::from_utf8(self.get(key)?).ok()?.trim();
        (!text.is_empty()).then_some(text)
    }

    /// The Secret's UID and resourceVersion: another one for each change of it.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The same data, read at this version of the Secret.
    #[must_use]
    pub fn at(self, version: impl Into<String>) -> Self {
        Self {
            version: version.into(),
            ..self
        }
    }
}

impl<K: Into<String>> FromIterator<(K, Vec<u8>)> for SecretData {
    fn from_iter<I: IntoIterator<Item = (K, Vec<u8>)>>(entries: I) -> Self {
        let wrapped = entries
            .into_iter()
            .map(|(key, value)| (key.into(), Zeroizing::new(value)));
        Self {
            entries: wrapped.collect(),
            version: String::new(),
        }
    }
}

impl fmt::Debug for SecretData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.entries.keys()).finish()
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
