//! Serial numbers: no randomness, never shared.

use super::{certificate, leaf};
use crate::fixtures::ca::Ca;
use crate::fixtures::certificate::Parts;
use crate::fixtures::csr::CsrParts;
use crate::fixtures::key::Key;
use crate::fixtures::request::{granted, plain, request};
use crate::fixtures::{DAY, NOW, at};
use crate::policy::Grant;
use crate::request::RawRequest;

fn serial(ca: &Ca, grant: &Grant) -> Vec<u8> {
    certificate(&ca.issue(grant))
        .tbs_certificate()
        .serial_number()
        .as_bytes()
        .to_vec()
}

fn ca() -> Ca {
    Ca::of(&[Parts::root("root", &Key::p256(1))])
}

fn with_uid(uid: &str) -> Grant {
    granted(
        RawRequest {
            uid: uid.to_owned(),
            ..request(&CsrParts::default())
        },
        &plain(),
    )
}

#[test]
fn pki_1_a_serial_is_positive_and_20_octets_long() {
    for uid in 0..64 {
        let serial = ca().tbs(&with_uid(&uid.to_string()));
        // Version, then INTEGER of 20 octets: a0 03 02 01 02, 02 14.
        let der = serial.der();
        let header = if der[1] < 0x80 {
            2
        } else {
            2 + usize::from(der[1] & 0x7f)
        };
        assert_eq!(
            der[header..header + 7],
            [0xa0, 0x03, 0x02, 0x01, 0x02, 0x02, 0x14]
        );
        assert!(
            (0x40..0x80).contains(&der[header + 7]),
            "positive, and no octet to strip"
        );
    }
}

#[test]
fn the_same_request_and_content_have_one_serial() {
    let (once, again) = (ca().tbs(&leaf(60)), ca().tbs(&leaf(60)));
    assert_eq!(once.der(), again.der());
    assert_eq!(serial(&ca(), &leaf(60)), serial(&ca(), &leaf(60)));
}

#[test]
fn rfc_5280_4_1_2_2_different_content_never_shares_a_serial() {
    let renewed = Parts::root("root", &Key::p256(1)).valid(at(-DAY), at(400 * DAY));
    let other_key = CsrParts {
        key: Key::p256(101),
        ..CsrParts::default()
    };
    let serials = [
        serial(&ca(), &leaf(3_600)),
        // Another request, which asks for the same.
        serial(&ca(), &with_uid("another")),
        // Another CA certificate over the same key and name: what is signed is the same.
        serial(&Ca::of(&[renewed]), &leaf(3_600)),
        // Another key, and another lifetime.
        serial(&ca(), &granted(request(&other_key), &plain())),
        serial(&ca(), &leaf(3_601)),
        // Another time.
        certificate(&ca().issue_at(&leaf(3_600), NOW + jiff::SignedDuration::from_secs(1)))
            .tbs_certificate()
            .serial_number()
            .as_bytes()
            .to_vec(),
    ];
    for (place, serial) in serials.iter().enumerate() {
        assert!(!serials[place + 1..].contains(serial), "number {place}");
    }
}

#[test]
fn separates_the_uid_from_what_follows_it() {
    assert_ne!(
        super::super::serial::number("ab", b"c", b"d"),
        super::super::serial::number("a", b"bc", b"d"),
    );
}
