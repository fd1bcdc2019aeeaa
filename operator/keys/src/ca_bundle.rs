//! Where the CA certificates come from by which a backend's server is known.

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::access::Namespace;
use crate::error::KeyError;
use crate::references::ReferenceError;
use crate::union::exactly_one;

/// The maximum length of the PEM, in bytes.
const MAX_BYTES: usize = 256 * 1024;

/// CA certificates in PEM. Set exactly one source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = exactly_one)]
pub enum CaBundle {
    /// The certificates themselves, in PEM.
    Inline(#[schemars(length(min = 1, max = 65536))] String),
    /// A key of a Secret.
    SecretRef(BundleReference),
    /// A key of a ConfigMap.
    ConfigMapRef(BundleReference),
}

/// A key of a Secret or ConfigMap in the issuer's namespace; for a ClusterIssuer, in the cluster
/// resource namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BundleReference {
    /// The object's name.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// The key in the object. Defaults to `ca.crt`.
    #[serde(default = "ca_crt")]
    #[schemars(length(min = 1, max = 253))]
    pub key: String,
}

fn ca_crt() -> String {
    "ca.crt".to_owned()
}

impl CaBundle {
    /// Reads the certificates.
    ///
    /// # Errors
    /// There is no such object or key in it, or what is there is no list of certificates.
    pub async fn read(
        &self,
        namespace: &dyn Namespace,
    ) -> Result<Vec<CertificateDer<'static>>, KeyError> {
        match self {
            Self::Inline(pem) => certificates(Some(pem.as_bytes()), "caBundle.inline".to_owned()),
            Self::SecretRef(at) => {
                let place = format!("{} of the Secret {}", at.key, at.name);
                let secret = namespace.secret(&at.name).await?;
                let pem = secret.as_ref().and_then(|secret| secret.get(&at.key));
                certificates(pem, place)
            }
            Self::ConfigMapRef(at) => {
                let place = format!("{} of the ConfigMap {}", at.key, at.name);
                let map = namespace.config_map(&at.name).await?;
                let pem = map.as_ref().and_then(|map| map.get(&at.key));
                certificates(pem.map(String::as_bytes), place)
            }
        }
    }
}

fn certificates(
    pem: Option<&[u8]>,
    place: String,
) -> Result<Vec<CertificateDer<'static>>, KeyError> {
    let Some(pem) = pem else {
        return Err(ReferenceError::NoBundle { place }.into());
    };
    if pem.len() > MAX_BYTES {
        let max_bytes = MAX_BYTES;
        return Err(ReferenceError::BundleTooLarge { place, max_bytes }.into());
    }
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match read {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        Ok(_) => Err(ReferenceError::EmptyBundle { place }.into()),
        Err(_) => Err(ReferenceError::InvalidBundle { place }.into()),
    }
}
