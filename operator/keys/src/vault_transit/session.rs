//! A login at Vault, kept alive and shared by all signatures.

use std::sync::Arc;
use std::time::Instant;

use futures::FutureExt;
use futures::future::BoxFuture;
use signet_core::x509::algorithm::SignatureAlgorithm;
use tokio::runtime::Handle;
use zeroize::Zeroizing;

use super::api::{Auth, Client};
use super::auth::VaultAuth;
use super::error::{Failure, VaultTransitError};
use super::key::KeyData;
use super::login;
use crate::access::Namespace;
use crate::error::KeyError;
use crate::remote::{API_SERVER, Lease, READ, Renewal, SharedLogin, in_time};

/// A token of Vault. It is wiped when dropped.
struct Token {
    text: Zeroizing<String>,
    lease: Lease,
}

impl Token {
    /// The same token with another lease.
    fn with(&self, lease: Lease) -> Self {
        let text = self.text.clone();
        Self { text, lease }
    }

    fn is_valid(&self) -> bool {
        !self.lease.has_expired(Instant::now())
    }

    fn is_due(&self) -> bool {
        self.lease.is_due(Instant::now())
    }
}

/// A login at Vault.
///
/// Signet logs in when a token is first needed, renews it (or logs in again) when two thirds of its
/// lease have passed, and logs in again when Vault does not accept it. A token from a login is
/// revoked when it is not needed any more, since there may be many logins before an issuer is
/// right.
pub(super) struct Session {
    pub(super) client: Arc<Client>,
    auth: VaultAuth,
    namespace: Arc<dyn Namespace>,
    login: SharedLogin<Token>,
}

impl Session {
    pub(super) fn new(client: Client, auth: VaultAuth, namespace: Arc<dyn Namespace>) -> Self {
        Self {
            client: Arc::new(client),
            auth,
            namespace,
            login: SharedLogin::default(),
        }
    }

    pub(super) async fn read_key(&self) -> Result<KeyData, Failure> {
        let path = &self.client.path;
        let permission = format!("read on {}/keys/{}", path.mount, path.name);
        let read = |token: Arc<Token>| async move { self.client.read_key(&token.text).await };
        self.permitted(&permission, |token| read(token).boxed())
            .await
    }

    /// Signs; see [`Client::sign`].
    pub(super) async fn sign(
        &self,
        version: u64,
        algorithm: SignatureAlgorithm,
        input: &str,
    ) -> Result<String, Failure> {
        let path = &self.client.path;
        let permission = format!("update on {}/sign/{}", path.mount, path.name);
        let sign = |token: Arc<Token>| async move {
            let response = self.client.sign(&token.text, version, algorithm, input);
            response.await
        };
        self.permitted(&permission, |token| sign(token).boxed())
            .await
    }

