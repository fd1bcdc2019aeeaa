//! What a key names in its issuer's namespace.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[cfg(feature = "aws-kms")]
pub(crate) use read::entry;
#[cfg(feature = "network")]
pub(crate) use read::secret;

use crate::error::ErrorClass;
use crate::key_errors::key_errors;

key_errors! {
    /// What a key names in its issuer's namespace is missing.
    pub enum ReferenceError {
        NoSecret { secret: String, what: String } => ErrorClass::CredentialsRefused, missing,
            "the Secret {secret} does not exist; put {what} there";
        NoEntry { secret: String, key: String, what: String } => ErrorClass::CredentialsRefused, missing,
            "the Secret {secret} has no text under {key}; put {what} there";
        NoBundle { place: String } => ErrorClass::KeyUnusable, missing,
            "{place} does not exist; put the CA certificates of the server there";
        BundleTooLarge { place: String, max_bytes: usize } => ErrorClass::KeyUnusable,
            "{place} is larger than {max_bytes} bytes; put only the CA certificates of the server \
             there, in PEM";
        EmptyBundle { place: String } => ErrorClass::KeyUnusable,
            "{place} has no certificate; put the CA certificates of the server there, in PEM";
        InvalidBundle { place: String } => ErrorClass::KeyUnusable,
            "{place} is not PEM; put the CA certificates of the server there, in PEM";
    }
}

/// A ServiceAccount in the issuer's namespace; for a ClusterIssuer, in the cluster resource
/// namespace. A Role in that namespace must allow Signet to create tokens for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServiceAccountReference {
    /// The ServiceAccount's name.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
}

/// A key of a Secret in the issuer's namespace; for a ClusterIssuer, in the cluster resource
/// namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretKeyReference {
    /// The Secret's name.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// The key in it.
    #[schemars(length(min = 1, max = 253))]
    pub key: String,
}

#[cfg(feature = "network")]
mod read {
    use super::ReferenceError;
    use crate::access::Namespace;
    use crate::error::KeyError;
    use crate::secrets::SecretData;

    /// The Secret of this name, with `what` a login needs.
    pub(crate) async fn secret(
        name: &str,
        namespace: &dyn Namespace,
        what: &str,
    ) -> Result<SecretData, KeyError> {
        let missing = || ReferenceError::NoSecret {
            secret: name.to_owned(),
            what: what.to_owned(),
        };
        let secret = namespace.secret(name).await?;
        secret.ok_or_else(|| missing().into())
    }

    /// What a Secret has under a key.
    pub(crate) fn entry<'a>(
        secret: &'a SecretData,
        name: &str,
        key: &str,
        what: &str,
    ) -> Result<&'a str, KeyError> {
        let missing = || ReferenceError::NoEntry {
            secret: name.to_owned(),
            key: key.to_owned(),
            what: what.to_owned(),
        };
        secret.text(key).ok_or_else(|| missing().into())
    }

    #[allow(dead_code, reason = "used by the backends that log in with a token")]
    impl super::SecretKeyReference {
        /// The text there, which is `what` a login needs.
        pub(crate) async fn read(
            &self,
            namespace: &dyn Namespace,
            what: &str,
        ) -> Result<zeroize::Zeroizing<String>, KeyError> {
            let secret = secret(&self.name, namespace, what).await?;
            let text = entry(&secret, &self.name, &self.key, what)?;
            Ok(text.to_owned().into())
        }
    }
}
