//! Where a server is, and paths on it. They are read strictly: they end up in URLs and headers.

use std::fmt;

use super::VaultConnection;
use super::error::VaultError;
use crate::access::Addresses;
use crate::error::KeyError;
use crate::remote::endpoint;

/// What a server is called for: the part of the spec that messages name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consumer {
    /// `spec.key.vaultTransit`.
    Transit,
    /// `spec.certificate.vaultPki`.
    Pki,
}

impl Consumer {
    fn address(self) -> &'static str {
        match self {
            Self::Transit => "vaultTransit.address",
            Self::Pki => "vaultPki.address",
        }
    }
}

impl fmt::Display for Consumer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Transit => "vaultTransit",
            Self::Pki => "vaultPki",
        })
    }
}

/// A server, and the namespace that is used on it.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    pub(super) consumer: Consumer,
    /// `https://HOST:PORT`, without a slash at the end.
    pub(super) address: String,
    pub(super) namespace: Option<String>,
}

impl Server {
    pub(crate) fn of(
        config: &VaultConnection,
        consumer: Consumer,
        addresses: &Addresses,
    ) -> Result<Self, KeyError> {
        let namespace = config.namespace.as_deref();
        let namespace = namespace.map(|path| mount_path(path, consumer, "namespace"));
        Ok(Self {
            consumer,
            address: endpoint(consumer.address(), &config.address, addresses)?,
            namespace: namespace.transpose()?,
        })
    }

    /// The server, as messages name it.
    pub(crate) fn name(&self) -> String {
        format!("the Vault at {}", self.address)
    }

    pub(crate) fn invalid_response(&self) -> VaultError {
        VaultError::InvalidResponse {
            server: self.name(),
            consumer: self.consumer,
        }
    }

    #[cfg(test)]
    pub(crate) fn example(consumer: Consumer) -> Self {
        Self {
            consumer,
            address: "https://vault".to_owned(),
            namespace: None,
        }
    }
}

/// A path of a mount or a namespace, without the slashes around it.
pub(crate) fn mount_path(
    text: &str,
    consumer: Consumer,
    field: &'static str,
) -> Result<String, VaultError> {
    let path = text.trim_matches('/');
    for part in path.split('/') {
        segment(part, consumer, field)?;
    }
    Ok(path.to_owned())
}

/// One part of a path.
pub(crate) fn segment<'a>(
    text: &'a str,
    consumer: Consumer,
    field: &'static str,
) -> Result<&'a str, VaultError> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    if text.is_empty() || text.starts_with('.') || !text.chars().all(allowed) {
        return Err(VaultError::InvalidPath { consumer, field });
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_stays_a_path() {
        let path = |text| mount_path(text, Consumer::Transit, "mount");
        assert_eq!(path("team-a/pki/").unwrap(), "team-a/pki");
        for text in [
            "", "/", "a//b", "..", "a/../b", ".", "a b", "a?b", "a%2fb", "a\nb",
        ] {
            assert!(path(text).is_err(), "{text:?}");
        }
    }
}
