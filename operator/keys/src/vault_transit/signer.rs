//! Connecting to a key in Vault, and the connected key.

use std::fmt;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures::FutureExt;
use futures::future::BoxFuture;
use signet_core::issue::{Signature, ToBeSigned};
use signet_core::x509::algorithm::SignatureAlgorithm;
use signet_core::x509::public_key::PublicKey;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::VaultTransit;
use super::api::Transit;
use super::error::VaultTransitError;
use super::key::{KeyData, KeyPath, Version};
use crate::Signer;
use crate::access::{Access, KeyPin};
use crate::backend::{Checked, Connected};
use crate::error::KeyError;
use crate::message_digest::message_digest;
use crate::remote::{CALL, Sources, in_time};
use crate::rsa_hash::RsaHash;
use crate::vault::Session;

/// The longest message that Ed25519 signs; all others sign a digest. No certificate of this size
/// fits into an object of Kubernetes, and a far larger one would not fit into a request to Vault.
const MAX_MESSAGE: usize = 1024 * 1024;

/// A key in Vault. `Debug` shows its public half.
struct VaultSigner {
    transit: Transit,
    version: u64,
    public_key: PublicKey,
    algorithm: SignatureAlgorithm,
    sources: Sources,
    /// When the key was last read, and why it does not sign.
    last_read: Mutex<Option<(Instant, Result<(), KeyError>)>>,
}

pub(super) async fn connect(
    config: &VaultTransit,
    rsa_hash: RsaHash,
    access: &Access,
    known: &KeyPin,
) -> Result<Connected, KeyError> {
    let path = KeyPath::of(config, &access.addresses)?;
    let number = pinned(config, known)?;
    let fingerprint = known.fingerprint.as_deref();
    let open = Session::open(&config.connection, path.server.clone(), access);
    let (session, sources) = open.await?;
    let transit = Transit { path, session };
    let data = read(&transit).await?;
    // The pin belongs to another name of the key, and the fingerprint to the key.
    let recorded = || fingerprint.and_then(|own| data.number_of(own, &transit.path));
    let version = data.version(number.or_else(recorded), &transit.path)?;
    let (pin, notices) = (version.number.to_string(), version.notices);
    let signer = VaultSigner {
        transit,
        version: version.number,
        algorithm: rsa_hash.algorithm_for(version.public_key.algorithm()),
        public_key: version.public_key,
        sources,
        last_read: Mutex::default(),
    };
    Ok(Connected {
        pin: Some(pin),
        notices,
        ..Connected::to(Arc::new(signer))?
    })
}

fn pinned(config: &VaultTransit, known: &KeyPin) -> Result<Option<u64>, VaultTransitError> {
    if let Some(version) = config.version {
        return Ok(Some(version.into()));
    }
    let pin = known.pin.as_deref().map(str::parse).transpose();
    pin.map_err(|_| VaultTransitError::InvalidPin)
}

async fn read(transit: &Transit) -> Result<KeyData, KeyError> {
    let path = &transit.path;
    let key = path.key();
    let not_found = |detail| VaultTransitError::KeyNotFound { key, detail };
    let data = transit.read_key().await;
    data.map_err(|failure| failure.or(&path.server, not_found))
}

impl VaultSigner {
    fn path(&self) -> &KeyPath {
        &self.transit.path
    }

    /// Reads the key: it can sign, and is the one that was connected.
    async fn read(&self) -> Result<Version, KeyError> {
        let data = read(&self.transit).await?;
        let version = data.version(Some(self.version), self.path())?;
        if version.public_key != self.public_key {
            let key = self.path().key();
            return Err(VaultTransitError::KeyChanged { key }.into());
        }
        Ok(version)
    }

    /// Reads the key, unless another call has since then: of many signatures that are refused
    /// together, one finds out why.
    async fn read_since(&self, refused: Instant) -> Result<(), KeyError> {
        let mut last = self.last_read.lock().await;
        if let Some((at, result)) = &*last
            && *at >= refused
        {
            return result.clone();
        }
        let result = self.read().await.map(drop);
        *last = Some((Instant::now(), result.clone()));
        result
    }

    async fn signature(&self, tbs: &ToBeSigned) -> Result<Signature, KeyError> {
        self.check_length(tbs)?;
        let input = match message_digest(self.algorithm, tbs.der()) {
            Some(digest) => STANDARD.encode(digest),
            None => STANDARD.encode(tbs.der()),
        };
        let response = self.transit.sign(self.version, self.algorithm, &input);
        let response = response.await;
        let now = Instant::now();
        let text = match response {
            Ok(text) => text,
            Err(failure) => {
                if failure.may_be_about_the_key() {
                    // Vault has many words and statuses for it; the key itself tells.
                    self.read_since(now).await?;
                }
                let key = self.path().key();
                let not_signed = |detail| VaultTransitError::NotSigned { key, detail };
                return Err(failure.or(&self.path().server, not_signed));
            }
        };
        let signature = self.parse(&text);
        let signature = signature.ok_or_else(|| self.path().server.invalid_response())?;
        let key = &self.public_key;
        if key.verify(self.algorithm, tbs.der(), &signature).is_err() {
            self.read_since(now).await?;
            return Err(self.path().server.invalid_response().into());
        }
        Ok(Signature::new(signature))
    }

    /// The signature in `vault:vN:BASE64`, if N is the pinned version.
    fn parse(&self, text: &str) -> Option<Vec<u8>> {
        let (version, signature) = text.strip_prefix("vault:v")?.split_once(':')?;
        (version == self.version.to_string()).then(|| STANDARD.decode(signature).ok())?
    }
}

impl Signer for VaultSigner {
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
        async { in_time(CALL, &self.path().server.name(), self.signature(tbs)).await }.boxed()
    }

    fn check(&self) -> BoxFuture<'_, Result<Checked, KeyError>> {
        async {
            if !self.sources.are_current().await? {
                return Ok(Checked::Reconnect);
            }
            self.transit.session.refresh().await?;
            let notices = self.read().await?.notices;
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
