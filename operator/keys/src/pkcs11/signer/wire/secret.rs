//! Text that is wiped when it is dropped.

use serde::de::Error;
use serde::{Deserializer, Serializer};
use zeroize::{Zeroize, Zeroizing};

use super::bytes;

pub(in super::super) fn serialize<S: Serializer>(
    text: &Zeroizing<String>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    bytes::serialize(text.as_bytes(), serializer)
}

pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Zeroizing<String>, D::Error> {
    let text = String::from_utf8(bytes::deserialize(deserializer)?);
    text.map(Zeroizing::new).map_err(|error| {
        error.into_bytes().zeroize();
        D::Error::custom("no text")
    })
}
