//! The entries of a Secret.

use std::collections::BTreeMap;
use std::fmt;

use zeroize::Zeroizing;

/// The entries of a Secret. They are wiped when they are dropped, and `Debug` shows only their
/// names.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Entries(BTreeMap<String, Zeroizing<Vec<u8>>>);

impl Entries {
    /// Returns an entry that is not empty. A Secret of type `kubernetes.io/tls` has its entries
    /// from the start, and in a manifest they are empty.
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        let value = self.0.get(name).map(|value| value.as_slice());
        value.filter(|value| !value.is_empty())
    }

    /// Returns whether there is an entry of that name, even an empty one.
    pub fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// Returns the entries by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        let entries = self.0.iter();
        entries.map(|(name, value)| (name.as_str(), value.as_slice()))
    }

    pub(super) fn with(mut self, name: &str, value: impl Into<Vec<u8>>) -> Self {
        self.0.insert(name.to_owned(), Zeroizing::new(value.into()));
        self
    }
}

impl FromIterator<(String, Vec<u8>)> for Entries {
    fn from_iter<T: IntoIterator<Item = (String, Vec<u8>)>>(entries: T) -> Self {
        let entries = entries.into_iter();
        Self(
            entries
                .map(|(name, value)| (name, Zeroizing::new(value)))
                .collect(),
        )
    }
}

impl fmt::Debug for Entries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
