use ed25519_dalek::Signer as _;
use p256::ecdsa::{DerSignature, SigningKey};

use super::{PublicKey, PublicKeyError as E, SignatureMismatch};
use crate::x509::algorithm::{KeyAlgorithm, SignatureAlgorithm};
use crate::x509::strict::tlv;

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

/// An RSAPublicKey whose modulus has so many bits, and no prime factor below 752.
fn rsa(bits: usize, exponent: &[u8]) -> Vec<u8> {
    rsa_of(&modulus(bits), exponent)
}

/// The largest number of so many bits, without a prime factor below 752 where it is a modulus.
fn modulus(bits: usize) -> Vec<u8> {
    let mut modulus = vec![0xff; bits.div_ceil(8)];
    if !bits.is_multiple_of(8) {
        modulus[0] = 0xff >> (8 - bits % 8);
    }
    if (2048..=8192).contains(&bits) {
        let last_two = (0..=u16::MAX).rev().step_by(2).find(|last_two| {
            set_end(&mut modulus, *last_two);
            !has_small_factor(&modulus)
        });
        set_end(&mut modulus, last_two.unwrap());
    }
    modulus
}

fn set_end(modulus: &mut [u8], last_two: u16) {
    let end = modulus.len() - 2;
    modulus[end..].copy_from_slice(&last_two.to_be_bytes());
}

/// Written independently of the product: by each number, one byte after the other.
fn has_small_factor(modulus: &[u8]) -> bool {
    (2..752).any(|divisor| remainder(modulus, divisor) == 0)
}

fn remainder(number: &[u8], divisor: u32) -> u32 {
    let digits = number.iter();
    digits.fold(0, |rest, byte| (rest << 8 | u32::from(*byte)) % divisor)
}

fn rsa_of(modulus: &[u8], exponent: &[u8]) -> Vec<u8> {
    let sign: &[u8] = if modulus[0] & 0x80 == 0 { &[] } else { &[0] };
    let modulus = tlv(0x02, &[sign, modulus].concat());
    tlv(0x30, &[modulus, tlv(0x02, exponent)].concat())
}

