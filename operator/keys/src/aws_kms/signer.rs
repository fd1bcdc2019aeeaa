//! Connecting to a key in KMS, and the connected key.

use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use signet_core::issue::{Signature, ToBeSigned};
use signet_core::x509::algorithm::SignatureAlgorithm;
use signet_core::x509::public_key::PublicKey;

use super::AwsKms;
use super::client::KmsClient;
use super::credentials::AwsCredentials;
use super::error::AwsKmsError;
use super::key::{self, Resolved, in_kms, message};
use super::response::Failure;
use crate::Signer;
use crate::access::{Access, KeyPin};
use crate::backend::{Checked, Connected};
use crate::error::KeyError;
use crate::remote::{CALL, SharedLogin, in_time};
use crate::rsa_hash::RsaHash;

/// The longest message that KMS takes as it is.
const MAX_MESSAGE: usize = 4096;

/// Calls to KMS for one issuer.
struct Kms {
    config: AwsKms,
    access: Access,
    clients: SharedLogin<KmsClient>,
}

impl Kms {
    /// Makes a call. It is repeated once with another client if the credentials have become useless
    /// (a Secret was rotated, or a session has ended early), and once per service with the same
    /// client if that has learned from the response that the clocks differ.
    async fn call<'a, T, F>(&'a self, call: impl Fn(Arc<KmsClient>) -> F) -> Result<T, KeyError>
    where
        F: Future<Output = Result<T, Failure>> + Send + 'a,
    {
        let mut client = self.client(None).await?;
        let (mut has_time, mut has_login) = (Vec::new(), false);
        loop {
            let failure = match call(Arc::clone(&client)).await {
                Ok(response) => return Ok(response),
                Err(failure) => failure,
            };
            match failure.clock_of {
                Some(service) if !has_time.contains(&service) => has_time.push(service),
                _ if failure.needs_login && !has_login && self.may_differ(&client).await => {
                    has_login = true;
                    client = self.client(Some(&client)).await?;
                }
                _ => return Err(failure.error),
            }
        }
    }

    async fn client(&self, refused: Option<&Arc<KmsClient>>) -> Result<Arc<KmsClient>, KeyError> {
        let is_usable = |client: &Arc<_>| !refused.is_some_and(|it| Arc::ptr_eq(it, client));
        let log_in = KmsClient::new(&self.config, &self.access);
        self.clients.get(is_usable, log_in).await
    }

    async fn key<'a>(&'a self, pin: Option<&'a str>) -> Result<Resolved, KeyError> {
        let key_id = self.config.key_id.as_str();
        let find =
            |client: Arc<KmsClient>| async move { Resolved::find(&client, key_id, pin).await };
        let key = self.call(find).await?;
        key.check()?;
        Ok(key)
    }

    /// Whether another login can have another result. The same Secret has the same.
    async fn may_differ(&self, client: &KmsClient) -> bool {
        match self.config.credentials {
            Some(AwsCredentials::SecretRef(_)) if self.config.role_arn.is_none() => {
                matches!(client.sources.are_current().await, Ok(false))
            }
            _ => true,
        }
    }

    fn service(&self) -> String {
        format!("AWS KMS in {}", self.config.region)
    }
}

/// A connected key.
struct KmsSigner {
    kms: Kms,
    arn: String,
    public_key: PublicKey,
    algorithm: SignatureAlgorithm,
}

/// Finds the key, checks that it can sign, and reads its public half.
pub(super) async fn connect(
    config: &AwsKms,
    rsa_hash: RsaHash,
    access: &Access,
    known: &KeyPin,
) -> Result<Connected, KeyError> {
    let kms = Kms {
        config: config.clone(),
        access: access.clone(),
        clients: SharedLogin::default(),
    };
    let key = kms.key(known.pin.as_deref()).await?;
    let key_ref = &key;
    let read = |client: Arc<KmsClient>| async move { key_ref.public_key(&client).await };
    let public_key = kms.call(read).await?;
    let algorithm = rsa_hash.algorithm_for(public_key.algorithm());
    key.check_algorithm(algorithm)?;
    let (pin, notices) = (Some(key.arn.clone()), key.notices);
    let signer = KmsSigner {
        kms,
        arn: key.arn,
        public_key,
        algorithm,
    };
    Ok(Connected {
        pin,
        notices,
        ..Connected::to(Arc::new(signer))?
    })
}

impl KmsSigner {
    async fn signature(&self, tbs: &ToBeSigned) -> Result<Signature, KeyError> {
        self.check_length(tbs)?;
        let algorithm = in_kms(self.algorithm);
        let (form, bytes) = message(self.algorithm, tbs.der());
        let sign = |client: Arc<KmsClient>| {
            let request = client.sdk.sign().key_id(&self.arn);
            let request = request.signing_algorithm(algorithm.clone());
            let request = request.message_type(form.clone()).message(bytes.clone());
            async move {
                let response = request.send().await;
                response.map_err(|error| client.service.failure(&error))
            }
        };
        let response = self.kms.call(sign).await?;
        let service = self.kms.service();
        if response.key_id() != Some(self.arn.as_str()) {
            let operation = "Sign";
            return Err(AwsKmsError::OtherKey { service, operation }.into());
        }
        if response.signing_algorithm() != Some(&algorithm) {
            let algorithm = algorithm.to_string();
            return Err(AwsKmsError::OtherAlgorithm { service, algorithm }.into());
        }
        let signature = response.signature().map(AsRef::as_ref).unwrap_or_default();
        let verified = self.public_key.verify(self.algorithm, tbs.der(), signature);
        match verified {
            Ok(()) => Ok(Signature::new(signature.to_vec())),
            Err(_) => Err(self.mismatch().await),
        }
    }

    /// Why a signature does not verify.
    async fn mismatch(&self) -> KeyError {
        let read =
            |client: Arc<KmsClient>| async move { key::public_key(&client, &self.arn).await };
        let error = match self.kms.call(read).await {
            Ok(now) if now.spki_der() != self.public_key.spki_der() => {
                let arn = self.arn.clone();
                AwsKmsError::KeyChanged { arn }
            }
            _ => AwsKmsError::InvalidSignature {
                service: self.kms.service(),
            },
        };
        error.into()
    }

    async fn look(&self) -> Result<Checked, KeyError> {
        match self.kms.clients.current() {
            Some(client) if client.sources.are_current().await? => {}
            _ => return Ok(Checked::Reconnect),
        }
        let key = self.kms.key(Some(&self.arn)).await?;
        match key.arn == self.arn {
            true => Ok(Checked::Unchanged {
                notices: key.notices,
            }),
            false => Ok(Checked::Reconnect),
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

    fn max_message_len(&self) -> Option<usize> {
        (self.algorithm == SignatureAlgorithm::Ed25519).then_some(MAX_MESSAGE)
    }

    fn sign<'a>(&'a self, tbs: &'a ToBeSigned) -> BoxFuture<'a, Result<Signature, KeyError>> {
        async { in_time(CALL, &self.kms.service(), self.signature(tbs)).await }.boxed()
    }

    fn check(&self) -> BoxFuture<'_, Result<Checked, KeyError>> {
        self.look().boxed()
    }
}
