//! From the configuration to a connected key.

use std::sync::Arc;

use super::Pkcs11;
use super::calls::call;
use super::error::{Pkcs11Error, TokenName};
use super::key::KeyName;
use super::module;
use super::pin_source;
use super::signer::Pkcs11Signer;
use super::token::ListedToken;
use super::worker::{ConnectedKey, Credentials};
use crate::access::{Access, KeyPin};
use crate::backend::Connected;
use crate::error::KeyError;
use crate::rsa_hash::RsaHash;

pub(super) async fn connect(
    config: &Pkcs11,
    rsa_hash: RsaHash,
    access: &Access,
    known: &KeyPin,
) -> Result<Connected, KeyError> {
    let tenant = access.tenant.as_deref();
    let name = config.key()?;
    let listed = access.modules.find(&config.module, &config.token, tenant);
    let (module, token) = listed.ok_or_else(|| config.not_listed(tenant))?;
    let (source, token) = (&token.pin, Arc::new(ListedToken::new(module, token)));
    let module = module::listed(module);
    let pin = Arc::new(pin_source::read(&token.name, source, &access.modules).await?);
    let with = Credentials {
        pin: pin.clone(),
        refused: known.refused.clone(),
    };
    let found_by = module.pool_to_find(&token);
    let to_find = name.clone();
    let public_key = call(&found_by, tenant, move |it| it.find(&to_find, &with)).await?;
    let pool = module.pool_of_key(&token, &public_key.fingerprint(), &found_by)?;
    Ok(Connected::to(Arc::new(Pkcs11Signer {
        key: ConnectedKey { name, public_key },
        rsa_hash,
        token,
        pin_source: source.clone(),
        pin,
        access: access.clone(),
        pool,
    })))
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
