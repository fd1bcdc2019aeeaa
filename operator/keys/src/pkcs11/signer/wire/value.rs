//! What a PKCS#11 function returned, as the number of the standard.

use cryptoki::error::{Rv, RvError};
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serializer};

/// The highest number of the standard; those of vendors are beyond.
const MAX_STANDARD: u64 = 0x3ff;
const GENERAL_ERROR: u64 = 5;

pub(in super::super) fn serialize<S: Serializer>(
    value: &RvError,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(number(*value))
}

pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<RvError, D::Error> {
    match Rv::from(u64::deserialize(deserializer)?) {
        Rv::Error(value) => Ok(value),
        Rv::Ok => Err(D::Error::custom("no error")),
    }
}

/// The bindings have only the other direction.
fn number(value: RvError) -> u64 {
    match value {
        RvError::VendorDefined(number) | RvError::UnknownErrorCode(number) => number,
        value => {
            let mut standard = 1..=MAX_STANDARD;
            let is_it = |number: &u64| Rv::from(*number) == Rv::Error(value);
            standard.find(is_it).unwrap_or(GENERAL_ERROR)
        }
    }
}
