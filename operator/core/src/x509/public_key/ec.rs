//! Elliptic curve public keys (RFC 5480).

use aws_lc_rs::signature::UnparsedPublicKey;
use const_oid::ObjectIdentifier;
use const_oid::db::rfc5912::{SECP_256_R_1, SECP_384_R_1, SECP_521_R_1};
use der::asn1::AnyRef;

use super::{PublicKeyError, verify};
use crate::quote;
use crate::x509::algorithm::{KeyAlgorithm, SignatureAlgorithm};

/// A curve that we certify: its algorithm, its name, and the bytes of one coordinate.
pub(super) struct Curve {
    algorithm: KeyAlgorithm,
    name: &'static str,
    coordinate: usize,
}

/// Returns the curve that the parameters name. Only the namedCurve choice exists in certificates
/// (RFC 5480 section 2.1.1); explicit parameters are how CVE-2020-0601 worked.
pub(super) fn curve(parameters: Option<AnyRef<'_>>) -> Result<Curve, PublicKeyError> {
    let named = parameters
        .and_then(|parameters| parameters.decode_as::<ObjectIdentifier>().ok())
        .ok_or(PublicKeyError::Parameters(
            "EC",
            "the object identifier of a named curve",
        ))?;
    let (algorithm, name, coordinate) = match named {
        SECP_256_R_1 => (KeyAlgorithm::EcP256, "P-256", 32),
        SECP_384_R_1 => (KeyAlgorithm::EcP384, "P-384", 48),
        SECP_521_R_1 => (KeyAlgorithm::EcP521, "P-521", 66),
        other => return Err(PublicKeyError::UnknownCurve(quote::oid(&other))),
    };
    Ok(Curve {
        algorithm,
        name,
        coordinate,
    })
}

/// Checks an ECPoint (SEC 1 section 2.3.3): uncompressed, of the curve's size, on the curve.
pub(super) fn check(curve: Curve, point: &[u8]) -> Result<KeyAlgorithm, PublicKeyError> {
    match point.first() {
        Some(0x04) => {}
        Some(0x00) => return Err(PublicKeyError::PointAtInfinity),
        Some(0x02 | 0x03) => return Err(PublicKeyError::CompressedPoint),
        _ => return Err(PublicKeyError::PointForm),
    }
    let expected = 1 + 2 * curve.coordinate;
    if point.len() != expected {
        let found = point.len();
        return Err(PublicKeyError::PointLength {
            curve: curve.name,
            expected,
            found,
        });
    }
    // The library solves the curve's equation when it parses a point.
    let signature = SignatureAlgorithm::for_key(curve.algorithm);
    let on_curve = verify::algorithm(curve.algorithm, signature)
        .is_some_and(|algorithm| UnparsedPublicKey::new(algorithm, point).parse().is_ok());
    if on_curve {
        Ok(curve.algorithm)
    } else {
        Err(PublicKeyError::NotOnCurve(curve.name))
    }
}