    /// Makes a call, and once more with another token if it was denied with the first one.
    async fn permitted<'a, T>(
        &self,
        permission: &str,
        call: impl Fn(Arc<Token>) -> BoxFuture<'a, Result<T, Failure>>,
    ) -> Result<T, Failure> {
        let first = self.token().await?;
        match call(Arc::clone(&first)).await {
            Err(failure) if failure.is_denied() => {}
            result => return result,
        }
        let second = self.another(&first, permission).await?;
        match call(second).await {
            Err(failure) if failure.is_denied() => {
                let denied = |detail| VaultTransitError::Denied {
                    server: self.client.path.server(),
                    permission: permission.to_owned(),
                    detail,
                };
                Err(failure.or(&self.client.path, denied).into())
            }
            result => result,
        }
    }

    /// Forgets a token that is not the one in the Secret any more.
    pub(super) async fn refresh(&self) -> Result<(), KeyError> {
        if let VaultAuth::TokenRef(at) = &self.auth {
            let text = login::token(at, &*self.namespace).await?;
            self.login.forget_if(|token| token.text != text);
        }
        Ok(())
    }

    /// A token to use now.
    async fn token(&self) -> Result<Arc<Token>, KeyError> {
        let log_in = self.log_in();
        let token = self.login.get(|token| token.is_valid(), log_in).await?;
        // It is still valid, so that only the call which renews it waits.
        if token.is_due()
            && let Some(renewal) = self.login.try_renew()
        {
            return Ok(self.prolonged(&renewal, &token).await);
        }
        Ok(token)
    }

    /// Another token than the one that was denied this permission.
    async fn another(&self, denied: &Arc<Token>, permission: &str) -> Result<Arc<Token>, KeyError> {
        let is_another = |token: &Arc<Token>| token.is_valid() && token.text != denied.text;
        let log_in = async {
            if let VaultAuth::TokenRef(at) = &self.auth
                && login::token(at, &*self.namespace).await? == denied.text
            {
                return Err(self.token_denied(denied, permission).await);
            }
            self.login.forget_if(|_| true);
            self.revoke(Arc::clone(denied));
            self.log_in().await
        };
        self.login.get(is_another, log_in).await
    }

    /// Revokes a token from a login, in the background: if it fails, the lease ends it.
    fn revoke(&self, token: Arc<Token>) {
        let own = !matches!(self.auth, VaultAuth::TokenRef(_));
        if let (true, Ok(runtime)) = (own, Handle::try_current()) {
            let client = Arc::clone(&self.client);
            runtime.spawn(async move { client.revoke(&token.text).await });
        }
    }

    /// Why the token of the Secret was denied a permission. Vault responds the same to a token that
    /// it does not know.
    async fn token_denied(&self, token: &Token, permission: &str) -> KeyError {
        let (server, permission) = (self.client.path.server(), permission.to_owned());
        let error = match self.client.look_up(&token.text).await {
            Ok(_) => VaultTransitError::TokenDenied { server, permission },
            Err(Failure::NoResponse(error)) => return error,
            Err(Failure::Refused { .. }) => VaultTransitError::TokenRefused { server, permission },
        };
        error.into()
    }

    async fn log_in(&self) -> Result<Token, KeyError> {
        let secret = self.auth.secret(&*self.namespace);
        let secret = in_time(READ, API_SERVER, secret).await?;
        let is_token = matches!(self.auth, VaultAuth::TokenRef(_));
        let auth = match self.client.log_in(&self.auth, &secret).await {
            // A token need not be allowed to look itself up.
            Err(failure) if is_token && failure.is_denied() => Auth {
                client_token: secret,
                lease_duration: 0,
                renewable: false,
            },
            result => result.map_err(|failure| self.refused(failure))?,
        };
        Ok(Token {
            lease: Lease::new(auth.lease_duration, auth.renewable, Instant::now()),
            text: auth.client_token,
        })
    }

    fn refused(&self, failure: Failure) -> KeyError {
        let path = &self.client.path;
        let server = path.server();
        failure.or(path, |detail| match (&self.auth, self.auth.method()) {
            (VaultAuth::TokenRef(_), _) => VaultTransitError::TokenNotFound { server, detail },
            (_, (method, mount)) => VaultTransitError::LoginRefused {
                server,
                method,
                mount: mount.trim_matches('/').to_owned(),
                detail,
            },
        })
    }

    /// The token with a new lease, or another one; the same if there is neither now.
    async fn prolonged(&self, renewal: &Renewal<'_>, token: &Token) -> Arc<Token> {
        if let Some(renewed) = self.login.current()
            && renewed.is_valid()
            && !renewed.is_due()
        {
            return renewed;
        }
        let keep = |token| self.login.keep(renewal, token);
        // The signature may be given up before Vault responds; the next one then uses this token
        // instead of renewing it again.
        let postponed = keep(token.with(token.lease.postponed(Instant::now())));
        if token.lease.is_renewable() {
            match self.client.renew(&token.text).await {
                Ok(auth) => {
                    let (length, renewable) = (auth.lease_duration, auth.renewable);
                    let lease = token.lease.renewed(length, renewable, Instant::now());
                    return keep(token.with(lease));
                }
                // The server may be sealed, busy or unreachable, and is called again.
                Err(failure) if !failure.is_final() => return postponed,
                Err(_) => {}
            }
        }
        if matches!(self.auth, VaultAuth::TokenRef(_)) {
            return keep(token.with(token.lease.until_expiry()));
        }
        self.log_in().await.map_or(postponed, keep)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if let Some(token) = self.login.current() {
            self.revoke(token);
        }
    }
}
