//! What Signet logs in with, read for each login.

use zeroize::Zeroizing;

use super::auth::VaultAuth;
use super::error::VaultTransitError;
use super::key::mount_path;
use crate::access::Namespace;
use crate::error::KeyError;
use crate::references::SecretKeyReference;

/// What is exchanged for a token.
pub(super) enum Credential<'a> {
    Kubernetes {
        role: &'a str,
        jwt: Zeroizing<String>,
    },
    Jwt {
        role: &'a str,
        jwt: Zeroizing<String>,
    },
    AppRole {
        role_id: &'a str,
        secret_id: Zeroizing<String>,
    },
    /// The client certificate itself is the connection's.
    Certificate { name: Option<&'a str> },
}

/// What a method needs.
pub(super) enum Login<'a> {
    /// Log in at this mount.
    At(String, Credential<'a>),
    /// There is a token already.
    Token(Zeroizing<String>),
}

impl VaultAuth {
    /// Reads what the method needs.
    pub(super) async fn login(&self, namespace: &dyn Namespace) -> Result<Login<'_>, KeyError> {
        let (mount, credential) = match self {
            Self::TokenRef(at) => return Ok(Login::Token(token(at, namespace).await?)),
            Self::Kubernetes(auth) => {
                let token = namespace.token(&auth.service_account_ref.name).await?;
                let (role, jwt) = (auth.role.as_str(), token.0);
                (&auth.mount, Credential::Kubernetes { role, jwt })
            }
            Self::Jwt(auth) => {
                let jwt = match (&auth.token_ref, &auth.service_account_ref) {
                    (Some(at), None) => at.read(namespace, "the token").await?,
                    (None, Some(account)) => namespace.token(&account.name).await?.0,
                    _ => return Err(VaultTransitError::JwtSource.into()),
                };
                let role = auth.role.as_str();
                (&auth.mount, Credential::Jwt { role, jwt })
            }
            Self::AppRole(auth) => {
                let secret_id = auth.secret_id_ref.read(namespace, "the secret ID").await?;
                let role_id = auth.role_id.as_str();
                (&auth.mount, Credential::AppRole { role_id, secret_id })
            }
            Self::Certificate(auth) => {
                let name = auth.name.as_deref();
                (&auth.mount, Credential::Certificate { name })
            }
        };
        Ok(Login::At(mount_path(mount, "auth mount")?, credential))
    }

    /// The method, as messages name it.
    pub(super) fn method(&self) -> &'static str {
        match self {
            Self::Kubernetes(_) => "kubernetes",
            Self::AppRole(_) => "appRole",
            Self::Jwt(_) => "jwt",
            Self::Certificate(_) => "certificate",
            Self::TokenRef(_) => "tokenRef",
        }
    }
}

/// The token in a Secret. It is sent as a header, which does not take every text.
pub(super) async fn token(
    at: &SecretKeyReference,
    namespace: &dyn Namespace,
) -> Result<Zeroizing<String>, KeyError> {
    let token = at.read(namespace, "the token").await?;
    if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        let (secret, key) = (at.name.clone(), at.key.clone());
        return Err(VaultTransitError::InvalidToken { secret, key }.into());
    }
    Ok(token)
}
