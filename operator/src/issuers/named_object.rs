//! A Secret or ConfigMap with certificates that a spec names, in the issuer's namespace.

use std::fmt;

use signet_core::ca::ChainError;
use signet_keys::{BlockingQueue, KeyError, Namespace, SecretData};

use crate::deadline::queued;

/// The object. The schema allows one of the two names.
#[derive(Clone, Copy, Debug)]
pub(super) enum NamedObject<'a> {
    Secret(&'a str),
    ConfigMap(&'a str),
}

impl<'a> NamedObject<'a> {
    pub(super) fn new(secret: Option<&'a str>, config_map: Option<&'a str>) -> Option<Self> {
        match (secret, config_map) {
            (Some(name), _) => Some(Self::Secret(name)),
            (None, name) => name.map(Self::ConfigMap),
        }
    }

    /// Returns its data; none if it does not exist.
    pub(super) async fn read(
        self,
        namespace: &dyn Namespace,
    ) -> Result<Option<SecretData>, KeyError> {
        match self {
            Self::Secret(name) => namespace.secret(name).await,
            Self::ConfigMap(name) => {
                let map = namespace.config_map(name).await?;
                let bytes = |(key, text): (String, String)| (key, text.into_bytes());
                Ok(map.map(|map| map.into_iter().map(bytes).collect()))
            }
        }
    }
}

impl fmt::Display for NamedObject<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Secret(name) => write!(f, "the Secret {name}"),
            Self::ConfigMap(name) => write!(f, "the ConfigMap {name}"),
        }
    }
}

/// Reads certificates on threads of its own, which serve tenants round-robin.
pub(super) async fn parse<T, E>(
    parsing: &BlockingQueue,
    tenant: &str,
    read: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> Result<T, E>
where
    T: Send + 'static,
    E: From<ChainError> + Send + 'static,
{
    let result = queued(parsing.run(tenant, read)).await;
    result.unwrap_or_else(|_| {
        let message = "reading it failed; the operator's log has the cause".to_owned();
        Err(ChainError::Unreadable { index: 1, message }.into())
    })
}
