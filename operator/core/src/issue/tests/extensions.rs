//! The exact set of extensions, their order and their values.

use super::{certificate, extension_list, value};
use crate::fixtures::NOW;
use crate::fixtures::ca::Ca;
use crate::fixtures::certificate::Parts;
use crate::fixtures::csr::CsrParts;
use crate::fixtures::der::{
    AUTHORITY_KEY_IDENTIFIER, BASIC_CONSTRAINTS, CLIENT_AUTH, EXT_KEY_USAGE, KEY_USAGE,
    NAME_CONSTRAINTS, SERVER_AUTH, SUBJECT_KEY_IDENTIFIER, cn, dns, extension, hex, purposes, seq,
    tlv,
};
use crate::fixtures::key::{Key, Kind};
use crate::fixtures::readers;
use crate::fixtures::request::{ca_request, granted, plain, request, with_ca, with_usages};

#[test]
fn pki_4_pki_5_writes_the_extensions_of_a_leaf() {
    let ca = Ca::root(Kind::P256);
    let spec = ["key agreement", "client auth", "server auth"];
    let issued = ca.issue(&granted(
        with_usages(request(&CsrParts::default()), &spec),
        &plain(),
    ));
    let parsed = certificate(&issued);
    let expected = [
        "2.5.29.35",  // authorityKeyIdentifier
        "2.5.29.14",  // subjectKeyIdentifier
        "2.5.29.15!", // keyUsage
        "2.5.29.37",  // extKeyUsage
        "2.5.29.19!", // basicConstraints
        "2.5.29.17",  // subjectAltName
    ];
    assert_eq!(extension_list(&parsed), expected);
    assert_eq!(value(&parsed, BASIC_CONSTRAINTS), Some(hex("3000")));
    assert_eq!(value(&parsed, KEY_USAGE), Some(hex("03020388")));
    // Rule A3-23: in the order of the request.
    assert_eq!(
        value(&parsed, EXT_KEY_USAGE),
        Some(purposes(&[CLIENT_AUTH, SERVER_AUTH]))
    );
    assert!(!readers::is_ca(&parsed));
}

#[test]
fn leaves_out_what_was_not_requested() {
    let csr = CsrParts::names(&[]).and_subject(cn("alone"));
    let issued = Ca::root(Kind::P256).issue(&granted(request(&csr), &plain()));
    let list = extension_list(&certificate(&issued));
    assert_eq!(list, ["2.5.29.35", "2.5.29.14", "2.5.29.15!", "2.5.29.19!"]);
}

#[test]
fn pki_7_writes_the_extensions_of_a_ca() {
    let constraints = seq(&[tlv(0xa0, &seq(&[dns("example.org")]))]);
    let csr = CsrParts::default().and(NAME_CONSTRAINTS, &constraints);
    let issued = Ca::root(Kind::P256).issue(&granted(ca_request(&csr), &with_ca(plain(), 2)));
    let parsed = certificate(&issued);
    assert_eq!(
        extension_list(&parsed),
        [
            "2.5.29.35",
            "2.5.29.14",
            "2.5.29.15!",
            "2.5.29.19!",
            "2.5.29.17",
            "2.5.29.30!"
        ]
    );
    assert_eq!(
        value(&parsed, BASIC_CONSTRAINTS),
        Some(hex("30060101ff020102"))
    );
    assert_eq!(value(&parsed, KEY_USAGE), Some(hex("03020186")));
    assert_eq!(value(&parsed, NAME_CONSTRAINTS), Some(constraints));
    assert!(readers::is_ca(&parsed));
}

#[test]
fn issues_under_an_issued_ca() {
    let root = Parts::root("root", &Key::p256(1)).path_length(1);
    let above = Ca::of(std::slice::from_ref(&root));
    let key = Key::new(Kind::P384, 9);
    let csr = CsrParts {
        key: key.clone(),
        ..CsrParts::default()
    };
    let rules = crate::policy::IssuerPolicy {
        limits: above.chain.limits(),
        ..with_ca(plain(), 3)
    };
    let issued = above.issue(&granted(ca_request(&csr), &rules));
    let pem = format!("{}{}", issued.chain_pem(), root.pem());
    let chain = crate::ca::CaChain::from_pem(pem.as_bytes(), None, NOW).unwrap();
    assert_eq!(chain.path_length(), Some(0));
    let below = Ca { key, chain };
    below.issue(&granted(request(&CsrParts::default()), &plain()));
}

#[test]
fn pki_3_copies_the_authority_key_identifier() {
    let grant = granted(request(&CsrParts::default()), &plain());
    let key = Key::p256(1);
    for identifier in [&b"odd"[..], &[0; 1], &[0xff; 64]] {
        let odd = extension(SUBJECT_KEY_IDENTIFIER, &tlv(0x04, identifier));
        let ca = Ca::of(&[Parts::root("root", &key).with(SUBJECT_KEY_IDENTIFIER, Some(odd))]);
        let parsed = certificate(&ca.issue(&grant));
        let expected = seq(&[tlv(0x80, identifier)]);
        assert_eq!(value(&parsed, AUTHORITY_KEY_IDENTIFIER), Some(expected));
    }
    // A CA without one, which OpenSSL's strict mode does not accept, gets the computed one.
    let ca = Ca::of(&[Parts::root("root", &key).with(SUBJECT_KEY_IDENTIFIER, None)]);
    let issued = ca.assemble(&ca.tbs(&grant)).unwrap();
    let expected = seq(&[tlv(0x80, &key.public().key_identifier())]);
    assert_eq!(
        value(&certificate(&issued), AUTHORITY_KEY_IDENTIFIER),
        Some(expected)
    );
}

#[test]
fn pki_3_every_certificate_has_a_subject_key_identifier_of_its_own_key() {
    let ca = Ca::root(Kind::Ed25519);
    for kind in Kind::ALL {
        let key = Key::new(kind, 4);
        let csr = CsrParts {
            key: key.clone(),
            ..CsrParts::default()
        };
        let parsed = certificate(&ca.issue(&granted(request(&csr), &plain())));
        let expected = tlv(0x04, &key.public().key_identifier());
        assert_eq!(value(&parsed, SUBJECT_KEY_IDENTIFIER), Some(expected));
    }
}
