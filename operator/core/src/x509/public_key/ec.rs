//! Elliptic curve public keys (RFC 5480).

use aws_lc_rs::signature::{ParsedPublicKey, UnparsedPublicKey};
use const_oid::ObjectIdentifier;
use const_oid::db::rfc5912::{SECP_256_R_1, SECP_384_R_1, SECP_521_R_1};
use der::asn1::AnyRef;

use super::{PublicKeyError, verify};
use crate::quote;
use crate::x509::algorithm::{KeyAlgorithm, SignatureAlgorithm};

/// Checks an ECPoint (SEC 1 section 2.3.3): uncompressed, of the curve's size, on the curve.
/// Returns its curve, and the key for signatures with the hash of that curve.
pub(super) fn check(
    parameters: Option<AnyRef<'_>>,
    point: &[u8],
) -> Result<(KeyAlgorithm, ParsedPublicKey), PublicKeyError> {
    let (curve, coordinate) = named_curve(parameters)?;
    match point.first() {
        Some(0x04) => {}
        Some(0x00) => return Err(PublicKeyError::PointAtInfinity),
        Some(0x02 | 0x03) => return Err(PublicKeyError::CompressedPoint),
        _ => return Err(PublicKeyError::PointForm),
    }
    let (expected, found) = (1 + 2 * coordinate, point.len());
    if found != expected {
        return Err(PublicKeyError::PointLength {
            curve,
            expected,
            found,
        });
    }
    // The library solves the curve's equation when it parses a point.
    verify::algorithm(curve, SignatureAlgorithm::for_key(curve))
        .and_then(|algorithm| UnparsedPublicKey::new(algorithm, point).parse().ok())
        .map(|parsed| (curve, parsed))
        .ok_or(PublicKeyError::NotOnCurve(curve))
}

/// Returns the curve that the parameters name, and the bytes of one coordinate. Only the
/// namedCurve choice exists in certificates (RFC 5480 section 2.1.1); explicit parameters are how
/// CVE-2020-0601 worked.
fn named_curve(parameters: Option<AnyRef<'_>>) -> Result<(KeyAlgorithm, usize), PublicKeyError> {
    let named = parameters.and_then(|it| it.decode_as::<ObjectIdentifier>().ok());
    match named {
        Some(SECP_256_R_1) => Ok((KeyAlgorithm::EcP256, 32)),
        Some(SECP_384_R_1) => Ok((KeyAlgorithm::EcP384, 48)),
        Some(SECP_521_R_1) => Ok((KeyAlgorithm::EcP521, 66)),
        Some(other) => Err(PublicKeyError::UnknownCurve(quote::oid(&other))),
        None => Err(PublicKeyError::Parameters(
            "EC",
            "the object identifier of a named curve",
        )),
    }
}
