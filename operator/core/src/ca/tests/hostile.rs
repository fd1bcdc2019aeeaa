//! Whatever stands in a Secret: a CA certificate is read or refused, and nothing panics.

use super::Three;
use crate::ca::{CaCertificate, CaChain, ChainError};
use crate::fixtures::NOW;
use crate::fixtures::certificate::Parts;
use crate::fixtures::key::{Key, Kind};

#[test]
fn never_panics_on_a_changed_byte() {
    let root = Parts::root("root", &Key::new(Kind::Ed25519, 1));
    let der = root.path_length(3).der();
    let (mut read, mut refused) = (0, 0);
    for place in 0..der.len() {
        for value in 0..=u8::MAX {
            let mut changed = der.clone();
            changed[place] = value;
            match CaCertificate::from_der(&changed) {
                Ok(ca) if value == der[place] => assert!(ca.is_self_signed()),
                Ok(ca) => {
                    assert!(!ca.is_self_signed(), "byte {place} set to {value:#04x}");
                    read += 1;
                }
                Err(_) => refused += 1,
            }
        }
    }
    // Names, dates, serial and signature can change and still be read; structure cannot.
    assert!(
        read > 10_000 && refused > 10_000,
        "{read} read, {refused} refused"
    );
}

#[test]
fn rejects_truncated_and_extended_certificates() {
    let der = Three::new().issuing.der();
    for end in 0..der.len() {
        assert!(CaCertificate::from_der(&der[..end]).is_err(), "{end}");
    }
    for further in [&[0][..], b"\n", &der] {
        assert!(CaCertificate::from_der(&[&der, further].concat()).is_err());
    }
}

#[test]
fn never_panics_on_a_changed_character_of_pem() {
    let pem = Three::new().issuing.pem().into_bytes();
    let mut outcomes = [0, 0];
    for place in 0..pem.len() {
        for value in [0, b'\n', b'\r', b' ', b'-', b'A', b'=', b'\t', 0x7f, 0xff] {
            let mut changed = pem.clone();
            changed[place] = value;
            let outcome = CaChain::from_pem(&changed, Some(&changed), NOW);
            outcomes[usize::from(outcome.is_ok())] += 1;
        }
    }
    assert!(outcomes.iter().all(|count| *count > 10), "{outcomes:?}");
}

/// A search among certificates of one name would check as many signatures as the square of their
/// number, on the one thread that does everything.
#[test]
fn bounds_the_search_among_certificates_of_one_name() {
    let named = |seeds: std::ops::Range<u8>| {
        let roots = seeds.map(|seed| Parts::root("x", &Key::p256(seed)).pem());
        roots.collect::<String>()
    };
    let unrelated = Parts::root("x", &Key::p256(101));
    let above = Parts::intermediate("x", &Key::p256(102), &unrelated);
    let issuing = Parts::intermediate("x", &Key::p256(103), &above);
    let tls_crt = issuing.pem() + &named(1..32);
    let ca_crt = named(32..63) + &above.pem();
    let outcome = CaChain::from_pem(tls_crt.as_bytes(), Some(ca_crt.as_bytes()), NOW);
    assert_eq!(outcome, Err(ChainError::TooManyCandidates));
    // A renewal leaves a few of one name, which is no harm.
    let few = named(1..9) + &above.pem() + &unrelated.pem();
    let chain = CaChain::from_pem(issuing.pem().as_bytes(), Some(few.as_bytes()), NOW).unwrap();
    assert_eq!(chain.path().len(), 3);
}
