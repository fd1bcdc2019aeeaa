//! Public keys: what is certified, the frame around a key, and its signatures.

mod points;
mod rsa;

use ed25519_dalek::Signer as _;
use p256::ecdsa::{DerSignature, SigningKey};

use super::{PublicKey, PublicKeyError as E, SignatureMismatch};
use crate::reason::Reason;
use crate::x509::algorithm::{KeyAlgorithm, SignatureAlgorithm};
use crate::x509::strict::tlv;
use rsa::rsa;

const P256: &str = "06082a8648ce3d030107";
const P384: &str = "06052b81040022";
const P521: &str = "06052b81040023";
const NULL: &str = "0500";

const RSA: &str = "06092a864886f70d010101";
const EC: &str = "06072a8648ce3d0201";
const ED25519: &str = "06032b6570";

/// A SubjectPublicKeyInfo from the hex of its algorithm and parameters, and its key.
fn spki(algorithm: &str, parameters: &str, key: &[u8]) -> Vec<u8> {
    let identifier = tlv(
        0x30,
        &hex::decode(format!("{algorithm}{parameters}")).unwrap(),
    );
    let bits = tlv(0x03, &[&[0], key].concat());
    tlv(0x30, &[identifier, bits].concat())
}

fn read(algorithm: &str, parameters: &str, key: &[u8]) -> Result<KeyAlgorithm, E> {
    PublicKey::from_spki_der(&spki(algorithm, parameters, key)).map(|key| key.algorithm())
}

fn p256() -> SigningKey {
    SigningKey::from_slice(&[7; 32]).unwrap()
}

fn p256_point() -> Vec<u8> {
    p256()
        .verifying_key()
        .to_sec1_point(false)
        .as_bytes()
        .to_vec()
}

fn p384_point() -> Vec<u8> {
    let key = p384::ecdsa::SigningKey::from_slice(&[7; 48]).unwrap();
    key.verifying_key().to_sec1_point(false).as_bytes().to_vec()
}

fn p521_point() -> Vec<u8> {
    let key = p521::ecdsa::SigningKey::from_slice(&[&[0][..], &[7; 65]].concat()).unwrap();
    p521::ecdsa::VerifyingKey::from(&key)
        .to_sec1_point(false)
        .as_bytes()
        .to_vec()
}

fn ed25519() -> ed25519_dalek::SigningKey {
    ed25519_dalek::SigningKey::from_bytes(&[7; 32])
}

#[test]
fn accepts_supported_keys() {
    let table = [
        (read(EC, P256, &p256_point()), KeyAlgorithm::EcP256),
        (read(EC, P384, &p384_point()), KeyAlgorithm::EcP384),
        (read(EC, P521, &p521_point()), KeyAlgorithm::EcP521),
        (
            read(ED25519, "", ed25519().verifying_key().as_bytes()),
            KeyAlgorithm::Ed25519,
        ),
        (
            read(RSA, NULL, &rsa(2048, &[1, 0, 1])),
            KeyAlgorithm::Rsa { bits: 2048 },
        ),
        (
            read(RSA, NULL, &rsa(2049, &[1, 0, 1])),
            KeyAlgorithm::Rsa { bits: 2049 },
        ),
        (
            read(RSA, NULL, &rsa(3072, &[3])),
            KeyAlgorithm::Rsa { bits: 3072 },
        ),
        (
            read(RSA, NULL, &rsa(8192, &[0x7f, 0xff, 0xff, 0xff])),
            KeyAlgorithm::Rsa { bits: 8192 },
        ),
    ];
    for (outcome, algorithm) in table {
        assert_eq!(outcome, Ok(algorithm));
    }
}

