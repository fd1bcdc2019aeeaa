//! A login at Vault, kept alive and shared by all signatures.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::runtime::Handle;
use zeroize::Zeroizing;

use super::api::{Auth, ToSign};
use super::auth::VaultAuth;
use super::client::Client;
use super::error::{Failure, VaultTransitError};
use super::key::KeyData;
use super::login::{self, Login};
use crate::access::Namespace;
use crate::error::KeyError;
use crate::remote::{Lease, Renewal, SharedLogin};

/// A token of Vault. It is wiped when dropped.
pub(super) struct Token {
    text: Zeroizing<String>,
    renewable: bool,
    /// None for a token that does not expire.
    lease: Option<Lease>,
}

impl Token {
    fn of(auth: Auth) -> Self {
        Self {
            lease: Lease::of_seconds(auth.lease_duration, Instant::now()),
            text: auth.client_token,
            renewable: auth.renewable,
        }
    }

    /// The same token with another lease.
    fn with(&self, lease: Option<Lease>, renewable: bool) -> Self {
        Self {
            text: self.text.clone(),
            renewable,
            lease,
        }
    }

    /// The same token, to be renewed a little later.
    fn postponed(&self) -> Self {
        let lease = self.lease.map(|lease| lease.postponed(Instant::now()));
        self.with(lease, self.renewable)
    }

    /// The same token after a renewal.
    fn renewed(&self, auth: &Auth) -> Self {
        let lease = Lease::of_seconds(auth.lease_duration, Instant::now());
        let has_shrunk = match (&self.lease, &lease) {
            (Some(before), Some(lease)) => lease.has_shrunk_from(before),
            _ => false,
        };
        self.with(lease, auth.renewable && !has_shrunk)
    }

    fn is_due(&self) -> bool {
        self.lease.is_some_and(|lease| lease.is_due(Instant::now()))
    }

    fn has_expired(&self) -> bool {
        self.lease
            .is_some_and(|lease| lease.has_expired(Instant::now()))
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token")
            .field("renewable", &self.renewable)
            .field("lease", &self.lease)
            .finish_non_exhaustive()
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

    /// Reads the key.
    pub(super) async fn read_key(&self) -> Result<KeyData, Failure> {
        let path = &self.client.path;
        let permission = format!("read on {}/keys/{}", path.mount, path.name);
        let read = |token: Arc<Token>| async move { self.client.read_key(&token.text).await };
        self.permitted(&permission, |token| read(token).boxed())
            .await
    }

    /// Signs.
    pub(super) async fn sign(&self, sign: &ToSign) -> Result<String, Failure> {
        let path = &self.client.path;
        let permission = format!("update on {}/sign/{}", path.mount, path.name);
        let call = |token: Arc<Token>| async move { self.client.sign(&token.text, sign).await };
        self.permitted(&permission, |token| call(token).boxed())
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
        if let Some(token) = self.valid() {
            if !token.is_due() {
                return Ok(token);
            }
            // It is still valid, so that only the call which renews it waits.
            return Ok(match self.login.try_renew() {
                Some(renewal) => self.prolonged(&renewal, &token).await,
                None => token,
            });
        }
        let renewal = self.login.renew().await;
        match self.valid() {
            Some(token) => Ok(token),
            None => self.log_in(&renewal).await,
        }
    }

    /// Another token than the one that was denied this permission.
    async fn another(&self, denied: &Arc<Token>, permission: &str) -> Result<Arc<Token>, KeyError> {
        let renewal = self.login.renew().await;
        if let Some(token) = self.valid()
            && token.text != denied.text
        {
            return Ok(token);
        }
        if let VaultAuth::TokenRef(at) = &self.auth {
            let text = login::token(at, &*self.namespace).await?;
            if text == denied.text {
                return Err(self.token_denied(denied, permission).await);
            }
        }
        self.login.forget_if(|_| true);
        self.revoke(Arc::clone(denied));
        self.log_in(&renewal).await
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
            Err(Failure::Refused(_)) => VaultTransitError::TokenRefused { server, permission },
        };
        error.into()
    }

    /// Logs in.
    async fn log_in(&self, renewal: &Renewal<'_, Token>) -> Result<Arc<Token>, KeyError> {
        let token = match self.auth.login(&*self.namespace).await? {
            Login::Token(text) => self.looked_up(text).await?,
            Login::At(mount, credential) => {
                let auth = self.client.log_in(&mount, &credential).await;
                let refused = |detail| VaultTransitError::LoginRefused {
                    server: self.client.path.server(),
                    method: self.auth.method(),
                    mount: mount.clone(),
                    detail,
                };
                Token::of(auth.map_err(|failure| failure.or(&self.client.path, refused))?)
            }
        };
        Ok(renewal.keep(token))
    }

    /// The token in a Secret, with its lease.
    async fn looked_up(&self, text: Zeroizing<String>) -> Result<Token, KeyError> {
        let (lease, renewable) = match self.client.look_up(&text).await {
            Ok(data) => {
                let lease = Lease::of_seconds(data.ttl, Instant::now());
                (lease, data.renewable.unwrap_or(false))
            }
            // A token need not be allowed to look itself up.
            Err(failure) if failure.is_denied() => (None, false),
            Err(failure) => {
                let refused = |detail| VaultTransitError::TokenNotFound {
                    server: self.client.path.server(),
                    detail,
                };
                return Err(failure.or(&self.client.path, refused));
            }
        };
        Ok(Token {
            text,
            renewable,
            lease,
        })
    }

    /// The token with a new lease, or another one; the same if there is neither now.
    async fn prolonged(&self, renewal: &Renewal<'_, Token>, token: &Token) -> Arc<Token> {
        match self.valid() {
            Some(valid) if !valid.is_due() => return valid,
            _ => {}
        }
        // The signature may be given up before Vault responds; the next one then uses this token
        // instead of renewing it again.
        let postponed = renewal.keep(token.postponed());
        if token.renewable {
            match self.client.renew(&token.text).await {
                Ok(auth) => return renewal.keep(token.renewed(&auth)),
                // The server may be sealed, busy or unreachable, and is called again.
                Err(failure) if !failure.is_final() => return postponed,
                Err(_) => {}
            }
        }
        if matches!(self.auth, VaultAuth::TokenRef(_)) {
            let lease = token.lease.map(Lease::until_expiry);
            return renewal.keep(token.with(lease, false));
        }
        self.log_in(renewal).await.unwrap_or(postponed)
    }

    /// The present token, if it has not expired.
    fn valid(&self) -> Option<Arc<Token>> {
        self.login.current().filter(|token| !token.has_expired())
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if let Some(token) = self.login.current() {
            self.revoke(token);
        }
    }
}
