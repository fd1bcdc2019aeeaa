//! Public keys of each kind that belong to no client. Their private keys are public or unknown.

use const_oid::ObjectIdentifier;
use const_oid::db::rfc5912::{
    ID_EC_PUBLIC_KEY, RSA_ENCRYPTION, SECP_256_R_1, SECP_384_R_1, SECP_521_R_1,
};
use const_oid::db::rfc8410::ID_ED_25519;
use der::asn1::{AnyRef, BitString};
use der::{Encode, ErrorKind};
use spki::AlgorithmIdentifierRef;

use crate::x509::algorithm::KeyAlgorithm;
use crate::x509::public_key::PublicKey;
use crate::x509::strict::tlv;

/// The base points of the curves (SEC 2 version 2), which are the public keys of the private key 1.
const P256: &str = "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296\
    4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5";
const P384: &str = "04aa87ca22be8b05378eb1c71ef320ad746e1d3b628ba79b9859f741e082542a38\
    5502f25dbf55296c3a545e3872760ab73617de4a96262c6f5d9e98bf9292dc29f8f41dbd289a147ce9da3113b5f0b8\
    c00a60b1ce1d7e819d7a431d7c90ea0e5f";
const P521: &str = "0400c6858e06b70404e9cd9e3ecb662395b4429c648139053fb521f828af606b4d3d\
    baa14b5e77efe75928fe1dc127a2ffa8de3348b3c1856a429bf97e7e31c2e5bd66011839296a789a3bc0045c8a5fb4\
    2c7d1bd998f54449579b446817afbd17273e662c97ee72995ef42640c550b9013fad0761353c7086a272c24088be94\
    769fd16650";
/// The base point of Ed25519 (RFC 8032 5.1).
const ED25519: &str = "5866666666666666666666666666666666666666666666666666666666666666";

/// Enough odd numbers to find one without a small factor.
const CANDIDATES: std::ops::Range<u16> = 0..10_000;

/// Returns the DER of a SubjectPublicKeyInfo of this kind.
pub(super) fn spki(algorithm: KeyAlgorithm) -> der::Result<Vec<u8>> {
    match algorithm {
        KeyAlgorithm::Rsa { bits } => rsa(bits),
        KeyAlgorithm::EcP256 => point(SECP_256_R_1, P256),
        KeyAlgorithm::EcP384 => point(SECP_384_R_1, P384),
        KeyAlgorithm::EcP521 => point(SECP_521_R_1, P521),
        KeyAlgorithm::Ed25519 => encode(ID_ED_25519, None, &unhex(ED25519)?),
    }
}

fn point(curve: ObjectIdentifier, point: &str) -> der::Result<Vec<u8>> {
    encode(ID_EC_PUBLIC_KEY, Some(AnyRef::from(&curve)), &unhex(point)?)
}

/// The first number of this size, from the smallest on, that passes as a modulus. A size that is
/// not allowed is left to the reader of the CSR.
fn rsa(bits: u32) -> der::Result<Vec<u8>> {
    let mut last = Vec::new();
    for candidate in CANDIDATES.map(|index| 2 * index + 1) {
        last = encode(
            RSA_ENCRYPTION,
            Some(AnyRef::NULL),
            &rsa_key(bits, candidate),
        )?;
        if PublicKey::from_spki_der(&last).is_ok() {
            break;
        }
    }
    Ok(last)
}

/// RSAPublicKey with the modulus 2^(bits - 1) + addend and the exponent 65537.
fn rsa_key(bits: u32, addend: u16) -> Vec<u8> {
    let top = bits.saturating_sub(1);
    let length = usize::try_from(top / 8).unwrap_or_default() + 1;
    let mut modulus = vec![0; length.max(3)];
    let end = modulus.len();
    modulus[0] = 1 << (top % 8);
    modulus[end - 2..].copy_from_slice(&addend.to_be_bytes());
    if modulus[0] & 0x80 != 0 {
        modulus.insert(0, 0);
    }
    let exponent = [0x02, 0x03, 0x01, 0x00, 0x01];
    tlv(0x30, &[&tlv(0x02, &modulus)[..], &exponent].concat())
}

fn encode(
    oid: ObjectIdentifier,
    parameters: Option<AnyRef<'_>>,
    key: &[u8],
) -> der::Result<Vec<u8>> {
    let algorithm = AlgorithmIdentifierRef { oid, parameters }.to_der()?;
    let key = BitString::from_bytes(key)?.to_der()?;
    Ok(tlv(0x30, &[algorithm, key].concat()))
}

fn unhex(text: &str) -> der::Result<Vec<u8>> {
    hex::decode(text).map_err(|_| ErrorKind::Failed.into())
}
