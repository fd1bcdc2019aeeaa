//! A connected key in KMS.

use std::fmt;

use futures::FutureExt;
use futures::future::BoxFuture;
use signet_core::issue::{Signature, ToBeSigned};
use signet_core::x509::algorithm::SignatureAlgorithm;
use signet_core::x509::public_key::PublicKey;

use super::algorithm::{MAX_RAW_BYTES, in_kms, message};
use super::calls::Calls;
use super::key::{self, Resolved};
use crate::Signer;
use crate::backend::Checked;
use crate::error::{ErrorClass, KeyError};

/// A connected key. `Debug` shows its ARN and its public half.
pub(super) struct KmsSigner {
    key_id: String,
    arn: String,
    public_key: PublicKey,
    algorithm: SignatureAlgorithm,
    calls: Calls,
}

impl KmsSigner {
    pub(super) fn new(
        key_id: &str,
        (arn, public_key, algorithm): (String, PublicKey, SignatureAlgorithm),
        calls: Calls,
    ) -> Self {
        Self {
            key_id: key_id.to_owned(),
            arn,
            public_key,
            algorithm,
            calls,
        }
    }

    async fn signature(&self, tbs: &ToBeSigned) -> Result<Signature, KeyError> {
        self.check_length(tbs)?;
        let algorithm = in_kms(self.algorithm);
        let (form, bytes) = message(self.algorithm, tbs.der());
        let answer = self.calls.call(|session| {
            let request = session.client.sign().key_id(&self.arn);
            let request = request.signing_algorithm(algorithm.clone());
            let request = request.message_type(form.clone()).message(bytes.clone());
            async move {
                let answer = request.send().await;
                answer.map_err(|error| session.service.failure(&error))
            }
        });
        let answer = answer.await?;
        let service = &self.calls.session().service;
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
        let there = self
            .calls
            .call(|session| async move { key::public_key(&session, &self.arn).await });
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
                .calls
                .session()
                .service
                .wrong("gives a signature that is not one of the key"),
        }
    }

    async fn look(&self) -> Result<Checked, KeyError> {
        if !self.calls.holds().await? {
            return Ok(Checked::Reconnect);
        }
        let pin = Some(self.arn.as_str());
        let key = self
            .calls
            .call(|session| async move { Resolved::find(&session, &self.key_id, pin).await });
        let key = key.await?;
        key.usable()?;
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
        (self.algorithm == SignatureAlgorithm::Ed25519).then_some(MAX_RAW_BYTES)
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
