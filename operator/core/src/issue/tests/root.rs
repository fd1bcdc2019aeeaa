//! An issuer's own root, from `spec.certificate`.

use der::{Decode, Encode};
use x509_cert::Certificate;
use x509_cert::name::Name;

use super::{extension_list, leaf, seconds, value};
use crate::ca::{CaCertificate, CaChain, ChainError};
use crate::fixtures::ca::Ca;
use crate::fixtures::csr::CsrParts;
use crate::fixtures::der::{
    BASIC_CONSTRAINTS, KEY_USAGE, SAN, SUBJECT_KEY_IDENTIFIER, hex, seq, tlv, uri,
};
use crate::fixtures::key::{Key, Kind};
use crate::fixtures::request::{
    ca_request, granted, plain, request_for_certificate, spiffe, with_ca,
};
use crate::fixtures::{DAY, NOW, at};
use crate::issue::{CertificateToSign, IssueError, SelfSigned, Signature, assemble_root};
use crate::spiffe::TrustDomain;
use crate::x509::public_key::SignatureMismatch;

fn own() -> SelfSigned {
    SelfSigned {
        uid: "issuer".to_owned(),
        subject: "CN=mesh root,O=Example".parse().unwrap(),
        duration: seconds(3_650 * 86_400),
        path_length: Some(1),
        trust_domain: Some(TrustDomain::parse("example.org").unwrap()),
    }
}

fn tbs(root: &SelfSigned, key: &Key) -> CertificateToSign {
    root.to_be_signed(key.public(), key.algorithm(), NOW)
        .unwrap()
}

fn sign(root: &SelfSigned, key: &Key) -> CaCertificate {
    let tbs = tbs(root, key);
    assemble_root(&tbs, &Signature::new(key.sign(tbs.der()))).unwrap()
}

#[test]
fn issues_under_a_root_of_every_kind_of_key() {
    for kind in Kind::ALL {
        let key = Key::new(kind, 1);
        let root = sign(&own(), &key);
        assert!(root.is_self_signed());
        assert_eq!(
            (root.not_before(), root.not_after()),
            (at(-60), at(3_650 * DAY - 60))
        );
        assert_eq!(root.path_length(), Some(1));
        let ca = Ca {
            key,
            chain: CaChain::from_root(root),
        };
        ca.issue(&granted(
            request_for_certificate(&CsrParts::default()),
            &spiffe(),
        ));
        ca.issue(&granted(
            ca_request(&CsrParts::default()),
            &with_ca(spiffe(), 0),
        ));
    }
}

#[test]
fn x5_8_sid_8_the_root_of_a_trust_domain_has_its_id() {
    let key = Key::p256(1);
    let root = Certificate::from_der(sign(&own(), &key).der()).unwrap();
    // It has no authorityKeyIdentifier, being its own authority.
    assert_eq!(
        extension_list(&root),
        ["2.5.29.14", "2.5.29.15!", "2.5.29.19!", "2.5.29.17"]
    );
    assert_eq!(value(&root, SAN), Some(seq(&[uri("spiffe://example.org")])));
    assert_eq!(value(&root, KEY_USAGE), Some(hex("03020106")));
    assert_eq!(
        value(&root, BASIC_CONSTRAINTS),
        Some(hex("30060101ff020101"))
    );
    let identifier = tlv(0x04, &key.public().key_identifier());
    assert_eq!(value(&root, SUBJECT_KEY_IDENTIFIER), Some(identifier));
    let fields = root.tbs_certificate();
    assert_eq!(fields.issuer(), fields.subject());
    assert_eq!(
        fields.subject().to_der().unwrap(),
        own().subject.to_der().unwrap()
    );
}

#[test]
fn a_plain_root_has_only_its_subject_and_no_limit() {
    let plain = SelfSigned {
        path_length: None,
        trust_domain: None,
        ..own()
    };
    let root = Certificate::from_der(sign(&plain, &Key::p256(1)).der()).unwrap();
    assert_eq!(
        extension_list(&root),
        ["2.5.29.14", "2.5.29.15!", "2.5.29.19!"]
    );
    assert_eq!(value(&root, BASIC_CONSTRAINTS), Some(hex("30030101ff")));
}

#[test]
fn pki_1_roots_of_two_issuers_or_keys_differ_in_their_serial() {
    let serial = |uid: &str, seed| {
        let root = SelfSigned {
            uid: uid.to_owned(),
            ..own()
        };
        let certificate = Certificate::from_der(sign(&root, &Key::p256(seed)).der()).unwrap();
        certificate
            .tbs_certificate()
            .serial_number()
            .as_bytes()
            .to_vec()
    };
    assert_eq!(serial("a", 1), serial("a", 1));
    assert_ne!(serial("a", 1), serial("b", 1));
    assert_ne!(serial("a", 1), serial("a", 2));
    assert_eq!(serial("a", 1).len(), 20);
}

#[test]
fn pki_2_rejects_a_root_without_a_subject() {
    let key = Key::p256(1);
    let nameless = SelfSigned {
        subject: Name::default(),
        ..own()
    };
    let tbs = tbs(&nameless, &key);
    let outcome = assemble_root(&tbs, &Signature::new(key.sign(tbs.der())));
    assert!(
        matches!(outcome, Err(IssueError::Root(ChainError::Unfit { .. }))),
        "{outcome:?}"
    );
}

#[test]
fn assembles_only_roots_as_a_root() {
    let key = Key::p256(1);
    let ca = Ca {
        chain: CaChain::from_root(sign(&own(), &key)),
        key: key.clone(),
    };
    // A signature of another key, or over other bytes.
    let root = tbs(&own(), &key);
    for wrong in [
        Key::p256(2).sign(root.der()),
        key.sign(b"other"),
        Vec::new(),
    ] {
        let outcome = assemble_root(&root, &Signature::new(wrong));
        assert_eq!(
            outcome,
            Err(IssueError::SignatureMismatch(SignatureMismatch))
        );
    }
    // A leaf, and a CA below this one.
    let leaf = ca.tbs(&leaf(60));
    assert!(matches!(
        assemble_root(&leaf, &ca.sign(&leaf)),
        Err(IssueError::Root(ChainError::Unfit { .. }))
    ));
    let below = ca.tbs(&granted(
        ca_request(&CsrParts::default()),
        &with_ca(plain(), 0),
    ));
    assert_eq!(
        assemble_root(&below, &ca.sign(&below)),
        Err(IssueError::OutsideChain)
    );
    // And no root is issued under a chain.
    assert_eq!(ca.assemble(&root), Err(IssueError::OutsideChain));
}
