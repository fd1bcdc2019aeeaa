//! From the configuration to a connected key.

use std::fmt;
use std::sync::Arc;

use cryptoki::types::AuthPin;

use super::digest::Digest;
use super::key::KeyName;
use super::login::{Credentials, SecretId};
use super::registry;
use super::signer::Pkcs11Signer;
use super::token::TokenName;
use super::worker::Place;
use super::{PinReference, Pkcs11};
use crate::backend::Connected;
use crate::error::{ErrorClass, KeyError};
use crate::reach::{Known, Namespace, Reach};

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
    if known.refused.as_ref() == Some(&credentials.version) {
        return Err(credentials.refused(&place.token, &place.module));
    }
    let library = registry::library(module).await?;
    let pool = library.pool(place, reach.modules.sessions_per_key)?;
    let credentials = Arc::new(credentials);
    let of_thread = credentials.clone();
    let found = pool.run(move |worker| worker.connect(&of_thread)).await?;
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
        let id = match self.key_id.as_deref().map(from_hex) {
            None => None,
            Some(Some(id)) if !id.is_empty() => Some(id),
            Some(_) => return Err(no("keyId is no hex; write two digits a byte, such as 0a1b")),
        };
        let label = self.key_label.clone();
        if id.is_none() && label.is_none() {
            return Err(no("name the key by keyLabel, keyId or both"));
        }
        Ok(KeyName { label, id })
    }
}

fn from_hex(hex: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u32>> = hex.chars().map(|digit| digit.to_digit(16)).collect();
    let digits = digits?;
    let (pairs, rest) = digits.as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    pairs
        .iter()
        .map(|[high, low]| u8::try_from(high << 4 | low).ok())
        .collect()
}

impl PinReference {
    /// Reads the PIN.
    pub(super) async fn read(
        &self,
        namespace: &dyn Namespace,
        tenant: Option<&str>,
    ) -> Result<Credentials, KeyError> {
        let Self { name, key } = self;
        let refused = |sentence| KeyError::new(ErrorClass::CredentialsRefused, sentence);
        let secret = namespace.secret(name).await?.ok_or_else(|| {
            refused(format!(
                "the Secret {name} does not exist; put the token's PIN there"
            ))
        })?;
        let pin = secret.text(key).ok_or_else(|| {
            refused(format!(
                "the Secret {name} has no {key}; put the token's PIN there"
            ))
        })?;
        let digest = Digest::of(pin).ok_or_else(|| {
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
    /// The token's no to this PIN.
    pub(super) fn refused(&self, token: &TokenName, module: &str) -> KeyError {
        let SecretId { name, key, .. } = &self.secret;
        let sentence = format!(
            "the token {token} of the PKCS#11 module {module} refuses the PIN in {key} of the \
             Secret {name}; put the right one there. It is not tried again until the Secret \
             changes, since a token locks itself"
        );
        KeyError::new(ErrorClass::CredentialsRefused, sentence).refusing(&self.version)
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

#[cfg(test)]
mod tests {
    use super::from_hex;

    #[test]
    fn hex_is_two_digits_a_byte() {
        assert_eq!(from_hex("0a1B"), Some(vec![0x0a, 0x1b]));
        for wrong in ["0", "0x", "a b", "äö"] {
            assert_eq!(from_hex(wrong), None, "{wrong}");
        }
    }
}
