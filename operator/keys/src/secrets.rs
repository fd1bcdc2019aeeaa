//! What a Secret holds, as a backend reads it.

use std::collections::BTreeMap;
use std::fmt;

use zeroize::Zeroizing;

/// The names that Kubernetes allows for the entries of a Secret or ConfigMap, of at most 253
/// characters: none begins with two dots or is a dot.
pub const SECRET_ENTRY_PATTERN: &str = "^[.]?[-_a-zA-Z0-9][-._a-zA-Z0-9]*$";

/// The data of a Secret. It is wiped when dropped, and `Debug` shows only the keys.
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

    /// Only these entries, each cut to this many bytes: a Secret has room for a megabyte, which
    /// need not be kept.
    #[must_use]
    pub fn only(mut self, keys: &[&str], max_bytes: usize) -> Self {
        self.entries.retain(|key, _| keys.contains(&key.as_str()));
        for value in self.entries.values_mut() {
            if value.len() > max_bytes {
                *value = Zeroizing::new(value[..max_bytes].to_vec());
            }
        }
        self
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

    #[test]
    fn what_is_not_asked_for_is_not_kept() {
        let entries = [("tls.crt", 10), ("ca.crt", 3), ("other", 1)];
        let data: SecretData = entries
            .map(|(key, length)| (key, vec![b'x'; length]))
            .into_iter()
            .collect();
        let data = data.at("1").only(&["tls.crt", "ca.crt"], 4);
        let length = |key| data.get(key).map(<[u8]>::len);
        assert_eq!(
            ["tls.crt", "ca.crt", "other"].map(length),
            [Some(4), Some(3), None]
        );
        assert_eq!(data.version(), "1");
    }
}
