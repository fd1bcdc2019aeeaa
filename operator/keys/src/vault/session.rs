//! A login at Vault, kept alive and shared by all calls.

use std::sync::Arc;
use std::time::Instant;

use reqwest::Identity;
use rustify::endpoint::Endpoint;
use serde::de::DeserializeOwned;
use tokio::runtime::Handle;
use zeroize::Zeroizing;

use super::auth::VaultAuth;
use super::client::{Auth, Client};
use super::error::{Failure, VaultError};
use super::server::Server;
use super::{VaultConnection, login};
use crate::access::{Access, Namespace};
use crate::error::KeyError;
use crate::remote::{API_SERVER, Http, Lease, READ, Renewal, SharedLogin, Sources, Tls, in_time};

/// What a policy must allow.
pub(crate) struct Permission {
    /// Such as `update on transit/sign/ca`.
    pub(crate) name: String,
    /// What else a denial may mean; continues the message.
    pub(crate) hint: &'static str,
}

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
pub(crate) struct Session {
    client: Arc<Client>,
    auth: VaultAuth,
    namespace: Arc<dyn Namespace>,
    login: SharedLogin<Token>,
}

impl Session {
    /// Prepares a login; nothing is connected yet.
    pub(crate) async fn open(
        config: &VaultConnection,
        server: Server,
        access: &Access,
    ) -> Result<(Self, Sources), KeyError> {
        let (sources, tls) = sources(config, access).await?;
        let http = Http::new(server.name(), tls, access)?;
        let session = Self {
            client: Arc::new(Client::new(server, http)),
            auth: (*config.auth).clone(),
            namespace: Arc::clone(&access.namespace),
            login: SharedLogin::default(),
        };
        Ok((session, sources))
    }

    /// Returns the server.
    pub(crate) fn server(&self) -> &Server {
        &self.client.server
    }

    /// Makes a call that requires no login.
    pub(crate) async fn read<T: DeserializeOwned>(
        &self,
        request: impl Endpoint,
        max_bytes: usize,
    ) -> Result<T, Failure> {
        self.client.send(request, "", max_bytes).await
    }

    /// Returns what the server wrote, in one line, cut and without secrets.
    pub(crate) fn message(&self, text: &str) -> String {
        self.client.message(text)
    }

    /// Makes a call, and once more with another token if it was denied with the first one.
    pub(crate) async fn call<E: Endpoint, T: DeserializeOwned>(
        &self,
        permission: &Permission,
        request: impl Fn() -> E,
        max_bytes: usize,
    ) -> Result<T, Failure> {
        let first = self.token().await?;
        let response = self.client.send(request(), &first.text, max_bytes);
        match response.await {
            Err(failure) if failure.is_denied() => {}
            result => return result,
        }
        let second = self.another(&first, permission).await?;
        match self.client.send(request(), &second.text, max_bytes).await {
            Err(failure) if failure.is_denied() => {
                let denied = |detail| VaultError::Denied {
                    server: self.server().name(),
                    permission: permission.name.clone(),
                    hint: permission.hint,
                    detail,
                };
                Err(failure.or(self.server(), denied).into())
            }
            result => result,
        }
    }

    /// Forgets a token that is not the one in the Secret any more.
    pub(crate) async fn refresh(&self) -> Result<(), KeyError> {
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
    async fn another(
        &self,
        denied: &Arc<Token>,
        permission: &Permission,
    ) -> Result<Arc<Token>, KeyError> {
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
    async fn token_denied(&self, token: &Token, permission: &Permission) -> KeyError {
        let (server, hint) = (self.server().name(), permission.hint);
        let permission = permission.name.clone();
        let error = match self.client.look_up(&token.text).await {
            Ok(_) => VaultError::TokenDenied {
                server,
                permission,
                hint,
            },
            Err(Failure::NoResponse(error)) => return error,
            Err(Failure::Refused { .. }) => VaultError::TokenRefused {
                server,
                permission,
                hint,
            },
        };
        error.into()
    }

    async fn log_in(&self) -> Result<Token, KeyError> {
        let secret = self.auth.secret(self.server().consumer, &*self.namespace);
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
        let on = self.server();
        let (server, consumer) = (on.name(), on.consumer);
        failure.or(on, |detail| match (&self.auth, self.auth.method()) {
            (VaultAuth::TokenRef(_), _) => VaultError::TokenNotFound { server, detail },
            (_, (method, mount)) => VaultError::LoginRefused {
                server,
                consumer,
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

/// What a connection is made from, besides the login.
async fn sources(config: &VaultConnection, access: &Access) -> Result<(Sources, Tls), KeyError> {
    let name = match &*config.auth {
        VaultAuth::Certificate(auth) => Some(auth.secret_name.clone()),
        _ => None,
    };
    let secret = name.clone().map(|name| (name, "the client certificate"));
    let (namespace, bundle) = (Arc::clone(&access.namespace), config.ca_bundle.clone());
    let (sources, pair) = Sources::read(namespace, bundle, secret).await?;
    let identity = name.zip(pair).map(|(secret, pair)| {
        let parts = [pair.get("tls.crt"), pair.get("tls.key")];
        let pem = Zeroizing::new(parts.map(Option::unwrap_or_default).join(&b'\n'));
        let identity = Identity::from_pem(&pem);
        identity.map_err(|_| VaultError::InvalidClientCertificate { secret })
    });
    let tls = Tls {
        ca: sources.ca.clone(),
        identity: identity.transpose()?,
    };
    Ok((sources, tls))
}

impl Drop for Session {
    fn drop(&mut self) {
        if let Some(token) = self.login.current() {
            self.revoke(token);
        }
    }
}
