//! From the configuration to a connected key.

use std::sync::Arc;

use super::Pkcs11;
use super::error::{Pkcs11Error, TokenName};
use super::key::KeyName;
use super::pin_source;
use super::registry;
use super::signer::Pkcs11Signer;
use super::token::ListedToken;
use super::worker::{Credentials, Target};
use crate::access::{Access, KeyPin};
use crate::backend::Connected;
use crate::error::KeyError;

pub(super) async fn connect(
    config: &Pkcs11,
    access: &Access,
    known: &KeyPin,
) -> Result<Connected, KeyError> {
    let tenant = access.tenant.as_deref();
    let key = config.key()?;
    let listed = access.modules.find(&config.module, &config.token, tenant);
    let (module, token) = listed.ok_or_else(|| config.not_listed(tenant))?;
    let target = Target {
        token: ListedToken::new(module, token),
        key,
    };
    let pin = Arc::new(pin_source::read(&target.token.name, &token.pin, &access.modules).await?);
    let library = registry::library(module).await?;
    let pool = library.pool(target.clone(), access.modules.sessions_per_key)?;
    let with = Credentials {
        pin: pin.clone(),
        refused: known.refused.clone(),
    };
    let public_key = pool
        .run(tenant, move |worker| worker.connect(&with))
        .await?;
    let signer = Pkcs11Signer {
        public_key,
        rsa_hash: config.rsa_hash,
        token: target.token.name,
        pin_source: token.pin.clone(),
        pin,
        access: access.clone(),
        pool,
    };
    Ok(Connected::to(Arc::new(signer)))
}

impl Pkcs11 {
    fn not_listed(&self, tenant: Option<&str>) -> Pkcs11Error {
        Pkcs11Error::NotListed {
            token: TokenName {
                module: self.module.clone(),
                token: self.token.clone(),
            },
            namespace: tenant.map(str::to_owned),
        }
    }

    fn key(&self) -> Result<KeyName, Pkcs11Error> {
        let id = match self.key_id.as_deref().map(hex::decode) {
            None => None,
            Some(Ok(id)) if !id.is_empty() => Some(id),
            Some(_) => return Err(Pkcs11Error::InvalidKeyId),
        };
        let label = self.key_label.clone();
        if id.is_none() && label.is_none() {
            return Err(Pkcs11Error::NoKeyName);
        }
        Ok(KeyName { label, id })
    }
}
