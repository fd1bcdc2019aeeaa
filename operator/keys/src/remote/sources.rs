//! What a connection is made from.

use std::sync::Arc;

use rustls_pki_types::CertificateDer;

use super::{API_SERVER, READ, in_time};
use crate::access::Namespace;
use crate::ca_bundle::CaBundle;
use crate::error::{ErrorClass, KeyError};
use crate::references::secret;
use crate::secrets::SecretData;

/// What a connection is made from, besides a login. If it has changed, so must the connection.
pub(crate) struct Sources {
    namespace: Arc<dyn Namespace>,
    bundle: Option<CaBundle>,
    /// The name of a Secret, and what it holds.
    secret: Option<(String, &'static str)>,
    pub(crate) ca: Option<Vec<CertificateDer<'static>>>,
    secret_version: Option<String>,
}

impl Sources {
    /// Reads the bundle, and a Secret by its name, which holds this.
    pub(crate) async fn read(
        namespace: Arc<dyn Namespace>,
        bundle: Option<CaBundle>,
        secret_ref: Option<(String, &'static str)>,
    ) -> Result<(Self, Option<SecretData>), KeyError> {
        let (ca, found) = in_time(READ, API_SERVER, async {
            let ca = match &bundle {
                Some(bundle) => Some(bundle.read(&*namespace).await?),
                None => None,
            };
            let found = match &secret_ref {
                Some((name, what)) => Some(secret(name, &*namespace, what).await?),
                None => None,
            };
            Ok((ca, found))
        })
        .await?;
        let sources = Self {
            namespace,
            bundle,
            secret: secret_ref,
            ca,
            secret_version: found.as_ref().map(|secret| secret.version().to_owned()),
        };
        Ok((sources, found))
    }

    /// Whether all of it is as it was.
    pub(crate) async fn are_current(&self) -> Result<bool, KeyError> {
        let (bundle, secret) = (self.bundle.clone(), self.secret.clone());
        match Self::read(Arc::clone(&self.namespace), bundle, secret).await {
            Ok((now, _)) => Ok(now.ca == self.ca && now.secret_version == self.secret_version),
            // The Secret is gone, or something in it.
            Err(error) if error.class == ErrorClass::CredentialsRefused => Ok(false),
            Err(error) => Err(error),
        }
    }
}
