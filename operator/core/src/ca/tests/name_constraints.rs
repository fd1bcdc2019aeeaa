//! Name constraints of the CAs above: they are reported, and refuse nothing.

use super::{Three, read};
use crate::fixtures::certificate::Parts;
use crate::fixtures::der::{NAME_CONSTRAINTS, critical, dns, extension, seq, tlv, uri};
use crate::fixtures::key::Key;

/// The extension with this list, permitted (`0xa0`) or excluded (`0xa1`).
fn constraints(list: u8, bases: &[Vec<u8>]) -> Vec<u8> {
    let subtrees: Vec<_> = bases
        .iter()
        .map(|base| seq(std::slice::from_ref(base)))
        .collect();
    critical(NAME_CONSTRAINTS, &seq(&[tlv(list, &subtrees.concat())]))
}

#[test]
fn pki_10_reports_uri_constraints_anywhere_in_the_path() {
    let table = [
        (constraints(0xa0, &[uri("example.org")]), true),
        (constraints(0xa1, &[uri("example.org")]), true),
        (constraints(0xa0, &[dns("a.example"), uri("")]), true),
        (constraints(0xa0, &[dns("a.example")]), false),
        (constraints(0xa1, &[dns("a.example")]), false),
        // Not critical, and not of the form that RFC 5280 gives it.
        (
            extension(
                NAME_CONSTRAINTS,
                &seq(&[tlv(0xa1, &seq(&[uri("example.org")]))]),
            ),
            true,
        ),
    ];
    for (extension, expected) in table {
        for place in 0..3 {
            let Three {
                root,
                middle,
                issuing,
            } = Three::new();
            let mut path = [issuing, middle, root];
            path[place] = path[place].clone().and(extension.clone());
            let [issuing, middle, root] = &path;
            let chain = read(&[issuing, middle], &[root]).unwrap();
            assert_eq!(chain.path().len(), 3);
            assert_eq!(chain.limits().constrains_uris(), expected, "{place}");
        }
    }
}

#[test]
fn pki_10_ignores_the_constraints_of_another_root() {
    let Three {
        root,
        middle,
        issuing,
    } = &Three::new();
    let other = Parts::root("other", &Key::p256(4));
    let other = &other.and(constraints(0xa0, &[uri("example.org")]));
    let chain = read(&[issuing, middle], &[root, other]).unwrap();
    assert_eq!(chain.roots().len(), 2);
    assert!(!chain.limits().constrains_uris());
}
