//! What a key names in its issuer's namespace, and what is said where it is not there.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[cfg(feature = "network")]
pub(crate) use read::{entry, secret};

/// A ServiceAccount in the issuer's namespace; for a ClusterIssuer, in the cluster resource
/// namespace. A Role in that namespace must allow Signet to create tokens for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServiceAccountReference {
    /// The ServiceAccount's name.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
}

#[cfg(feature = "network")]
mod read {
    use crate::access::Namespace;
    use crate::error::{ErrorClass, KeyError};
    use crate::secrets::SecretData;

    /// The Secret of this name, with `what` a login needs.
    pub(crate) async fn secret(
        name: &str,
        namespace: &dyn Namespace,
        what: &str,
    ) -> Result<SecretData, KeyError> {
        namespace.secret(name).await?.ok_or_else(|| {
            let sentence = format!("the Secret {name} does not exist; put {what} there");
            KeyError::new(ErrorClass::CredentialsRefused, sentence)
        })
    }

    /// What a Secret has under a key.
    pub(crate) fn entry<'a>(
        secret: &'a SecretData,
        name: &str,
        key: &str,
        what: &str,
    ) -> Result<&'a str, KeyError> {
        secret.text(key).ok_or_else(|| {
            let sentence = format!("the Secret {name} has no text under {key}; put {what} there");
            KeyError::new(ErrorClass::CredentialsRefused, sentence)
        })
    }
}
