//! A certificate that is not an X509-SVID is not published: certificates made by hand, each of
//! which breaks one rule of docs/rules.md.

use crate::fixtures::der::{
    BASIC_CONSTRAINTS, CLIENT_AUTH, EXT_KEY_USAGE, KEY_USAGE, SAN, SERVER_AUTH, cn, critical, dns,
    extension, hex, no_name, oid, purposes, seq, tlv, uri,
};
use crate::fixtures::key::Key;
use crate::issue::svid::{self, SvidError};
use crate::spiffe::SpiffeId;

const ID: &str = "spiffe://example.org/ns/shop/sa/web";

/// The parts of a leaf that a rule is about.
#[derive(Clone)]
struct Leaf {
    subject: Vec<u8>,
    extensions: Vec<Vec<u8>>,
}

const NAMES: usize = 0;
const USAGE: usize = 1;
const PURPOSES: usize = 2;
const CONSTRAINTS: usize = 3;

fn leaf() -> Leaf {
    Leaf {
        subject: no_name(),
        extensions: vec![
            critical(SAN, &seq(&[uri(ID)])),
            critical(KEY_USAGE, &hex("03020780")),
            extension(EXT_KEY_USAGE, &purposes(&[SERVER_AUTH, CLIENT_AUTH])),
            critical(BASIC_CONSTRAINTS, &hex("3000")),
        ],
    }
}

impl Leaf {
    fn with(mut self, place: usize, extension: Vec<u8>) -> Self {
        self.extensions[place] = extension;
        self
    }

    fn without(mut self, place: usize) -> Self {
        self.extensions.remove(place);
        self
    }

    fn and(mut self, extension: Vec<u8>) -> Self {
        self.extensions.push(extension);
        self
    }

    fn of_subject(self, subject: Vec<u8>) -> Self {
        Self { subject, ..self }
    }

    fn names(self, names: &[Vec<u8>]) -> Self {
        self.with(NAMES, critical(SAN, &seq(names)))
    }

    fn usage(self, bits: &str) -> Self {
        self.with(USAGE, critical(KEY_USAGE, &hex(bits)))
    }

    fn purposes(self, ids: &[&str]) -> Self {
        self.with(PURPOSES, extension(EXT_KEY_USAGE, &purposes(ids)))
    }

    fn der(&self) -> Vec<u8> {
        let algorithm = seq(&[oid("1.2.840.10045.4.3.2")]);
        let validity = seq(&[tlv(0x17, b"260901120000Z"), tlv(0x17, b"260901130000Z")]);
        let tbs = seq(&[
            hex("a003020102"),
            hex("020101"),
            algorithm.clone(),
            cn("CA"),
            validity,
            self.subject.clone(),
            Key::p256(1).public().spki_der().to_vec(),
            tlv(0xa3, &seq(&self.extensions)),
        ]);
        seq(&[tbs, algorithm, hex("030100")])
    }
}

fn check(leaf: &Leaf) -> Result<(), SvidError> {
    svid::check(&leaf.der(), &SpiffeId::parse(ID).unwrap())
}

#[test]
fn accepts_what_the_rules_allow() {
    for (what, leaf) in [
        ("X5-1", leaf()),
        (
            "X5-3",
            leaf().names(&[dns("a.example"), uri(ID), tlv(0x87, &[10, 0, 0, 1])]),
        ),
        (
            "X5-5: with a subject",
            leaf()
                .of_subject(cn("web"))
                .with(NAMES, extension(SAN, &seq(&[uri(ID)]))),
        ),
        ("X5-10: cA is false by default", leaf().without(CONSTRAINTS)),
        ("X5-14: keyEncipherment", leaf().usage("030205a0")),
        ("X5-14: keyAgreement", leaf().usage("03020388")),
        ("X5-15", leaf().purposes(&[CLIENT_AUTH, SERVER_AUTH])),
    ] {
        assert_eq!(check(&leaf), Ok(()), "{what}");
    }
}

