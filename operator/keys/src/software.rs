//! A key in a Kubernetes Secret: the embedded default, and the way in from a cert-manager CA
//! issuer.

mod error;
mod generate;
mod private_key;
#[cfg(feature = "samples")]
mod samples;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use signet_core::ca::MAX_PEM_BYTES;
use signet_core::issue::{Signature, ToBeSigned};
use signet_core::x509::algorithm::{KeyAlgorithm, SignatureAlgorithm};
use signet_core::x509::public_key::PublicKey;
use zeroize::Zeroizing;

pub use error::SoftwareError;
pub use generate::{GeneratedKey, KeyType};
use private_key::PrivateKey;
pub use private_key::read_public_key;

use crate::Signer;
use crate::access::{Access, KeyPin, Namespace};
use crate::backend::{Backend, Checked, Connected};
use crate::blocking::BlockingQueue;
use crate::error::KeyError;
use crate::guard::Limits;
use crate::rsa_hash::RsaHash;
use crate::secrets::SECRET_ENTRY_PATTERN;

/// The entry that holds the private key by default, as in a `kubernetes.io/tls` Secret.
pub(crate) const TLS_KEY: &str = "tls.key";
/// What may stand beside it: the key's certificate with its intermediates, and roots.
const CHAIN: [&str; 2] = ["tls.crt", "ca.crt"];

/// A private key in a Kubernetes Secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Software {
    /// The Secret that holds the private key in `entry`, in PEM (PKCS#8, PKCS#1 or SEC1), in the
    /// Issuer's namespace or, for a ClusterIssuer, in the cluster resource namespace. With
    /// `certificate.selfSigned`, Signet creates the key if the Secret does not exist; that of an
    /// Issuer only with `--issuer-key-creation`. Signet never overwrites a key, and does not create
    /// it again if it is deleted.
    #[schemars(length(min = 1, max = 253), extend("x-kubernetes-validations" = [{
        "rule": "self.matches('^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$')",
        "message": "write the name of a Secret: lower-case letters, digits, hyphens and dots",
    }]))]
    pub secret_name: String,
    /// The type of the key that Signet creates with `certificate.selfSigned`. An existing key keeps
    /// its type. All meshes accept ECDSA P-256.
    #[serde(default)]
    pub key_type: KeyType,
    /// The entry of the Secret that holds the private key. Defaults to `tls.key`. Another entry is
    /// another key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253), regex(pattern = SECRET_ENTRY_PATTERN))]
    pub entry: Option<String>,
}

/// What a reader of the issuer's status should know.
pub(crate) const WARNING: &str = "the key is in a Secret of this cluster, not in a KMS or an HSM";

impl Backend for Software {
    fn name(&self) -> &'static str {
        "software"
    }

    fn reference(&self) -> String {
        match self.other_entry() {
            Some(entry) => format!("software/{}/{entry}", self.secret_name),
            None => format!("software/{}", self.secret_name),
        }
    }

    fn spec_hint(&self) -> String {
        let hint = format!(
            "software.secretName: {}, software.keyType: {}",
            self.secret_name, self.key_type
        );
        match self.other_entry() {
            Some(entry) => format!("{hint}, software.entry: {entry}"),
            None => hint,
        }
    }

    fn provision(&self) -> Option<Self> {
        Some(self.clone())
    }

    fn warning(&self) -> Option<&'static str> {
        Some(WARNING)
    }

    fn limits(&self) -> Limits {
        Limits {
            per_second: None,
            max_in_flight: 32,
            per_tenant: None,
        }
    }

    fn connect<'a>(
        &'a self,
        rsa_hash: RsaHash,
        access: &'a Access,
        _known: &'a KeyPin,
    ) -> BoxFuture<'a, Result<Connected, KeyError>> {
        self.load(rsa_hash, access).boxed()
    }
}

impl Software {
    /// Returns the entry of the Secret that holds the private key.
    pub fn entry(&self) -> &str {
        self.entry.as_deref().unwrap_or(TLS_KEY)
    }