#[test]
fn keys_that_are_certified() {
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
fn rsa_keys_that_are_not() {
    let e = [1, 0, 1];
    let even = {
        let mut modulus = [0xff; 256];
        modulus[255] = 0xfe;
        rsa_of(&modulus, &e)
    };
    let table = [
        (rsa(1024, &e), E::WeakRsa { bits: 1024 }),
        (rsa(2047, &e), E::WeakRsa { bits: 2047 }),
        (rsa(1, &e), E::WeakRsa { bits: 1 }),
        (rsa_of(&[0], &e), E::WeakRsa { bits: 0 }),
        (rsa(8193, &e), E::LargeRsa { bits: 8193 }),
        (rsa(8 * 60_000, &e), E::LargeRsa { bits: 480_000 }),
        (even, E::EvenRsaModulus),
        (rsa(2048, &[0]), E::RsaExponent),
        (rsa(2048, &[1]), E::RsaExponent),
        (rsa(2048, &[2]), E::RsaExponent),
        (rsa(2048, &[1, 0, 0]), E::RsaExponent),
        (rsa(2048, &[0, 0x80, 0, 0, 1]), E::RsaExponent),
        (rsa(2048, &[0x7f; 300]), E::RsaExponent),
    ];
    for (key, error) in table {
        assert_eq!(read(RSA, NULL, &key), Err(error));
    }
    // Negative and non-minimal numbers, trailing bytes, a third number.
    let mut trailing = rsa(2048, &e);
    trailing.push(0);
    let negative = tlv(0x30, &[tlv(0x02, &[0xff; 256]), tlv(0x02, &e)].concat());
    let padded = tlv(
        0x30,
        &[
            tlv(0x02, &[&[0, 0][..], &[0xff; 256]].concat()),
            tlv(0x02, &e),
        ]
        .concat(),
    );
    let third = {
        let inner = &rsa(2048, &e)[4..];
        tlv(0x30, &[inner, &tlv(0x02, &[1])].concat())
    };
    for key in [trailing, negative, padded, third, vec![], rsa(2048, &[])] {
        assert!(matches!(read(RSA, NULL, &key), Err(E::Malformed(_))));
    }
}

/// NIST SP 800-89 5.3.3: anyone can factor such a modulus and so compute the private key.
#[test]
fn an_rsa_key_that_anyone_can_factor_is_refused() {
    let good = modulus(2048);
    for prime in [3, 5, 7, 11, 257, 509, 743, 751] {
        let mut weak = good.clone();
        // The nearest odd multiple of the prime below.
        for _ in 0..prime {
            if remainder(&weak, prime) == 0 {
                break;
            }
            let end = u16::from_be_bytes([weak[254], weak[255]]);
            set_end(&mut weak, end - 2);
        }
        let outcome = read(RSA, NULL, &rsa_of(&weak, &[1, 0, 1]));
        let Err(E::SmallRsaFactor(factor)) = outcome else {
            panic!("{prime}: {outcome:?}")
        };
        assert!(
            factor <= prime && remainder(&weak, factor) == 0,
            "{prime}: {factor}"
        );
    }
    // 757 is the first prime that is not tried.
    let mut good = good;
    for end in (0..=u16::MAX).rev().step_by(2) {
        set_end(&mut good, end);
        if remainder(&good, 757) == 0 && !has_small_factor(&good) {
            break;
        }
    }
    assert_eq!(remainder(&good, 757), 0);
    assert!(read(RSA, NULL, &rsa_of(&good, &[1, 0, 1])).is_ok());
}

#[test]
fn parameters_are_the_ones_of_the_rfcs() {
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
fn points_are_uncompressed_and_on_the_curve() {
    let good = p256_point();
    let compressed = p256()
        .verifying_key()
        .to_sec1_point(true)
        .as_bytes()
        .to_vec();
    let hybrid = [&[0x06 | (good[64] & 1)], &good[1..]].concat();
    let mut off = good.clone();
    off[64] ^= 1;
    let length = |found| E::PointLength {
        curve: "P-256",
        expected: 65,
        found,
    };
    let table = [
        (compressed, E::CompressedPoint),
        (hybrid, E::PointForm),
        (vec![], E::PointForm),
        (vec![0], E::PointAtInfinity),
        ([&[4][..], &[0; 64]].concat(), E::NotOnCurve("P-256")),
        ([&[4][..], &[0xff; 64]].concat(), E::NotOnCurve("P-256")),
        (off, E::NotOnCurve("P-256")),
        (good[..64].to_vec(), length(64)),
        ([&good[..], &[0]].concat(), length(66)),
        // The point of another curve.
        (p384_point(), length(97)),
    ];
    for (point, error) in table {
        assert_eq!(
            read(EC, P256, &point),
            Err(error),
            "{}",
            hex::encode(&point)
        );
    }
    for (curve, mut point) in [(P384, p384_point()), (P521, p521_point())] {
        *point.last_mut().unwrap() ^= 1;
        assert!(matches!(read(EC, curve, &point), Err(E::NotOnCurve(_))));
    }
}

#[test]
fn ed25519_keys_have_32_bytes_and_a_large_order() {
    assert_eq!(read(ED25519, "", &[9; 31]), Err(E::Ed25519Length(31)));
    assert_eq!(read(ED25519, "", &[9; 33]), Err(E::Ed25519Length(33)));
    assert_eq!(read(ED25519, "", &[0; 32]), Err(E::WeakEd25519));
}

#[test]
fn the_frame_is_strict() {
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
fn weak_and_malformed_keys_are_told_apart() {
    assert!(E::WeakRsa { bits: 1024 }.is_weak() && E::RsaExponent.is_weak());
    assert!(E::SmallRsaFactor(3).is_weak());
    assert!(!E::LargeRsa { bits: 9000 }.is_weak() && !E::CompressedPoint.is_weak());
    assert!(E::UnusedBits.is_malformed() && !E::PssKey.is_malformed());
}

#[test]
fn signatures_of_other_libraries_verify() {
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
fn identifiers_and_fingerprints() {
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
