//! Tokens: found by the label and serial number in the operator's list.

use cryptoki::context::Pkcs11;
use cryptoki::slot::{Slot, TokenInfo};

use crate::pkcs11::signer::error::{Pkcs11Fault, only};
use crate::pkcs11::signer::wire::{Token, TokenId};

pub(super) fn id(info: &TokenInfo) -> TokenId {
    let parts = [
        info.manufacturer_id(),
        info.model(),
        info.serial_number(),
        info.label(),
    ];
    parts.map(str::to_owned)
}

/// Finds the slot with the token.
pub(super) fn find(context: &Pkcs11, token: &Token) -> Result<(Slot, TokenInfo), Pkcs11Fault> {
    let mut found = Vec::new();
    for slot in context.get_slots_with_token()? {
        // Another token may be in a state in which it returns nothing about itself.
        let info = context.get_token_info(slot).ok();
        found.extend(info.filter(|it| matches(token, it)).map(|it| (slot, it)));
    }
    only(
        found,
        Pkcs11Fault::TokenNotFound,
        Pkcs11Fault::SeveralTokens,
    )
}

fn matches(token: &Token, info: &TokenInfo) -> bool {
    let is = |listed: &Option<String>, found: &str| listed.as_ref().is_none_or(|it| it == found);
    is(&token.label, info.label()) && is(&token.serial, info.serial_number())
}
