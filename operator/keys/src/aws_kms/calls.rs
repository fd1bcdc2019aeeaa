//! Calls to KMS, with what may mend a failed one: another login, another connection, or the right
//! time.

use std::sync::{Arc, Mutex, PoisonError};

use super::AwsKms;
use super::credentials::AwsCredentials;
use super::error::{Failure, Remedy};
use super::session::Session;
use crate::access::Access;
use crate::error::KeyError;

/// Calls to KMS for one issuer.
pub(super) struct Calls {
    config: AwsKms,
    access: Access,
    session: Mutex<Arc<Session>>,
    /// Held by the one call that opens another session.
    renewal: tokio::sync::Mutex<()>,
}

impl Calls {
    pub(super) async fn new(config: &AwsKms, access: &Access) -> Result<Self, KeyError> {
        Ok(Self {
            config: config.clone(),
            access: access.clone(),
            session: Mutex::new(Arc::new(Session::open(config, access).await?)),
            renewal: tokio::sync::Mutex::default(),
        })
    }

    pub(super) fn session(&self) -> Arc<Session> {
        let session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&session)
    }

    /// Makes a call. It is repeated once with other credentials if those that there are have become
    /// useless (a Secret was rotated, or a session has ended early), and once if the client has
    /// learned from the response that the clocks differ.
    pub(super) async fn call<'a, T, F>(
        &'a self,
        call: impl Fn(Arc<Session>) -> F,
    ) -> Result<T, KeyError>
    where
        F: Future<Output = Result<T, Failure>> + Send + 'a,
    {
        let mut session = self.connected().await?;
        let (mut has_time, mut has_login) = (false, false);
        loop {
            let failure = match call(Arc::clone(&session)).await {
                Ok(answer) => return Ok(answer),
                Err(failure) => failure,
            };
            match failure.remedy {
                // The same client: another one would have to learn it again.
                Some(Remedy::Clock) if !has_time => has_time = true,
                Some(Remedy::Login) if !has_login && self.may_differ(&session).await => {
                    has_login = true;
                    session = self.renewed(&session).await?;
                }
                Some(Remedy::Connection) => {
                    session.was_silent();
                    return Err(failure.error);
                }
                _ => return Err(failure.error),
            }
        }
    }

    /// Whether what the session was made of is as it was.
    pub(super) async fn holds(&self) -> Result<bool, KeyError> {
        self.session().holds(&self.config, &self.access).await
    }

    /// The session, or another one if its connections may be dead.
    async fn connected(&self) -> Result<Arc<Session>, KeyError> {
        let session = self.session();
        match session.is_silent() {
            true => self.renewed(&session).await,
            false => Ok(session),
        }
    }

    /// A session other than this one. Of many calls that failed together, one opens it.
    async fn renewed(&self, failed: &Arc<Session>) -> Result<Arc<Session>, KeyError> {
        let _renewal = self.renewal.lock().await;
        let current = self.session();
        if !Arc::ptr_eq(&current, failed) {
            return Ok(current);
        }
        let session = Arc::new(Session::open(&self.config, &self.access).await?);
        let mut current = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        *current = Arc::clone(&session);
        Ok(session)
    }

    /// Whether another login can have another end. The same Secret has the same.
    async fn may_differ(&self, session: &Session) -> bool {
        match self.config.credentials {
            Some(AwsCredentials::SecretRef(_)) if self.config.role_arn.is_none() => {
                let holds = session.holds(&self.config, &self.access).await;
                matches!(holds, Ok(false))
            }
            _ => true,
        }
    }
}