#[test]
fn rejects_what_breaks_a_rule_about_names() {
    let other = |id: &str| SvidError::OtherId {
        found: id.to_owned(),
        granted: ID.to_owned(),
    };
    let table = [
        ("X5-1", leaf().without(NAMES), SvidError::Uris(0)),
        (
            "X5-1",
            leaf().names(&[dns("a.example")]),
            SvidError::Uris(0),
        ),
        (
            "X5-2",
            leaf().names(&[uri(ID), uri(ID)]),
            SvidError::Uris(2),
        ),
        (
            "X5-2",
            leaf().names(&[uri(ID), uri("https://a.example")]),
            SvidError::Uris(2),
        ),
        (
            "X5-4",
            leaf().names(&[uri("spiffe://example.org")]),
            other("spiffe://example.org"),
        ),
        (
            "not the granted path",
            leaf().names(&[uri("spiffe://example.org/ns/shop/sa/api")]),
            other("spiffe://example.org/ns/shop/sa/api"),
        ),
        (
            "not the granted trust domain",
            leaf().names(&[uri("spiffe://other.org/ns/shop/sa/web")]),
            other("spiffe://other.org/ns/shop/sa/web"),
        ),
        (
            "SID-7",
            leaf().names(&[uri("SPIFFE://example.org/ns/shop/sa/web")]),
            other(ID),
        ),
        (
            "X5-5",
            leaf().with(NAMES, extension(SAN, &seq(&[uri(ID)]))),
            SvidError::NotCritical,
        ),
        (
            "RFC 5280 4.2",
            leaf().and(critical(SAN, &seq(&[uri(ID)]))),
            SvidError::Repeated,
        ),
    ];
    for (what, leaf, expected) in table {
        assert_eq!(check(&leaf), Err(expected), "{what}");
    }
    for bad in [
        "https://example.org/ns/shop/sa/web",
        "spiffe://example.org/ns/shop/sa/web?x",
        "spiffe://example.org/ns/shop/../sa/web",
        "spiffe://example.org/ns/shop/sa/web/",
        "spiffe://example.org:1/ns/shop/sa/web",
        "spiffe://a@example.org/ns/shop/sa/web",
        "",
    ] {
        let outcome = check(&leaf().names(&[uri(bad)]));
        assert!(
            matches!(outcome, Err(SvidError::SpiffeId(_))),
            "X5-17: {bad}"
        );
    }
}

#[test]
fn rejects_what_breaks_a_rule_about_usages() {
    let table = [
        (
            "X5-10",
            leaf().with(CONSTRAINTS, critical(BASIC_CONSTRAINTS, &hex("30030101ff"))),
            SvidError::Ca,
        ),
        ("X5-12: missing", leaf().without(USAGE), SvidError::KeyUsage),
        (
            "X5-12: not critical",
            leaf().with(USAGE, extension(KEY_USAGE, &hex("03020780"))),
            SvidError::KeyUsage,
        ),
        (
            "X5-14: no digitalSignature",
            leaf().usage("03020520"),
            SvidError::KeyUsageBits,
        ),
        (
            "X5-14: keyCertSign",
            leaf().usage("03020284"),
            SvidError::KeyUsageBits,
        ),
        (
            "X5-14: cRLSign",
            leaf().usage("03020182"),
            SvidError::KeyUsageBits,
        ),
        (
            "X5-15: missing",
            leaf().without(PURPOSES),
            SvidError::ExtendedKeyUsage,
        ),
        (
            "X5-15: no clientAuth",
            leaf().purposes(&[SERVER_AUTH]),
            SvidError::ExtendedKeyUsage,
        ),
        (
            "X5-15: no serverAuth",
            leaf().purposes(&[CLIENT_AUTH]),
            SvidError::ExtendedKeyUsage,
        ),
        (
            "RFC 5280 4.2",
            leaf().and(critical(KEY_USAGE, &hex("03020780"))),
            SvidError::Repeated,
        ),
    ];
    for (what, leaf, expected) in table {
        assert_eq!(check(&leaf), Err(expected), "{what}");
    }
}

#[test]
fn rejects_what_cannot_be_read() {
    let id = SpiffeId::parse(ID).unwrap();
    let whole = leaf().der();
    let trailing = [&whole[..], &[0]].concat();
    for der in [&whole[..whole.len() - 1], &trailing, b""] {
        let outcome = svid::check(der, &id);
        assert!(
            matches!(outcome, Err(SvidError::Malformed(_))),
            "{outcome:?}"
        );
    }
    let broken = leaf().with(USAGE, critical(KEY_USAGE, &hex("0403020780")));
    assert!(matches!(check(&broken), Err(SvidError::Malformed(_))));
}
