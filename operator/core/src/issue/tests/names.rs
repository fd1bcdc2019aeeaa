//! Names: issuer, subject and subjectAltName are the bytes that they were (PKI-2, rule A3-26).

use der::Encode;

use super::{certificate, extension_list, value};
use crate::fixtures::ca::Ca;
use crate::fixtures::certificate::Parts;
use crate::fixtures::csr::CsrParts;
use crate::fixtures::der::{SAN, attribute, cn, dns, hex, no_name, oid, seq, set, tlv, uri};
use crate::fixtures::key::{Key, Kind};
use crate::fixtures::request::{granted, plain, request, request_for_certificate, spiffe};

/// Where `part` stands in `whole`.
fn contains(whole: &[u8], part: &[u8]) -> bool {
    whole.windows(part.len()).any(|window| window == part)
}

#[test]
fn a3_26_keeps_raw_subjects() {
    let ca = Ca::root(Kind::P256);
    let subjects = [
        // Istio's empty organization.
        seq(&[set(&[attribute("2.5.4.10", "")])]),
        // An RDN of two attributes.
        seq(&[set(&[
            attribute("2.5.4.3", "x"),
            attribute("2.5.4.10", "y"),
        ])]),
        // Organizational units in an unsorted order.
        seq(&["c", "a", "b", "a"].map(|unit| set(&[attribute("2.5.4.11", unit)]))),
        // A literal subject, top down, with a PrintableString, a TeletexString and an own OID.
        seq(&[
            set(&[seq(&[oid("0.9.2342.19200300.100.1.25"), tlv(0x16, b"org")])]),
            set(&[seq(&[oid("2.5.4.6"), tlv(0x13, b"DE")])]),
            set(&[seq(&[oid("2.5.4.10"), tlv(0x14, b"B\xf6ck")])]),
            set(&[seq(&[
                oid("1.3.6.1.4.1.99999.1"),
                tlv(0x0c, "ü".as_bytes()),
            ])]),
        ]),
    ];
    for subject in subjects {
        let csr = CsrParts::default().and_subject(subject.clone());
        let issued = ca.issue(&granted(request(&csr), &plain()));
        assert!(contains(issued.der(), &subject));
        let parsed = certificate(&issued);
        assert_eq!(
            parsed.tbs_certificate().subject().to_der().unwrap(),
            subject
        );
        // An organization of no length is a subject.
        assert!(extension_list(&parsed).contains(&SAN.to_owned()));
    }
}

#[test]
fn x5_5_the_subject_alt_name_is_critical_exactly_when_the_subject_is_empty() {
    let ca = Ca::root(Kind::P256);
    for (subject, expected) in [(no_name(), "2.5.29.17!"), (cn("web"), "2.5.29.17")] {
        for rules in [plain(), spiffe()] {
            let csr = CsrParts::default().and_subject(subject.clone());
            let issued = ca.issue(&granted(request_for_certificate(&csr), &rules));
            let list = extension_list(&certificate(&issued));
            assert!(list.iter().any(|one| one == expected), "{list:?}");
        }
    }
}

#[test]
fn a3_26_keeps_raw_subject_alt_names() {
    let other_name = [
        oid("1.3.6.1.4.1.311.20.2.3"),
        tlv(0xa0, &tlv(0x0c, b"a@ad.example")),
    ];
    let names = [
        tlv(0xa0, &other_name.concat()),
        tlv(0x87, &hex("20010db8000000000000000000000001")),
        dns("*.example.org"),
        tlv(0xa4, &cn("directory")),
        tlv(0x81, b"a@example.org"),
        uri("urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6"),
        dns("example.org"),
        tlv(0x88, &hex("2a0304")),
    ];
    let csr = CsrParts::names(&names);
    let issued = Ca::root(Kind::P256).issue(&granted(request(&csr), &plain()));
    assert_eq!(value(&certificate(&issued), SAN), csr.names);
}

#[test]
fn x5_1_appends_the_spiffe_id_to_the_other_names() {
    let ca = Ca::root(Kind::P256);
    let id = uri("spiffe://example.org/ns/shop/certificate/tls");
    for names in [&[][..], &[dns("a.example")], std::slice::from_ref(&id)] {
        let csr = CsrParts::names(names);
        let issued = ca.issue(&granted(request_for_certificate(&csr), &spiffe()));
        let expected = match names {
            [name] if *name != id => seq(&[name.clone(), id.clone()]),
            _ => seq(std::slice::from_ref(&id)),
        };
        assert_eq!(value(&certificate(&issued), SAN), Some(expected));
    }
}

#[test]
fn pki_2_copies_the_issuer_from_the_ca_certificate() {
    // Two units in one RDN, and a TeletexString that a library would rather write as UTF-8.
    let name = seq(&[
        set(&[seq(&[oid("2.5.4.10"), tlv(0x14, b"Acme \xe9")])]),
        set(&[attribute("2.5.4.11", "a"), attribute("2.5.4.11", "b")]),
    ]);
    let key = Key::p256(1);
    let root = Parts::root("root", &key);
    let ca = Ca::of(&[Parts {
        subject: name.clone(),
        issuer: name.clone(),
        ..root
    }]);
    let issued = ca.issue(&granted(request(&CsrParts::default()), &plain()));
    let parsed = certificate(&issued);
    assert_eq!(parsed.tbs_certificate().issuer().to_der().unwrap(), name);
    assert!(contains(issued.der(), &name));
}
