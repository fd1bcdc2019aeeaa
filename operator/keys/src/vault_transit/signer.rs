//! A connected key in Vault.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures::FutureExt;
use futures::future::BoxFuture;
use rustls_pki_types::CertificateDer;
use signet_core::issue::{Signature, ToBeSigned};
use signet_core::x509::algorithm::{KeyAlgorithm, SignatureAlgorithm};
use signet_core::x509::public_key::PublicKey;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};
use vaultrs::api::transit::HashAlgorithm;

use super::VaultTransit;
use super::answer::KeyData;
use super::api::ToSign;
use super::connect::made_of;
use super::failure::{Failure, wrong_answer};
use super::key::Version;
use super::place::Place;
use super::session::Session;
use crate::Signer;
use crate::access::{Access, Namespace};
use crate::backend::Checked;
use crate::error::{ErrorClass, KeyError};
use crate::message_digest::message_digest;
/// The longest that a signature and the login before it may take together: less than
/// [`ATTEMPT`](crate::guard::ATTEMPT), so that the error names the server.
const CALL: Duration = Duration::from_millis(4500);

/// The most bytes that Ed25519 signs; all others sign a digest. No certificate of this size fits
/// into an object of Kubernetes, and far more would not fit into a request to Vault.
const MAX_BYTES: usize = 1024 * 1024;

/// A key in Vault. `Debug` shows its public half.
pub(super) struct VaultSigner {
    config: VaultTransit,
    namespace: Arc<dyn Namespace>,
    session: Session,
    version: u64,
    public_key: PublicKey,
    made_of: MadeOf,
    /// The last look at the key: when it ended, and why the key does not sign.
    looked: Mutex<Option<(Instant, Result<(), KeyError>)>>,
}

/// What a connection was made of, besides the login.
#[derive(PartialEq, Eq)]
pub(super) struct MadeOf {
    pub(super) ca: Option<Vec<CertificateDer<'static>>>,
    /// The version of the Secret with the client certificate.
    pub(super) client_certificate: Option<String>,
}

/// Reads the key.
pub(super) async fn look(session: &Session) -> Result<KeyData, KeyError> {
    let place = &session.api.place;
    session.read_key().await.map_err(|failure| {
        let what = format!("{} does not exist; make it, or name another", place.key());
        failure.about(place, &what, ErrorClass::KeyNotFound)
    })
}

impl VaultSigner {
    pub(super) fn new(
        config: &VaultTransit,
        access: &Access,
        session: Session,
        version: Version,
        made_of: MadeOf,
    ) -> Self {
        Self {
            config: config.clone(),
            namespace: access.namespace.clone(),
            session,
            version: version.number,
            public_key: version.public_key,
            made_of,
            looked: Mutex::default(),
        }
    }

    fn place(&self) -> &Place {
        &self.session.api.place
    }

    /// Looks at the key: it can sign, and is the one that was connected to.
    async fn look(&self) -> Result<Version, KeyError> {
        let key = look(&self.session).await?;
        let version = key.version(Some(self.version), self.place())?;
        if version.public_key != self.public_key {
            let sentence = format!(
                "{} is another key than the one that was connected to; restore the key that this \
                 CA is over",
                self.place().key()
            );
            return Err(KeyError::new(ErrorClass::KeyUnusable, sentence));
        }
        Ok(version)
    }

    /// Looks at the key, unless somebody has since then: of many signatures that are refused at
    /// once, one asks why.
    async fn look_since(&self, refused: Instant) -> Result<(), KeyError> {
        let mut looked = self.looked.lock().await;
        if let Some((ended, found)) = &*looked
            && *ended >= refused
        {
            return found.clone();
        }
        let found = self.look().await.map(drop);
        *looked = Some((Instant::now(), found.clone()));
        found
    }

