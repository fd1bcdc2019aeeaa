//! Tokens: found by the label and serial number in the operator's list.

use cryptoki::context::Pkcs11;
use cryptoki::slot::{Slot, TokenInfo};

use super::error::{Pkcs11Error, TokenName};
use super::fault::Fault;
use crate::access::{ModuleConfig, TokenConfig};

/// A token that the operator lists.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct ListedToken {
    pub(super) name: TokenName,
    label: Option<String>,
    serial: Option<String>,
}

impl ListedToken {
    pub(super) fn new(module: &ModuleConfig, token: &TokenConfig) -> Self {
        Self {
            name: TokenName {
                module: module.name.clone(),
                token: token.name.clone(),
            },
            label: token.label.clone(),
            serial: token.serial.clone(),
        }
    }

    fn matches(&self, info: &TokenInfo) -> bool {
        let is =
            |listed: &Option<String>, found: &str| listed.as_ref().is_none_or(|it| it == found);
        is(&self.label, info.label()) && is(&self.serial, info.serial_number())
    }
}

/// What a token is, in whatever slot and by whatever name it is found.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct TokenId([String; 4]);

impl TokenId {
    pub(super) fn of(info: &TokenInfo) -> Self {
        let parts = [
            info.manufacturer_id(),
            info.model(),
            info.serial_number(),
            info.label(),
        ];
        Self(parts.map(str::to_owned))
    }
}

/// Finds the slot with the token.
pub(super) fn find(context: &Pkcs11, token: &ListedToken) -> Result<(Slot, TokenInfo), Fault> {
    let mut found = Vec::new();
    for slot in context.get_slots_with_token()? {
        // Another token may be in a state in which it returns nothing about itself.
        let Ok(info) = context.get_token_info(slot) else {
            continue;
        };
        if token.matches(&info) {
            found.push((slot, info));
        }
    }
    let name = || token.name.clone();
    match (found.pop(), found.is_empty()) {
        (Some(token), true) => Ok(token),
        (Some(_), false) => Err(Pkcs11Error::SeveralTokens(name()).into()),
        (None, _) => Err(Pkcs11Error::TokenNotFound(name()).into()),
    }
}
