//! A connected key in Vault.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, SHA384, SHA512, digest};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures::FutureExt;
use futures::future::BoxFuture;
use reqwest::Identity;
use rustls_pki_types::CertificateDer;
use signet_core::algorithm::{KeyAlgorithm, SignatureAlgorithm};
use signet_core::public_key::PublicKey;
use signet_core::template::{Signature, ToBeSigned};
use vaultrs::api::transit::HashAlgorithm;
use zeroize::Zeroizing;

use super::VaultTransit;
use super::answer::KeyData;
use super::api::{Api, ToSign};
use super::auth::VaultAuth;
use super::failure::{Failure, wrong_answer};
use super::key::Version;
use super::login::secret;
use super::place::Place;
use super::session::Session;
use super::transport::{Transport, Trust};
use crate::Signer;
use crate::backend::{Checked, Connected};
use crate::error::{ErrorClass, KeyError};
use crate::reach::{Known, Namespace, Reach};
use crate::secrets::SecretData;

/// The most bytes that Ed25519 signs; all others sign a digest. No certificate of this size fits
/// into an object of Kubernetes, and far more would not fit into a request to Vault.
const MOST_BYTES: usize = 1024 * 1024;

/// A key in Vault. `Debug` shows its public half.
struct VaultSigner {
    config: VaultTransit,
    namespace: Arc<dyn Namespace>,
    session: Session,
    version: u64,
    public_key: PublicKey,
    ca: Option<Vec<CertificateDer<'static>>>,
    /// The version of the Secret with the client certificate.
    identity: Option<String>,
}

/// Connects to the key, and pins its version.
pub(super) async fn connect(
    config: &VaultTransit,
    reach: &Reach,
    known: &Known,
) -> Result<Connected, KeyError> {
    let place = Place::of(config, &reach.addresses)?;
    let namespace = &*reach.namespace;
    let number = pinned(config, known)?;
    let ca = match &config.ca_bundle {
        Some(bundle) => Some(bundle.read(namespace).await?),
        None => None,
    };
    let identity = match &*config.auth {
        VaultAuth::Certificate(auth) => {
            let pair = secret(&auth.secret_name, namespace, "the client certificate").await?;
            Some((
                identity(&auth.secret_name, &pair)?,
                pair.version().to_owned(),
            ))
        }
        _ => None,
    };
    let (identity, identity_version) = identity.unzip();
    let trust = Trust {
        ca: ca.clone(),
        identity,
    };
    let transport = Transport::new(&place, reach, trust)?;
    let session = Session::new(
        Api::new(place, transport),
        (*config.auth).clone(),
        reach.namespace.clone(),
    );
    let version = look(&session).await?.version(number, &session.api.place)?;
    Ok(Connected {
        pin: Some(version.number.to_string()),
        notices: version.notices,
        ..Connected::to(Arc::new(VaultSigner {
            config: config.clone(),
            namespace: reach.namespace.clone(),
            session,
            version: version.number,
            public_key: version.public_key,
            ca,
            identity: identity_version,
        }))
    })
}

/// The version to sign with, where it is known.
fn pinned(config: &VaultTransit, known: &Known) -> Result<Option<u64>, KeyError> {
    if let Some(version) = config.version {
        return Ok(Some(version.into()));
    }
    let pin = known.pin.as_deref().map(str::parse).transpose();
    pin.map_err(|_| {
        let sentence = "the CA generation names a version of the key that is no number; restore it";
        KeyError::new(ErrorClass::KeyUnusable, sentence)
    })
}

/// The client certificate with its key, in one PEM.
fn identity(name: &str, pair: &SecretData) -> Result<Identity, KeyError> {
    let parts = [pair.get("tls.crt"), pair.get("tls.key")];
    let pem = parts.map(Option::unwrap_or_default).join(&b'\n');
    Identity::from_pem(&Zeroizing::new(pem)).map_err(|_| {
        let sentence = format!(
            "the Secret {name} holds no client certificate; put the certificate under tls.crt and \
             its key under tls.key, in PEM"
        );
        KeyError::new(ErrorClass::CredentialsRefused, sentence)
    })
}

/// Reads the key.
async fn look(session: &Session) -> Result<KeyData, KeyError> {
    let place = &session.api.place;
    session.read_key().await.map_err(|failure| {
        let what = format!("{} does not exist; make it, or name another", place.key());
        failure.about(place, &what, ErrorClass::KeyNotFound)
    })
}

