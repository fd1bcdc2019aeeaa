//! A connected key in KMS.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use futures::FutureExt;
use futures::future::BoxFuture;
use signet_core::issue::{Signature, ToBeSigned};
use signet_core::x509::algorithm::SignatureAlgorithm;
use signet_core::x509::public_key::PublicKey;

use super::AwsKms;
use super::algorithm::{MOST_RAW_BYTES, in_kms, message};
use super::credentials::AwsCredentials;
use super::error::{Failure, Remedy};
use super::key::{self, Resolved};
use super::session::Session;
use crate::Signer;
use crate::backend::Checked;
use crate::error::{ErrorClass, KeyError};
use crate::reach::Reach;

/// A connected key. `Debug` shows its ARN and its public half.
pub(super) struct KmsSigner {
    config: AwsKms,
    reach: Reach,
    arn: String,
    public_key: PublicKey,
    algorithm: SignatureAlgorithm,
    session: Mutex<Arc<Session>>,
    /// Held by the one call that logs in again.
    renewal: tokio::sync::Mutex<()>,
}

impl KmsSigner {
    pub(super) fn new(
        config: &AwsKms,
        reach: &Reach,
        (arn, public_key, algorithm): (String, PublicKey, SignatureAlgorithm),
        session: Session,
    ) -> Self {
        Self {
            config: config.clone(),
            reach: reach.clone(),
            arn,
            public_key,
            algorithm,
            session: Mutex::new(Arc::new(session)),
            renewal: tokio::sync::Mutex::default(),
        }
    }

    fn session(&self) -> Arc<Session> {
        let session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&session)
    }

    /// A session other than the one whose credentials were refused. Of many calls that were
    /// refused at once, one logs in again.
    async fn renewed(&self, refused: &Arc<Session>) -> Result<Arc<Session>, KeyError> {
        let _renewal = self.renewal.lock().await;
        let current = self.session();
        if !Arc::ptr_eq(&current, refused) {
            return Ok(current);
        }
        let session = Arc::new(Session::open(&self.config, &self.reach).await?);
        let mut current = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        *current = Arc::clone(&session);
        Ok(session)
    }

    /// Makes a call, and once more with fresh credentials if those that there are have become
    /// useless: a Secret was rotated, or a session has ended early.
    async fn call<'a, T, F>(&'a self, call: impl Fn(Arc<Session>) -> F) -> Result<T, KeyError>
    where
        F: Future<Output = Result<T, Failure>> + Send + 'a,
    {
        let session = self.session();
        match call(Arc::clone(&session)).await {
            Err(failure) if failure.remedy == Some(Remedy::Login) => {
                if !self.may_differ(&session).await {
                    return Err(failure.error);
                }
                let session = self.renewed(&session).await?;
                call(session).await.map_err(KeyError::from)
            }
            Err(failure) => {
                if failure.remedy == Some(Remedy::Connection) {
                    session.was_silent();
                }
                Err(failure.error)
            }
            Ok(answer) => Ok(answer),
        }
    }

    /// Whether another login can have another end. The same Secret has the same.
    async fn may_differ(&self, session: &Session) -> bool {
        match self.config.credentials {
            Some(AwsCredentials::SecretRef(_)) if self.config.role_arn.is_none() => {
                let holds = session.holds(&self.config, &self.reach).await;
                matches!(holds, Ok(false))
            }
            _ => true,
        }
    }

    async fn signature(&self, tbs: &ToBeSigned) -> Result<Signature, KeyError> {
        self.takes(tbs)?;
        let algorithm = in_kms(self.algorithm);
        let (form, bytes) = message(self.algorithm, tbs.der());
        let answer = self.call(|session| {
            let request = session.client.sign().key_id(&self.arn);
            let request = request.signing_algorithm(algorithm.clone());
            let request = request.message_type(form.clone()).message(bytes.clone());
            async move {
                let answer = request.send().await;
                answer.map_err(|error| session.service.failure(&error))
            }
        });
        let answer = answer.await?;
        let service = &self.session().service;
        if answer.key_id() != Some(self.arn.as_str()) {
            return Err(service.wrong("signed with another key than the one that was asked for"));
        }
        if answer.signing_algorithm() != Some(&algorithm) {
            return Err(service.wrong(format!("signed with something else than {algorithm}")));
        }
        let signature = answer.signature().map(AsRef::as_ref).unwrap_or_default();
        let verified = self.public_key.verify(self.algorithm, tbs.der(), signature);
        match verified {
            Ok(()) => Ok(Signature::new(signature.to_vec())),
            Err(_) => Err(self.misfit().await),
        }
    }

    /// Why a signature does not verify.
    async fn misfit(&self) -> KeyError {
        let there = self.call(|session| async move { key::public_key(&session, &self.arn).await });
        match there.await {
            Ok(there) if there.spki_der() != self.public_key.spki_der() => {
                let sentence = format!(
                    "the key {} in AWS KMS is another one than the one that was connected to; \
                     name the right key, or make a new issuer for this one",
                    self.arn
                );
                KeyError::new(ErrorClass::KeyUnusable, sentence)
            }
            _ => self
                .session()
                .service
                .wrong("gives a signature that is not one of the key"),
        }
    }

    async fn look(&self) -> Result<Checked, KeyError> {
        if !self.session().holds(&self.config, &self.reach).await? {
            return Ok(Checked::ConnectAgain);
        }
        let pin = Some(self.arn.as_str());
        let key =
            self.call(
                |session| async move { Resolved::find(&session, &self.config.key_id, pin).await },
            );
        let key = key.await?;
        key.usable()?;
        match key.arn == self.arn {
            true => Ok(Checked::Same {
                notices: key.notices,
            }),
            false => Ok(Checked::ConnectAgain),
        }
    }
}

impl Signer for KmsSigner {
    fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        self.algorithm
    }

    fn longest(&self) -> Option<usize> {
        (self.algorithm == SignatureAlgorithm::Ed25519).then_some(MOST_RAW_BYTES)
    }

    fn sign<'a>(&'a self, tbs: &'a ToBeSigned) -> BoxFuture<'a, Result<Signature, KeyError>> {
        self.signature(tbs).boxed()
    }

    fn check(&self) -> BoxFuture<'_, Result<Checked, KeyError>> {
        self.look().boxed()
    }
}

impl fmt::Debug for KmsSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KmsSigner")
            .field("arn", &self.arn)
            .field("public_key", &self.public_key)
            .finish_non_exhaustive()
    }
}