    /// Signs, with the login that this may need, in the time of one call.
    async fn in_time(&self, tbs: &ToBeSigned) -> Result<Signature, KeyError> {
        let signed = timeout(CALL, self.signed(tbs)).await;
        signed.unwrap_or_else(|_| {
            let sentence = format!("{} does not answer in time", self.place().server());
            Err(KeyError::new(ErrorClass::Unreachable, sentence))
        })
    }

    async fn signed(&self, tbs: &ToBeSigned) -> Result<Signature, KeyError> {
        self.check_length(tbs)?;
        let answered = self.session.sign(&self.to_sign(tbs.der())).await;
        let now = Instant::now();
        let text = match answered {
            Ok(text) => text,
            Err(failure) => {
                if failure.is_about_the_request() {
                    // Vault says it in many ways and with many a status; the key tells.
                    self.look_since(now).await?;
                }
                return Err(self.refused(failure));
            }
        };
        let signature = self
            .parse(&text)
            .ok_or_else(|| wrong_answer(self.place()))?;
        let verified = self
            .public_key
            .verify(self.algorithm(), tbs.der(), &signature);
        if verified.is_err() {
            self.look_since(now).await?;
            return Err(wrong_answer(self.place()));
        }
        Ok(Signature::new(signature))
    }

    fn refused(&self, failure: Failure) -> KeyError {
        let what = format!("{} does not sign", self.place().key());
        failure.about(self.place(), &what, ErrorClass::KeyUnusable)
    }

    fn to_sign(&self, message: &[u8]) -> ToSign {
        let digest = message_digest(self.algorithm(), message);
        ToSign {
            input: match &digest {
                Some(digest) => STANDARD.encode(digest),
                None => STANDARD.encode(message),
            },
            version: self.version,
            hash: hash(self.algorithm()),
            is_rsa: matches!(self.public_key.algorithm(), KeyAlgorithm::Rsa { .. }),
        }
    }

    /// The signature in `vault:vN:BASE64`, if N is the pinned version.
    fn parse(&self, text: &str) -> Option<Vec<u8>> {
        let (version, signature) = text.strip_prefix("vault:v")?.split_once(':')?;
        (version == self.version.to_string()).then(|| STANDARD.decode(signature).ok())?
    }
}

/// Vault's name of the hash that gives the digest; none for Ed25519, which has none.
fn hash(algorithm: SignatureAlgorithm) -> Option<HashAlgorithm> {
    match algorithm {
        SignatureAlgorithm::EcdsaSha256 | SignatureAlgorithm::RsaPkcs1Sha256 => {
            Some(HashAlgorithm::Sha2_256)
        }
        SignatureAlgorithm::EcdsaSha384 | SignatureAlgorithm::RsaPkcs1Sha384 => {
            Some(HashAlgorithm::Sha2_384)
        }
        SignatureAlgorithm::EcdsaSha512 | SignatureAlgorithm::RsaPkcs1Sha512 => {
            Some(HashAlgorithm::Sha2_512)
        }
        SignatureAlgorithm::Ed25519 => None,
    }
}

impl Signer for VaultSigner {
    fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        self.config
            .rsa_hash
            .algorithm_for(self.public_key.algorithm())
    }

    fn max_message_len(&self) -> Option<usize> {
        (self.algorithm() == SignatureAlgorithm::Ed25519).then_some(MAX_BYTES)
    }

    fn sign<'a>(&'a self, tbs: &'a ToBeSigned) -> BoxFuture<'a, Result<Signature, KeyError>> {
        self.in_time(tbs).boxed()
    }

    fn check(&self) -> BoxFuture<'_, Result<Checked, KeyError>> {
        async {
            let (made_of, _) = made_of(&self.config, &*self.namespace).await?;
            if made_of != self.made_of {
                return Ok(Checked::Reconnect);
            }
            self.session.refresh().await?;
            let notices = self.look().await?.notices;
            Ok(Checked::Unchanged { notices })
        }
        .boxed()
    }
}

impl fmt::Debug for VaultSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VaultSigner")
            .field("version", &self.version)
            .field("public_key", &self.public_key)
            .finish_non_exhaustive()
    }
}
