//! Tokens: found by label or serial number.

use std::fmt;

use cryptoki::context::Pkcs11;
use cryptoki::slot::{Slot, TokenInfo};

use super::fault::Fault;
use crate::error::ErrorClass;

/// By what a token is found.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum TokenName {
    Label(String),
    Serial(String),
}

impl TokenName {
    fn fits(&self, info: &TokenInfo) -> bool {
        match self {
            Self::Label(label) => info.label() == label,
            Self::Serial(serial) => info.serial_number() == serial,
        }
    }
}

impl fmt::Display for TokenName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Label(label) => write!(f, "labelled {label:?}"),
            Self::Serial(serial) => write!(f, "with the serial number {serial:?}"),
        }
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

/// Finds the token, if it is among those that may be used. One that may not is answered like one
/// that is not there.
pub(super) fn find(
    context: &Pkcs11,
    module: &str,
    name: &TokenName,
    allowed: Option<&[String]>,
) -> Result<(Slot, TokenInfo), Fault> {
    let mut found = Vec::new();
    for slot in context.get_slots_with_token()? {
        // A token of no concern may be in a state in which it says nothing of itself.
        let Ok(info) = context.get_token_info(slot) else {
            continue;
        };
        if name.fits(&info) && allowed.is_none_or(|allowed| lists(allowed, &info)) {
            found.push((slot, info));
        }
    }
    match (found.pop(), found.is_empty()) {
        (Some(token), true) => Ok(token),
        (Some(_), false) => {
            let sentence = format!(
                "the PKCS#11 module {module} has more than one token {name}; name it by \
                 tokenSerial"
            );
            Err(Fault::new(ErrorClass::KeyUnusable, sentence))
        }
        (None, _) => {
            let sentence = format!(
                "the PKCS#11 module {module} has no token {name}; put it in, write its name as \
                 the token has it, or have it listed in the operator's configuration"
            );
            Err(Fault::new(ErrorClass::KeyNotFound, sentence))
        }
    }
}

fn lists(allowed: &[String], info: &TokenInfo) -> bool {
    let names = [info.label(), info.serial_number()];
    allowed
        .iter()
        .any(|listed| names.contains(&listed.as_str()))
}
