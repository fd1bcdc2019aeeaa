//! A login at Vault, kept alive and shared by all signatures.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::runtime::Handle;

use super::answer::KeyData;
use super::api::{Api, ToSign};
use super::auth::VaultAuth;
use super::failure::Failure;
use super::login::{self, Login};
use super::token::Token;
use crate::access::Namespace;
use crate::error::{ErrorClass, KeyError};

/// A login at Vault.
///
/// The token is got when it is first needed, renewed (or got anew) when two thirds of its lease
/// have passed, and got anew at once when Vault does not accept it. One that a login gave is given
/// back when nobody needs it any more: there may be many logins in vain before an issuer is right.
pub(super) struct Session {
    pub(super) api: Arc<Api>,
    auth: VaultAuth,
    namespace: Arc<dyn Namespace>,
    current: Mutex<Option<Arc<Token>>>,
    /// Held by the one who logs in or renews.
    turn: tokio::sync::Mutex<()>,
}

impl Session {
    pub(super) fn new(api: Api, auth: VaultAuth, namespace: Arc<dyn Namespace>) -> Self {
        Self {
            api: Arc::new(api),
            auth,
            namespace,
            current: Mutex::new(None),
            turn: tokio::sync::Mutex::new(()),
        }
    }

    /// Reads the key.
    pub(super) async fn read_key(&self) -> Result<KeyData, Failure> {
        let place = &self.api.place;
        let permission = format!("read on {}/keys/{}", place.mount, place.name);
        self.permitted(&permission, |token| {
            async move { self.api.read_key(&token).await }.boxed()
        })
        .await
    }

    /// Signs.
    pub(super) async fn sign(&self, sign: &ToSign) -> Result<String, Failure> {
        let place = &self.api.place;
        let permission = format!("update on {}/sign/{}", place.mount, place.name);
        self.permitted(&permission, |token| {
            async move { self.api.sign(&token, sign).await }.boxed()
        })
        .await
    }

