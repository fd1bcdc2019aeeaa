//! Secrets, read one by one from the one namespace that an issuer may read.

use futures::FutureExt;
use futures::future::BoxFuture;
use k8s_openapi::api::core::v1::Secret;
use kube::{Api, Client};
use signet_keys::{ErrorClass, KeyError, SecretData, Secrets};

/// The Secrets of one namespace. It is bound when made: there is no way to ask for another.
#[derive(Clone)]
pub struct NamespaceSecrets(Api<Secret>);

impl NamespaceSecrets {
    /// The Secrets of `namespace`.
    pub fn new(client: Client, namespace: &str) -> Self {
        Self(Api::namespaced(client, namespace))
    }
}

impl Secrets for NamespaceSecrets {
    fn read<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<SecretData>, KeyError>> {
        async move {
            let secret = self
                .0
                .get_opt(name)
                .await
                .map_err(|error| unread(name, &error))?;
            let data = secret.map(|secret| secret.data.unwrap_or_default());
            Ok(data.map(|data| {
                data.into_iter()
                    .map(|(key, value)| (key, value.0))
                    .collect()
            }))
        }
        .boxed()
    }
}

fn unread(name: &str, error: &kube::Error) -> KeyError {
    let class = match error {
        kube::Error::Api(status) if status.is_forbidden() => ErrorClass::CredentialsRefused,
        _ => ErrorClass::Unreachable,
    };
    KeyError::new(class, format!("the Secret {name} cannot be read: {error}"))
}

impl std::fmt::Debug for NamespaceSecrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("NamespaceSecrets(..)")
    }
}
