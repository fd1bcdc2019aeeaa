//! Where a key is, read strictly: what comes from a spec ends up in a URL and in headers.

use crate::access::Addresses;
use crate::error::{ErrorClass, KeyError};
use crate::remote::server;
use crate::vault_transit::VaultTransit;

/// Where a key is.
#[derive(Clone, Debug)]
pub(super) struct Place {
    /// `https://HOST:PORT`, without a slash at the end.
    pub(super) address: String,
    /// The namespace in Vault.
    pub(super) namespace: Option<String>,
    /// Where the engine is mounted.
    pub(super) mount: String,
    /// The key's name.
    pub(super) name: String,
}

impl Place {
    /// Reads it from a configuration, and refuses an address that may not be called.
    pub(super) fn of(config: &VaultTransit, addresses: &Addresses) -> Result<Self, KeyError> {
        Ok(Self {
            address: server("vaultTransit.address", &config.address, addresses)?,
            namespace: config
                .namespace
                .as_deref()
                .map(|namespace| path(namespace, "namespace"))
                .transpose()?,
            mount: path(&config.mount, "mount")?,
            name: segment(&config.name, "name")?.to_owned(),
        })
    }

    /// The key in words.
    pub(super) fn key(&self) -> String {
        format!(
            "the key {} at {} of {}",
            self.name,
            self.mount,
            self.server()
        )
    }

    /// The server in words.
    pub(super) fn server(&self) -> String {
        format!("the Vault at {}", self.address)
    }
}

/// A path of a mount or a namespace, without the slashes around it.
pub(super) fn path(text: &str, field: &str) -> Result<String, KeyError> {
    let path = text.trim_matches('/');
    for part in path.split('/') {
        segment(part, field)?;
    }
    Ok(path.to_owned())
}

fn segment<'a>(text: &'a str, field: &str) -> Result<&'a str, KeyError> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    if text.is_empty() || text.starts_with('.') || !text.chars().all(allowed) {
        return Err(unusable(&format!(
            "{field} is no name that Vault has; use letters, digits, '_', '-' and '.'"
        )));
    }
    Ok(text)
}

fn unusable(sentence: &str) -> KeyError {
    KeyError::new(ErrorClass::KeyUnusable, format!("vaultTransit: {sentence}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_stays_a_path() {
        assert_eq!(path("team-a/pki/", "mount").unwrap(), "team-a/pki");
        for text in [
            "", "/", "a//b", "..", "a/../b", ".", "a b", "a?b", "a%2fb", "a\nb",
        ] {
            assert!(path(text, "mount").is_err(), "{text:?}");
        }
    }
}