    /// Makes a call, once more with another token if the first one was denied it.
    async fn permitted<'a, T>(
        &self,
        permission: &str,
        call: impl Fn(Arc<Token>) -> BoxFuture<'a, Result<T, Failure>>,
    ) -> Result<T, Failure> {
        let first = self.token().await?;
        let answer = call(first.clone()).await;
        if !is_denied(&answer) {
            return answer;
        }
        let second = self.another(&first, permission).await?;
        match call(second).await {
            Err(failure) if failure.is_denied() => {
                let what = format!(
                    "{} lets Signet log in and denies it {permission}; give that to the policy of \
                     the role or token",
                    self.api.place.server()
                );
                let error = failure.about(&self.api.place, &what, ErrorClass::CredentialsRefused);
                Err(error.into())
            }
            answer => answer,
        }
    }

    /// Forgets a token that is no longer the one in the Secret.
    pub(super) async fn refresh(&self) -> Result<(), KeyError> {
        if let VaultAuth::TokenRef(at) = &self.auth {
            let text = login::token(at, &*self.namespace).await?;
            let mut current = self.current();
            if current
                .as_ref()
                .is_some_and(|token| token.text() != text.as_str())
            {
                *current = None;
            }
        }
        Ok(())
    }

    /// A token to use now.
    async fn token(&self) -> Result<Arc<Token>, KeyError> {
        if let Some(token) = self.kept() {
            if !token.is_due(Instant::now()) {
                return Ok(token);
            }
            // It still holds, so nobody waits for the one who renews it.
            return Ok(match self.turn.try_lock() {
                Ok(_turn) => self.prolonged(&token).await,
                Err(_) => token,
            });
        }
        let _turn = self.turn.lock().await;
        match self.kept() {
            Some(token) => Ok(token),
            None => self.log_in().await,
        }
    }

    /// Another token than the one that was denied this permission.
    async fn another(&self, denied: &Arc<Token>, permission: &str) -> Result<Arc<Token>, KeyError> {
        let _turn = self.turn.lock().await;
        if let Some(token) = self.kept()
            && token.text() != denied.text()
        {
            return Ok(token);
        }
        if let VaultAuth::TokenRef(at) = &self.auth {
            let text = login::token(at, &*self.namespace).await?;
            if text.as_str() == denied.text() {
                return Err(self.token_refused(denied, permission).await);
            }
        }
        *self.current() = None;
        self.give_back(Arc::clone(denied));
        self.log_in().await
    }

    /// Ends a token that a login gave. Nobody waits for that: if it fails, the lease ends it.
    fn give_back(&self, token: Arc<Token>) {
        let own = !matches!(self.auth, VaultAuth::TokenRef(_));
        if let (true, Ok(runtime)) = (own, Handle::try_current()) {
            let api = Arc::clone(&self.api);
            runtime.spawn(async move { api.revoke(&token).await });
        }
    }

    /// What to say of a token from a Secret that was denied a permission. Vault says the same of
    /// a token that it does not know.
    async fn token_refused(&self, token: &Token, permission: &str) -> KeyError {
        let server = self.api.place.server();
        let sentence = match self.api.look_up(token).await {
            Ok(_) => format!(
                "{server} denies {permission} to the token of tokenRef; give that to its policy"
            ),
            Err(Failure::Away(error)) => return error,
            Err(Failure::Refused(_)) => format!(
                "{server} does not accept the token of tokenRef, or denies it {permission}; put a \
                 token into the Secret that holds and has that policy"
            ),
        };
        KeyError::new(ErrorClass::CredentialsRefused, sentence)
    }

    /// Gets a token and keeps it. The turn must be held.
    async fn log_in(&self) -> Result<Arc<Token>, KeyError> {
        let place = &self.api.place;
        let token = match self.auth.login(&*self.namespace).await? {
            Login::Token(text) => {
                let token = Token::new(text, false, None, Instant::now());
                match self.api.look_up(&token).await {
                    Ok(known) => {
                        let length = (known.ttl > 0).then(|| Duration::from_secs(known.ttl));
                        let renewable = known.renewable.unwrap_or(false);
                        token.known(renewable, length, Instant::now())
                    }
                    // A token need not be allowed to look at itself.
                    Err(failure) if failure.is_denied() => token,
                    Err(failure) => {
                        let what = format!("{} says no to the token", place.server());
                        return Err(failure.about(place, &what, ErrorClass::CredentialsRefused));
                    }
                }
            }
            Login::At(mount, credential) => {
                let auth = self
                    .api
                    .log_in(&mount, &credential)
                    .await
                    .map_err(|failure| {
                        let what = format!(
                            "{} refuses the login by {} at auth/{mount}; see its role and what \
                         vaultTransit.auth names",
                            place.server(),
                            self.auth.method()
                        );
                        failure.about(place, &what, ErrorClass::CredentialsRefused)
                    })?;
                Token::of(auth, Instant::now())
            }
        };
        Ok(self.keep(token))
    }

    /// The token with a new lease, or one instead of it; the same if there is neither just now.
    /// The turn must be held.
    async fn prolonged(&self, token: &Arc<Token>) -> Arc<Token> {
        match self.kept() {
            Some(kept) if !kept.is_due(Instant::now()) => return kept,
            _ => {}
        }
        // Whoever signs may give up before Vault answers; the next then goes on with this token
        // instead of asking again.
        self.keep(token.later(Instant::now()));
        if token.renewable {
            match self.api.renew(token).await {
                Ok(auth) => return self.keep(token.renewed(&auth, Instant::now())),
                // The server may be away, sealed or busy, and is asked again.
                Err(failure) if !failure.is_final() => {
                    return self.keep(token.later(Instant::now()));
                }
                Err(_) => {}
            }
        }
        if matches!(self.auth, VaultAuth::TokenRef(_)) {
            return self.keep(token.to_its_end());
        }
        match self.log_in().await {
            Ok(token) => token,
            Err(_) => self.keep(token.later(Instant::now())),
        }
    }

    /// The token that is kept, if it holds.
    fn kept(&self) -> Option<Arc<Token>> {
        let token = self.current().clone()?;
        (!token.has_ended(Instant::now())).then_some(token)
    }

    fn keep(&self, token: Token) -> Arc<Token> {
        let token = Arc::new(token);
        *self.current() = Some(token.clone());
        token
    }

    fn current(&self) -> MutexGuard<'_, Option<Arc<Token>>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let token = self.current().take();
        if let Some(token) = token {
            self.give_back(token);
        }
    }
}

fn is_denied<T>(answer: &Result<T, Failure>) -> bool {
    answer.as_ref().is_err_and(Failure::is_denied)
}
