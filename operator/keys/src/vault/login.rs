//! What Signet logs in with, read for each login.

use zeroize::Zeroizing;

use super::auth::VaultAuth;
use super::error::VaultError;
use super::server::Consumer;
use crate::access::Namespace;
use crate::error::KeyError;
use crate::references::SecretKeyReference;
use crate::remote::is_header_value;

impl VaultAuth {
    /// Reads what is exchanged for a token, or the token itself.
    pub(super) async fn secret(
        &self,
        consumer: Consumer,
        namespace: &dyn Namespace,
    ) -> Result<Zeroizing<String>, KeyError> {
        match self {
            Self::Kubernetes(auth) => {
                let token = namespace.token(&auth.service_account_ref.name).await?;
                Ok(token.0)
            }
            Self::Jwt(auth) => match (&auth.token_ref, &auth.service_account_ref) {
                (Some(at), None) => at.read(namespace, "the token").await,
                (None, Some(account)) => Ok(namespace.token(&account.name).await?.0),
                _ => Err(VaultError::JwtSource { consumer }.into()),
            },
            Self::AppRole(auth) => auth.secret_id_ref.read(namespace, "the secret ID").await,
            // The client certificate is the connection's.
            Self::Certificate(_) => Ok(Zeroizing::default()),
            Self::TokenRef(at) => token(at, namespace).await,
        }
    }

    /// The method, as messages name it, and where it is mounted.
    pub(super) fn method(&self) -> (&'static str, &str) {
        match self {
            Self::Kubernetes(auth) => ("kubernetes", &auth.mount),
            Self::AppRole(auth) => ("appRole", &auth.mount),
            Self::Jwt(auth) => ("jwt", &auth.mount),
            Self::Certificate(auth) => ("certificate", &auth.mount),
            Self::TokenRef(_) => ("tokenRef", "token"),
        }
    }
}

/// The token in a Secret, which is sent as a header.
pub(super) async fn token(
    at: &SecretKeyReference,
    namespace: &dyn Namespace,
) -> Result<Zeroizing<String>, KeyError> {
    let token = at.read(namespace, "the token").await?;
    if !is_header_value(&token) {
        let (secret, key) = (at.name.clone(), at.key.clone());
        return Err(VaultError::InvalidToken { secret, key }.into());
    }
    Ok(token)
}
