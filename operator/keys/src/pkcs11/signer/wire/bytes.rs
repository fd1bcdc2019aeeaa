//! Bytes as base64.

use base64::display::Base64Display;
use base64::engine::{Engine, general_purpose::STANDARD};
use serde::de::{Error, Visitor};
use serde::{Deserializer, Serializer};

pub(in super::super) fn serialize<S: Serializer>(
    bytes: &[u8],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    // Written piece by piece, so that there is no copy of it.
    serializer.collect_str(&Base64Display::new(bytes, &STANDARD))
}

pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<u8>, D::Error> {
    struct Base64;
    impl Visitor<'_> for Base64 {
        type Value = Vec<u8>;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("base64")
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<Vec<u8>, E> {
            STANDARD.decode(text).map_err(|_| E::custom("no base64"))
        }
    }
    deserializer.deserialize_str(Base64)
}
