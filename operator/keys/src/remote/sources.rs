//! What a connection is made from.

use rustls_pki_types::CertificateDer;

use crate::access::Namespace;
use crate::ca_bundle::CaBundle;
use crate::error::KeyError;
use crate::references::secret;
use crate::secrets::SecretData;

/// What a connection is made from, besides a login. If it has changed, so must the connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sources {
    /// The CA certificates of the bundle.
    pub(crate) ca: Option<Vec<CertificateDer<'static>>>,
    /// The version of the Secret.
    secret_version: Option<String>,
}

impl Sources {
    /// Reads the bundle, and a Secret by its name, which holds `what`.
    ///
    /// # Errors
    /// The bundle or the Secret cannot be read.
    pub(crate) async fn read(
        bundle: Option<&CaBundle>,
        name_and_what: Option<(&str, &str)>,
        namespace: &dyn Namespace,
    ) -> Result<(Self, Option<SecretData>), KeyError> {
        let ca = match bundle {
            Some(bundle) => Some(bundle.read(namespace).await?),
            None => None,
        };
        let secret = match name_and_what {
            Some((name, what)) => Some(secret(name, namespace, what).await?),
            None => None,
        };
        let secret_version = secret.as_ref().map(|secret| secret.version().to_owned());
        Ok((Self { ca, secret_version }, secret))
    }
}