impl VaultSigner {
    fn place(&self) -> &Place {
        &self.session.api.place
    }

    /// Looks at the key: it can sign, and is the one that was connected to.
    async fn look(&self) -> Result<Version, KeyError> {
        let key = look(&self.session).await?;
        let version = key.version(Some(self.version), self.place())?;
        if version.public_key != self.public_key {
            let sentence = format!(
                "{} is another key than the one that was connected to: it changed behind Signet's \
                 back; restore the key that this CA is over",
                self.place().key()
            );
            return Err(KeyError::new(ErrorClass::KeyUnusable, sentence));
        }
        Ok(version)
    }

    async fn signed(&self, tbs: &ToBeSigned) -> Result<Signature, KeyError> {
        let answered = self.session.sign(&self.to_sign(tbs.der())?).await;
        let text = match answered {
            Ok(text) => text,
            Err(failure @ Failure::Away(_)) => return Err(self.refused(failure)),
            Err(failure @ Failure::Refused(_)) => {
                if failure.is_about_the_request() {
                    // Vault says it in many ways and with many a status; the key tells.
                    self.look().await?;
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
            self.look().await?;
            return Err(wrong_answer(self.place()));
        }
        Ok(Signature::new(signature))
    }

    fn refused(&self, failure: Failure) -> KeyError {
        let what = format!("{} does not sign", self.place().key());
        failure.about(self.place(), &what, ErrorClass::KeyUnusable)
    }

    fn to_sign(&self, message: &[u8]) -> Result<ToSign, KeyError> {
        let (algorithm, hash) = match self.algorithm() {
            SignatureAlgorithm::EcdsaSha256 | SignatureAlgorithm::RsaPkcs1Sha256 => {
                (Some(&SHA256), Some(HashAlgorithm::Sha2_256))
            }
            SignatureAlgorithm::EcdsaSha384 | SignatureAlgorithm::RsaPkcs1Sha384 => {
                (Some(&SHA384), Some(HashAlgorithm::Sha2_384))
            }
            SignatureAlgorithm::EcdsaSha512 | SignatureAlgorithm::RsaPkcs1Sha512 => {
                (Some(&SHA512), Some(HashAlgorithm::Sha2_512))
            }
            SignatureAlgorithm::Ed25519 => (None, None),
        };
        if algorithm.is_none() && message.len() > MOST_BYTES {
            let sentence = format!(
                "the certificate has {} bytes, and an Ed25519 key in Vault signs {MOST_BYTES} at \
                 most; ask for fewer names",
                message.len()
            );
            return Err(KeyError::new(ErrorClass::KeyUnusable, sentence));
        }
        let input = match algorithm {
            Some(algorithm) => STANDARD.encode(digest(algorithm, message)),
            None => STANDARD.encode(message),
        };
        Ok(ToSign {
            input,
            version: self.version,
            hash,
            is_rsa: matches!(self.public_key.algorithm(), KeyAlgorithm::Rsa { .. }),
        })
    }

    /// The signature in `vault:vN:BASE64`, if N is the pinned version.
    fn parse(&self, text: &str) -> Option<Vec<u8>> {
        let (version, signature) = text.strip_prefix("vault:v")?.split_once(':')?;
        (version == self.version.to_string()).then(|| STANDARD.decode(signature).ok())?
    }

    /// Whether what was connected with has changed.
    async fn has_changed(&self) -> Result<bool, KeyError> {
        if let Some(bundle) = &self.config.ca_bundle
            && Some(bundle.read(&*self.namespace).await?) != self.ca
        {
            return Ok(true);
        }
        let VaultAuth::Certificate(auth) = &*self.config.auth else {
            return Ok(false);
        };
        let pair = self.namespace.secret(&auth.secret_name).await?;
        Ok(pair.map(|pair| pair.version().to_owned()) != self.identity)
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

    fn sign<'a>(&'a self, tbs: &'a ToBeSigned) -> BoxFuture<'a, Result<Signature, KeyError>> {
        self.signed(tbs).boxed()
    }

    fn check(&self) -> BoxFuture<'_, Result<Checked, KeyError>> {
        async {
            if self.has_changed().await? {
                return Ok(Checked::ConnectAgain);
            }
            self.session.refresh().await?;
            let notices = self.look().await?.notices;
            Ok(Checked::Same { notices })
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