#[test]
fn rejects_parameters_that_differ_from_the_rfcs() {
    let rsa = rsa(2048, &[1, 0, 1]);
    assert!(matches!(read(RSA, "", &rsa), Err(E::Parameters("RSA", _))));
    assert!(matches!(
        read(RSA, P256, &rsa),
        Err(E::Parameters("RSA", _))
    ));
    assert!(matches!(
        read(EC, "", &p256_point()),
        Err(E::Parameters("EC", _))
    ));
    assert!(matches!(
        read(EC, NULL, &p256_point()),
        Err(E::Parameters("EC", _))
    ));
    // specifiedCurve, the explicit form.
    assert!(matches!(
        read(EC, "3003020101", &p256_point()),
        Err(E::Parameters("EC", _))
    ));
    assert!(matches!(
        read(ED25519, NULL, &[9; 32]),
        Err(E::Parameters("Ed25519", _))
    ));
    // secp256k1 and P-224.
    for curve in ["06052b8104000a", "06052b81040021"] {
        assert!(matches!(
            read(EC, curve, &p256_point()),
            Err(E::UnknownCurve(_))
        ));
    }
    // X25519, Ed448 and ML-DSA-44.
    for algorithm in ["06032b656e", "06032b6571", "0609608648016503040311"] {
        assert!(matches!(
            read(algorithm, "", &[9; 32]),
            Err(E::UnknownAlgorithm(_))
        ));
    }
    assert_eq!(read("06092a864886f70d01010a", "", &rsa), Err(E::PssKey));
}

#[test]
fn rejects_a_malformed_frame() {
    let good = spki(EC, P256, &p256_point());
    let mut unused_bits = good.clone();
    let bits = good.len() - 66;
    unused_bits[bits] = 4;
    assert_eq!(PublicKey::from_spki_der(&unused_bits), Err(E::UnusedBits));

    let mut trailing = good.clone();
    trailing.push(0);
    let mut long_length = vec![0x30, 0x81, good[1]];
    long_length.extend_from_slice(&good[2..]);
    for der in [
        vec![],
        trailing,
        long_length,
        good[..good.len() - 1].to_vec(),
    ] {
        assert!(matches!(
            PublicKey::from_spki_der(&der),
            Err(E::Malformed(_))
        ));
    }
}

#[test]
fn distinguishes_weak_and_malformed_keys() {
    for weak in [E::WeakRsa(1024), E::RsaExponent, E::SmallRsaFactor(3)] {
        assert_eq!(weak.reason(), Reason::WeakKey, "{weak}");
    }
    for unsupported in [E::LargeRsa(9000), E::CompressedPoint, E::PssKey] {
        assert_eq!(
            unsupported.reason(),
            Reason::UnsupportedKey,
            "{unsupported}"
        );
    }
    assert_eq!(E::UnusedBits.reason(), Reason::InvalidCsr);
}

#[test]
fn verifies_signatures_of_other_libraries() {
    let message = b"to be signed";
    let ec = PublicKey::from_spki_der(&spki(EC, P256, &p256_point())).unwrap();
    let signature: DerSignature = p256().sign(message);
    let signature = signature.as_bytes();
    assert_eq!(
        ec.verify(SignatureAlgorithm::EcdsaSha256, message, signature),
        Ok(())
    );

    let mismatch = Err(SignatureMismatch);
    assert_eq!(
        ec.verify(SignatureAlgorithm::EcdsaSha256, b"another", signature),
        mismatch
    );
    assert_eq!(
        ec.verify(SignatureAlgorithm::EcdsaSha256, message, &[]),
        mismatch
    );
    for algorithm in SignatureAlgorithm::ALL {
        if algorithm != SignatureAlgorithm::EcdsaSha256 {
            assert_eq!(
                ec.verify(algorithm, message, signature),
                mismatch,
                "{algorithm}"
            );
        }
    }

    let ed = spki(ED25519, "", ed25519().verifying_key().as_bytes());
    let ed = PublicKey::from_spki_der(&ed).unwrap();
    let signature = ed25519().sign(message).to_bytes();
    assert_eq!(
        ed.verify(SignatureAlgorithm::Ed25519, message, &signature),
        Ok(())
    );
    assert_eq!(
        ed.verify(SignatureAlgorithm::EcdsaSha256, message, &signature),
        mismatch
    );
}

#[test]
fn computes_identifiers_and_fingerprints() {
    // RFC 7093 method 1, with the hash computed by the sha256 of another library.
    let key = PublicKey::from_spki_der(&spki(ED25519, "", &[9; 32])).unwrap();
    assert_eq!(
        hex::encode(key.key_identifier()),
        "8c0cc17a04942cc4f8e0fe0b302606d3108860c1"
    );
    assert_eq!(
        key.fingerprint(),
        "6882e88a9f5ac7395d194db92b5d00853e7d4672e54d8740876cbe77607e0ef6"
    );
    assert_eq!(
        format!("{key:?}"),
        "PublicKey(Ed25519, sha256:6882e88a9f5ac739…)"
    );
}
