//! Connecting to a key in Vault.

use std::sync::Arc;

use reqwest::Identity;
use zeroize::Zeroizing;

use super::VaultTransit;
use super::api::Api;
use super::auth::VaultAuth;
use super::place::Place;
use super::session::Session;
use super::signer::{MadeOf, VaultSigner, look};
use super::transport::{Transport, Trust};
use crate::access::{Access, KeyPin, Namespace};
use crate::backend::Connected;
use crate::error::{ErrorClass, KeyError};
use crate::references::secret;
use crate::secrets::SecretData;

/// Connects to the key, and pins its version.
pub(super) async fn connect(
    config: &VaultTransit,
    access: &Access,
    known: &KeyPin,
) -> Result<Connected, KeyError> {
    let place = Place::of(config, &access.addresses)?;
    let number = pinned(config, known)?;
    let (made_of, trust) = made_of(config, &*access.namespace).await?;
    let transport = Transport::new(&place, access, trust)?;
    let session = Session::new(
        Api::new(place, transport),
        (*config.auth).clone(),
        access.namespace.clone(),
    );
    let version = look(&session).await?.version(number, &session.api.place)?;
    let (pin, notices) = (version.number.to_string(), version.notices.clone());
    let signer = VaultSigner::new(config, access, session, version, made_of);
    Ok(Connected {
        pin: Some(pin),
        notices,
        ..Connected::to(Arc::new(signer))
    })
}

/// The version to sign with, where it is known.
fn pinned(config: &VaultTransit, known: &KeyPin) -> Result<Option<u64>, KeyError> {
    if let Some(version) = config.version {
        return Ok(Some(version.into()));
    }
    let pin = known.pin.as_deref().map(str::parse).transpose();
    pin.map_err(|_| {
        let sentence = "the CA generation names a version of the key that is no number; restore it";
        KeyError::new(ErrorClass::KeyUnusable, sentence)
    })
}

/// What a connection is made of, and the trust that it makes.
pub(super) async fn made_of(
    config: &VaultTransit,
    namespace: &dyn Namespace,
) -> Result<(MadeOf, Trust), KeyError> {
    let ca = match &config.ca_bundle {
        Some(bundle) => Some(bundle.read(namespace).await?),
        None => None,
    };
    let pair = match &*config.auth {
        VaultAuth::Certificate(auth) => {
            let pair = secret(&auth.secret_name, namespace, "the client certificate").await?;
            Some((
                identity(&auth.secret_name, &pair)?,
                pair.version().to_owned(),
            ))
        }
        _ => None,
    };
    let (identity, client_certificate) = pair.unzip();
    let made_of = MadeOf {
        ca: ca.clone(),
        client_certificate,
    };
    Ok((made_of, Trust { ca, identity }))
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
