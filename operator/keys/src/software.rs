//! A key in a Kubernetes Secret: the embedded default, and the way in from a cert-manager CA
//! issuer.

mod error;
mod generate;
mod pair;
#[cfg(feature = "samples")]
mod samples;

use std::fmt;
use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use signet_core::ca::MAX_PEM_BYTES;
use signet_core::issue::{Signature, ToBeSigned};
use signet_core::x509::algorithm::{KeyAlgorithm, SignatureAlgorithm};
use signet_core::x509::public_key::PublicKey;

pub use error::SoftwareError;
pub use generate::{GeneratedKey, KeyType};
use pair::KeyPair;

use crate::Signer;
use crate::access::{Access, KeyPin, Namespace};
use crate::backend::{Backend, Checked, Connected};
use crate::error::KeyError;
use crate::guard::Limits;
use crate::rsa_hash::RsaHash;

/// The Secret key that holds the private key, as in a `kubernetes.io/tls` Secret.
pub(crate) const TLS_KEY: &str = "tls.key";
/// What may stand beside it: the key's certificate with its intermediates, and roots.
const CHAIN: [&str; 2] = ["tls.crt", "ca.crt"];

/// The longest RSA key that signs. A signature takes milliseconds with 4096 bits and tens of them
/// with 8192, and requesters can request any number of certificates.
const MAX_RSA_BITS: u32 = 4096;

/// A private key in a Kubernetes Secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Software {
    /// The Secret that holds the private key under `tls.key`, in PEM (PKCS#8, PKCS#1 or SEC1), in
    /// the Issuer's namespace or, for a ClusterIssuer, in the cluster resource namespace. With
    /// `certificate.selfSigned`, Signet creates the key if the Secret does not exist. Signet never
    /// overwrites a key, and does not create it again if it is deleted.
    #[schemars(length(min = 1, max = 253), extend("x-kubernetes-validations" = [{
        "rule": "self.matches('^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$')",
        "message": "write the name of a Secret: lower-case letters, digits, hyphens and dots",
    }]))]
    pub secret_name: String,
    /// The type of the key that Signet creates with `certificate.selfSigned`. An existing key keeps
    /// its type. All meshes accept ECDSA P-256.
    #[serde(default)]
    pub key_type: KeyType,
}

/// A key that Signet makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyToMake {
    /// Its type.
    pub key_type: KeyType,
    /// The Secret that it goes into, and that is not there yet.
    pub secret_name: String,
}

/// What a reader of the issuer's status should know.
pub(crate) const WARNING: &str = "the key is in a Secret of this cluster, not in a KMS or an HSM";

impl Backend for Software {
    fn name(&self) -> &'static str {
        "software"
    }

    fn reference(&self) -> String {
        format!("software/{}", self.secret_name)
    }

    fn spec_hint(&self) -> String {
        format!(
            "software.secretName: {}, software.keyType: {}",
            self.secret_name,
            self.key_type.as_str()
        )
    }

    fn provision(&self) -> Option<KeyToMake> {
        Some(KeyToMake {
            key_type: self.key_type,
            secret_name: self.secret_name.clone(),
        })
    }

    fn warning(&self) -> Option<&'static str> {
        Some(WARNING)
    }

    fn limits(&self) -> Limits {
        Limits {
            per_second: None,
            max_in_flight: 32,
        }
    }

    fn connect<'a>(
        &'a self,
        rsa_hash: RsaHash,
        access: &'a Access,
        _known: &'a KeyPin,
    ) -> BoxFuture<'a, Result<Connected, KeyError>> {
        self.load(rsa_hash, &access.namespace).boxed()
    }
}

impl Software {
    async fn load(
        &self,
        rsa_hash: RsaHash,
        namespace: &Arc<dyn Namespace>,
    ) -> Result<Connected, KeyError> {
        let name = &self.secret_name;
        let secret = namespace.secret(name).await?;
        let secret = secret.ok_or_else(|| SoftwareError::NoSecret {
            secret: name.clone(),
        })?;
        let pem = secret.get(TLS_KEY).ok_or_else(|| SoftwareError::NoKey {
            secret: name.clone(),
        })?;
        let (public_key, pair) = read(pem, name)?;
        let signer = SoftwareSigner {
            public_key,
            rsa_hash,
            pair: Arc::new(pair),
            namespace: namespace.clone(),
            secret: (name.clone(), secret.version().to_owned()),
        };
        Ok(Connected {
            // One byte more than is read is enough to say that it is too much.
            colocated_secret: Some(secret.only(&CHAIN, MAX_PEM_BYTES + 1)),
            ..Connected::to(Arc::new(signer))
        })
    }
}

/// A key in memory. `Debug` shows its public half.
struct SoftwareSigner {
    public_key: PublicKey,
    rsa_hash: RsaHash,
    pair: Arc<KeyPair>,
    namespace: Arc<dyn Namespace>,
    /// The Secret that it was read from, and its version.
    secret: (String, String),
}

/// A key that Signet uses, from this Secret.
fn read(pem: &[u8], secret: &str) -> Result<(PublicKey, KeyPair), SoftwareError> {
    let pair = KeyPair::from_pem(pem, secret)?;
    let spki = pair.spki_der().ok_or_else(|| SoftwareError::NoPublicKey {
        secret: secret.to_owned(),
    })?;
    let unsupported = |why: String| SoftwareError::UnsupportedPublicKey {
        secret: secret.to_owned(),
        why,
    };
    let public_key = PublicKey::from_spki_der(&spki);
    let public_key = public_key.map_err(|error| unsupported(error.to_string()))?;
    match public_key.algorithm() {
        KeyAlgorithm::Rsa { bits } if bits > MAX_RSA_BITS => Err(SoftwareError::TooSlow {
            secret: secret.to_owned(),
            bits,
            max_bits: MAX_RSA_BITS,
        }),
        _ => Ok((public_key, pair)),
    }
}

impl Signer for SoftwareSigner {
    fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        self.rsa_hash.algorithm_for(self.public_key.algorithm())
    }

    fn sign<'a>(&'a self, tbs: &'a ToBeSigned) -> BoxFuture<'a, Result<Signature, KeyError>> {
        let no_signature = || KeyError::from(SoftwareError::NotSigned);
        async move {
            let signature = if self.pair.is_slow() {
                let (pair, message) = (self.pair.clone(), tbs.der().to_vec());
                let rsa_hash = self.rsa_hash;
                // Milliseconds of arithmetic would hold up everything else on this thread.
                let signed =
                    tokio::task::spawn_blocking(move || pair.sign(rsa_hash, &message)).await;
                signed.map_err(|_| no_signature())?
            } else {
                self.pair.sign(self.rsa_hash, tbs.der())
            };
            signature.map(Signature::new).ok_or_else(no_signature)
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

impl fmt::Debug for SoftwareSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SoftwareSigner")
            .field("public_key", &self.public_key)
            .finish_non_exhaustive()
    }
}
