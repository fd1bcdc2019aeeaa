//! The reader of public keys.
#![no_main]

use der::{Decode, Encode};
use libfuzzer_sys::fuzz_target;
use signet_core::x509::algorithm::{KeyAlgorithm, SignatureAlgorithm};
use signet_core::x509::public_key::PublicKey;
use signet_fuzz::message;
use x509_cert::spki::{SubjectPublicKeyInfoOwned, SubjectPublicKeyInfoRef};

/// id-ecPublicKey with the curve P-256.
const P256: [u8; 21] = [
    0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48,
    0xce, 0x3d, 0x03, 0x01, 0x07,
];

fuzz_target!(|data: &[u8]| {
    let read = PublicKey::from_spki_der(data);
    match &read {
        Ok(key) => check(data, key),
        Err(error) => message::check(&error.to_string()),
    }
    if let Some(point) = p256_point(data) {
        // The same as a pure-Rust library, both ways.
        let accepted = p256::PublicKey::from_sec1_bytes(point).is_ok();
        assert_eq!(read.is_ok(), accepted, "{read:?}");
    }
});

fn check(der: &[u8], key: &PublicKey) {
    assert_eq!(key.spki_der(), der, "kept as received");
    let again = SubjectPublicKeyInfoOwned::from_der(der).expect("x509-cert reads it");
    assert_eq!(again.to_der().expect("and writes it"), der);
    match key.algorithm() {
        KeyAlgorithm::Rsa { bits } => assert!((2048..=8192).contains(&bits)),
        KeyAlgorithm::EcP256 | KeyAlgorithm::EcP384 | KeyAlgorithm::EcP521 => {}
        KeyAlgorithm::Ed25519 => assert_eq!(der.len(), 44),
    }
    assert_eq!(key.fingerprint().len(), 64);
    assert_ne!(key.key_identifier(), [0; 20]);
    // No key verifies a signature of zeros, and none panics.
    let algorithm = SignatureAlgorithm::for_key(key.algorithm());
    assert!(key.verify(algorithm, b"message", &[0; 64]).is_err());
}

/// An uncompressed point in a well-formed SubjectPublicKeyInfo of P-256.
fn p256_point(der: &[u8]) -> Option<&[u8]> {
    let info = SubjectPublicKeyInfoRef::try_from(der).ok()?;
    let point = info.subject_public_key.as_bytes()?;
    let is_p256 = info.algorithm.to_der().ok()? == P256;
    (is_p256 && point.first() == Some(&0x04)).then_some(point)
}
