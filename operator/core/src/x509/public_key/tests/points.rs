//! Points of elliptic curves.

use super::*;

#[test]
fn rejects_points_that_are_compressed_or_off_the_curve() {
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
        curve: KeyAlgorithm::EcP256,
        expected: 65,
        found,
    };
    let table = [
        (compressed, E::CompressedPoint),
        (hybrid, E::PointForm),
        (vec![], E::PointForm),
        (vec![0], E::PointAtInfinity),
        (
            [&[4][..], &[0; 64]].concat(),
            E::NotOnCurve(KeyAlgorithm::EcP256),
        ),
        (
            [&[4][..], &[0xff; 64]].concat(),
            E::NotOnCurve(KeyAlgorithm::EcP256),
        ),
        (off, E::NotOnCurve(KeyAlgorithm::EcP256)),
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
fn rejects_ed25519_keys_of_other_sizes_and_of_small_order() {
    assert_eq!(read(ED25519, "", &[9; 31]), Err(E::Ed25519Length(31)));
    assert_eq!(read(ED25519, "", &[9; 33]), Err(E::Ed25519Length(33)));
    assert_eq!(read(ED25519, "", &[0; 32]), Err(E::WeakEd25519));
}
