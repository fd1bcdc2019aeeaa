//! RSA keys.

use super::*;

/// An RSAPublicKey whose modulus has so many bits, and no prime factor below 752.
pub(super) fn rsa(bits: usize, exponent: &[u8]) -> Vec<u8> {
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
fn rejects_unsupported_rsa_keys() {
    let e = [1, 0, 1];
    let even = {
        let mut modulus = [0xff; 256];
        modulus[255] = 0xfe;
        rsa_of(&modulus, &e)
    };
    let table = [
        (rsa(1024, &e), E::WeakRsa(1024)),
        (rsa(2047, &e), E::WeakRsa(2047)),
        (rsa(1, &e), E::WeakRsa(1)),
        (rsa_of(&[0], &e), E::WeakRsa(0)),
        (rsa(8193, &e), E::LargeRsa(8193)),
        (rsa(8 * 60_000, &e), E::LargeRsa(480_000)),
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