    /// Returns the entry, unless it is the default one. A default is the same key as its value.
    fn other_entry(&self) -> Option<&str> {
        self.entry.as_deref().filter(|entry| *entry != TLS_KEY)
    }

    async fn load(&self, rsa_hash: RsaHash, access: &Access) -> Result<Connected, KeyError> {
        let name = || self.secret_name.clone();
        let secret = access.namespace.secret(&self.secret_name).await?;
        let secret = secret.ok_or_else(|| SoftwareError::NoSecret { secret: name() })?;
        let pem = secret.get(self.entry());
        let pem = pem.ok_or_else(|| SoftwareError::NoKey {
            entry: self.entry().to_owned(),
            secret: name(),
        })?;
        let key = self.read(pem, rsa_hash, access).await?;
        let of_key = || key.public_key.fingerprint();
        let signer = SoftwareSigner {
            share: access.tenant.clone().unwrap_or_else(of_key),
            key: Arc::new(key),
            signing: access.signing.clone(),
            namespace: access.namespace.clone(),
            secret: (name(), secret.version().to_owned()),
        };
        Ok(Connected {
            // One byte more than is read is enough to say that it is too much.
            colocated_secret: Some(secret.only(&CHAIN, MAX_PEM_BYTES + 1)),
            ..Connected::to(Arc::new(signer))?
        })
    }

    /// Reads the key on a thread of its own: the checks of a large RSA key take
    /// milliseconds, and its owner chooses how often they are made.
    async fn read(
        &self,
        pem: &[u8],
        rsa_hash: RsaHash,
        access: &Access,
    ) -> Result<PrivateKey, SoftwareError> {
        let (pem, from) = (Zeroizing::new(pem.to_vec()), self.clone());
        let read = move || PrivateKey::from_pem(&pem, rsa_hash, &from);
        let share = access.tenant.as_deref().unwrap_or_default();
        let read = access.loading.run(share, read).await;
        read.unwrap_or_else(|_| Err(self.unsupported()))
    }

    fn unsupported(&self) -> SoftwareError {
        SoftwareError::UnsupportedKey {
            entry: self.entry().to_owned(),
            secret: self.secret_name.clone(),
        }
    }
}

/// A key in memory.
struct SoftwareSigner {
    key: Arc<PrivateKey>,
    signing: Arc<BlockingQueue>,
    /// The share of the queue that its signatures count toward: that of an Issuer's namespace. Each
    /// key of ClusterIssuers has its own.
    share: String,
    namespace: Arc<dyn Namespace>,
    /// The Secret that it was read from, and its version.
    secret: (String, String),
}

impl Signer for SoftwareSigner {
    fn public_key(&self) -> &PublicKey {
        &self.key.public_key
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        self.key.algorithm
    }

    fn sign<'a>(&'a self, tbs: &'a ToBeSigned) -> BoxFuture<'a, Result<Signature, KeyError>> {
        async move {
            let signature = match self.public_key().algorithm() {
                KeyAlgorithm::Rsa { .. } => {
                    let (key, message) = (self.key.clone(), tbs.der().to_vec());
                    // Milliseconds of arithmetic would hold up everything else on this thread.
                    let sign = move || key.sign(&message);
                    self.signing.run(&self.share, sign).await.ok().flatten()
                }
                _ => self.key.sign(tbs.der()),
            };
            let signature = signature.map(Signature::new);
            signature.ok_or_else(|| SoftwareError::NotSigned.into())
        }
        .boxed()
    }

    /// The Secret is all there is: the key is the same as long as that is.
    fn check(&self) -> BoxFuture<'_, Result<Checked, KeyError>> {
        async {
            let (name, version) = &self.secret;
            let secret = self.namespace.secret(name).await?;
            let same = secret.is_some_and(|secret| secret.version() == version);
            Ok(match same {
                true => Checked::Unchanged {
                    notices: Vec::new(),
                },
                false => Checked::Reconnect,
            })
        }
        .boxed()
    }
}
