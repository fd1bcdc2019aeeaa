//! From the configuration to a connected key.

use std::fmt;
use std::sync::Arc;

use cryptoki::types::AuthPin;

use super::key::KeyName;
use super::login::{Credentials, SecretId};
use super::pin_digest::PinDigest;
use super::registry;
use super::signer::Pkcs11Signer;
use super::token::TokenName;
use super::worker::Place;
use super::{PinReference, Pkcs11};
use crate::backend::Connected;
use crate::error::{ErrorClass, KeyError};
use crate::reach::{Known, Namespace, Reach};
use crate::references::{entry, secret};

pub(super) async fn connect(
    config: &Pkcs11,
    reach: &Reach,
    known: &Known,
) -> Result<Connected, KeyError> {
    let tenant = reach.tenant.as_deref();
    let module = reach.modules.find(&config.module, tenant)?;
    let place = Place {
        module: module.name.clone(),
        tokens: module.tokens.clone(),
        token: config.token()?,
        key: config.key()?,
    };
    let credentials = config
        .pin_secret_ref
        .read(&*reach.namespace, tenant)
        .await?;
    if known.refused == Some(credentials.at(&place.token, &place.module)) {
        return Err(credentials.refused(&place.token, &place.module));
    }
    let library = registry::library(module).await?;
    let pool = library.pool(place, reach.modules.sessions_per_key)?;
    let credentials = Arc::new(credentials);
    let of_thread = credentials.clone();
    let found = pool
        .run(tenant, move |worker| worker.connect(&of_thread))
        .await?;
    let signer = Pkcs11Signer::new(config, reach, pool, credentials, found);
    Ok(Connected::to(Arc::new(signer)))
}

impl Pkcs11 {
    fn token(&self) -> Result<TokenName, KeyError> {
        match (&self.token_label, &self.token_serial) {
            (Some(label), None) => Ok(TokenName::Label(label.clone())),
            (None, Some(serial)) => Ok(TokenName::Serial(serial.clone())),
            _ => Err(KeyError::new(
                ErrorClass::KeyUnusable,
                "name exactly one of: tokenLabel, tokenSerial",
            )),
        }
    }

    fn key(&self) -> Result<KeyName, KeyError> {
        let no = |sentence| KeyError::new(ErrorClass::KeyUnusable, sentence);
        let id = match self.key_id.as_deref().map(hex::decode) {
            None => None,
            Some(Ok(id)) if !id.is_empty() => Some(id),
            Some(_) => return Err(no("keyId is no hex; write two digits a byte, such as 0a1b")),
        };
        let label = self.key_label.clone();
        if id.is_none() && label.is_none() {
            return Err(no("name the key by keyLabel, keyId or both"));
        }
        Ok(KeyName { label, id })
    }
}

impl PinReference {
    /// Whether there is no PIN any more. A Secret that cannot be read may still have it.
    pub(super) async fn is_gone(&self, namespace: &dyn Namespace) -> bool {
        let secret = namespace.secret(&self.name).await;
        secret.is_ok_and(|secret| secret.is_none_or(|secret| secret.text(&self.key).is_none()))
    }

    /// Reads the PIN.
    pub(super) async fn read(
        &self,
        namespace: &dyn Namespace,
        tenant: Option<&str>,
    ) -> Result<Credentials, KeyError> {
        let Self { name, key } = self;
        let secret = secret(name, namespace, "the token's PIN").await?;
        let pin = entry(&secret, name, key, "the token's PIN")?;
        let digest = PinDigest::of(pin).ok_or_else(|| {
            KeyError::new(
                ErrorClass::Unreachable,
                "the operator's computer gives no randomness to keep a PIN's digest with",
            )
        })?;
        Ok(Credentials {
            digest,
            pin: AuthPin::new(pin.into()),
            secret: SecretId {
                tenant: tenant.map(str::to_owned),
                name: name.clone(),
                key: key.clone(),
            },
            version: secret.version().to_owned(),
        })
    }
}

impl Credentials {
    /// Which PIN this is, and at which token: what is written down of one that was refused. A PIN
    /// that one token refused may be right at the one that was meant.
    fn at(&self, token: &TokenName, module: &str) -> String {
        let (version, key) = (&self.version, &self.secret.key);
        format!("{key} of {version} at the token {token} of {module}")
    }

    /// The token's no to this PIN.
    pub(super) fn refused(&self, token: &TokenName, module: &str) -> KeyError {
        let SecretId { name, key, .. } = &self.secret;
        let sentence = format!(
            "the token {token} of the PKCS#11 module {module} refuses the PIN in {key} of the \
             Secret {name}; put the right one there. It is not tried again until the Secret \
             changes, since a token locks itself"
        );
        KeyError::new(ErrorClass::CredentialsRefused, sentence).refusing(self.at(token, module))
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("secret", &self.secret.name)
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}
