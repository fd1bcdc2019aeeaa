//! Public keys of elliptic curves out of OpenSC's list of objects, since it cannot write those of
//! every curve itself.

use anyhow::{Context, Result};

const SEQUENCE: u8 = 0x30;
const BIT_STRING: u8 = 0x03;
const OCTET_STRING: u8 = 0x04;
/// id-ecPublicKey (RFC 5480, section 2.1.1) with its frame.
const EC_PUBLIC_KEY: &[u8] = &[6, 7, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 2, 1];
/// id-Ed25519 (RFC 8410, section 3) with its frame.
const ED25519: &[u8] = &[6, 3, 0x2B, 0x65, 0x70];

/// The first word of a field of an object in the list.
pub(super) fn field<'a>(object: &'a str, name: &str) -> Option<&'a str> {
    let mut fields = object
        .lines()
        .filter_map(|line| line.trim().split_once(':'));
    let (_, value) = fields.find(|(it, _)| *it == name)?;
    value.split_whitespace().next()
}

/// The SubjectPublicKeyInfo of a key with a point; nothing for an RSA key.
pub(super) fn elliptic(object: &str) -> Result<Option<Vec<u8>>> {
    let (Some(point), Some(curve)) = (field(object, "EC_POINT"), field(object, "EC_PARAMS")) else {
        return Ok(None);
    };
    let (point, curve) = (hex::decode(point)?, hex::decode(curve)?);
    let point = content(&point).context("EC_POINT is no OCTET STRING")?;
    let algorithm = if object.starts_with("; EC_EDWARDS") {
        ED25519.to_vec()
    } else {
        [EC_PUBLIC_KEY, &curve].concat()
    };
    let bits = [&[0], point].concat();
    let body = [der(SEQUENCE, &algorithm), der(BIT_STRING, &bits)].concat();
    Ok(Some(der(SEQUENCE, &body)))
}

/// One DER element of less than 256 bytes.
fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u8::try_from(content.len()).unwrap_or(u8::MAX);
    let head: &[u8] = if length < 0x80 {
        &[tag, length]
    } else {
        &[tag, 0x81, length]
    };
    [head, content].concat()
}

/// What is in an OCTET STRING of less than 256 bytes.
fn content(der: &[u8]) -> Option<&[u8]> {
    match der {
        [OCTET_STRING, 0x81, _, rest @ ..] => Some(rest),
        [OCTET_STRING, _, rest @ ..] => Some(rest),
        _ => None,
    }
}
