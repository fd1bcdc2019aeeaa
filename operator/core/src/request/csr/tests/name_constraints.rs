//! nameConstraints: subtrees that every verifier reads.

use super::build::{self, Parts, critical, hex, seq};
use crate::request::csr::{Csr, CsrError as E};
use crate::x509::names::MAX_NAMES;
use crate::x509::strict::tlv;

const EMAIL: u8 = 0x81;
const DNS: u8 = 0x82;
const URI: u8 = 0x86;

fn outcome(extensions: &[Vec<u8>]) -> Result<Csr, E> {
    Csr::from_der(&Parts::extensions(extensions).sign())
}

fn error(extensions: &[Vec<u8>]) -> E {
    outcome(extensions).expect_err("the CSR must be refused")
}

#[test]
fn checks_the_frame_and_the_kinds_of_subtrees() {
    let permitted = |names: &[Vec<u8>]| seq(&[tlv(0xa0, &names.concat())]);
    let subtree = |tag: u8, value: &[u8]| seq(&[tlv(tag, value)]);
    let good = [
        subtree(0x82, b"example.org"),
        subtree(0x82, b""),
        subtree(0x81, b"example.org"),
        subtree(0x86, b".example.org"),
        subtree(0x87, &hex("0a000000 ff000000")),
        subtree(0x87, &hex("0a000000 00000000")),
        subtree(0x87, &[[0; 16], [0xff; 16]].concat()),
        subtree(0xa4, &seq(&[])),
    ];
    let value = permitted(&good);
    let csr = outcome(&[critical(build::NAME_CONSTRAINTS, &value)]).unwrap();
    assert_eq!(csr.extensions.name_constraints.as_deref(), Some(&value[..]));

    let dns = tlv(0x82, b"example.org");
    let cases = [
        ("no subtree at all", seq(&[])),
        ("empty list", permitted(&[])),
        (
            "lists out of order",
            seq(&[tlv(0xa1, &good[0]), tlv(0xa0, &good[0])]),
        ),
        (
            "list twice",
            seq(&[tlv(0xa0, &good[0]), tlv(0xa0, &good[0])]),
        ),
        (
            "IP without mask",
            permitted(&[subtree(0x87, &[10, 0, 0, 0])]),
        ),
        (
            "IP with a mask of holes",
            permitted(&[subtree(0x87, &hex("0a000000 ff00ff00"))]),
        ),
        (
            "IP with a mask of holes in a byte",
            permitted(&[subtree(0x87, &hex("0a000000 fd000000"))]),
        ),
        ("not ASCII", permitted(&[subtree(0x82, b"\xff")])),
        ("registeredID", permitted(&[subtree(0x88, &[0x2a])])),
        (
            "minimum of zero written out",
            permitted(&[seq(&[dns.clone(), tlv(0x80, &[0])])]),
        ),
        (
            "minimum",
            permitted(&[seq(&[dns.clone(), tlv(0x80, &[1])])]),
        ),
        ("maximum", permitted(&[seq(&[dns, tlv(0x81, &[1])])])),
        ("too many", permitted(&vec![good[1].clone(); MAX_NAMES + 1])),
    ];
    for (what, value) in cases {
        let error = error(&[critical(build::NAME_CONSTRAINTS, &value)]);
        let about = matches!(
            error,
            E::InvalidExtension {
                extension: "nameConstraints",
                ..
            }
        );
        assert!(about, "{what}: {error:?}");
    }
}

/// The same for permitted and excluded subtrees.
fn with_subtree(tag: u8, value: &str) -> [Result<Csr, E>; 2] {
    [0xa0, 0xa1].map(|list| {
        let subtrees = tlv(list, &seq(&[tlv(tag, value.as_bytes())]));
        outcome(&[critical(build::NAME_CONSTRAINTS, &seq(&[subtrees]))])
    })
}

#[test]
fn accepts_subtrees_that_go_reads() {
    for domain in ["", "example.org", ".example.org", "a", "_x.y-z", "A.b"] {
        for tag in [DNS, EMAIL, URI] {
            for outcome in with_subtree(tag, domain) {
                outcome.unwrap();
            }
        }
    }
    for mailbox in [
        "a@b",
        "a.b+c@example.org",
        "!#$%&'*+-/=?^_`{|}~@example.org",
    ] {
        for outcome in with_subtree(EMAIL, mailbox) {
            outcome.unwrap();
        }
    }
    for outcome in with_subtree(DNS, "10.0.0.1") {
        outcome.unwrap();
    }
}

#[test]
fn rejects_subtrees_that_go_does_not_read() {
    let no_domain = [
        ".",
        "..",
        "example.org.",
        "..example.org",
        "a..b",
        ".a.",
        "a b",
        "a\0b",
        "a\n",
        "a/b",
        "*.example.org",
        "http://example.org",
        "a:1",
    ];
    let mut table = Vec::new();
    for tag in [DNS, EMAIL, URI] {
        table.extend(no_domain.map(|domain| (tag, domain)));
    }
    table.extend([(DNS, "a@b"), (URI, "a@b")]);
    table.extend([(URI, "10.0.0.1"), (URI, "2001:db8::1"), (URI, "::1")]);
    table.extend(
        [
            "@", "@b", "a@", "a@.b", "a@b.", "a@b..c", ".a@b", "a.@b", "a..b@c", "a b@c", "<a@b>",
            "a@b@c", "\"a\"@b", "a\\@b", "a\"b@c",
        ]
        .map(|mailbox| (EMAIL, mailbox)),
    );
    for (tag, value) in table {
        for outcome in with_subtree(tag, value) {
            let message = match outcome {
                Err(error @ E::InvalidExtension { .. }) => error.to_string(),
                other => panic!("{tag:#04x} {value:?}: {other:?}"),
            };
            assert!(message.contains("; write "), "{message}");
        }
    }
}
