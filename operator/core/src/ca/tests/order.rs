//! From certificates in any order to a path and its roots.

use super::{Three, names, read};
use crate::ca::{CaChain, ChainError};
use crate::fixtures::ca::Ca;
use crate::fixtures::certificate::Parts;
use crate::fixtures::csr::CsrParts;
use crate::fixtures::der::hex;
use crate::fixtures::key::{Key, Kind};
use crate::fixtures::request::{granted, plain, request};
use crate::fixtures::{DAY, at};

const PATH: [&str; 3] = ["issuing", "middle", "root"];

#[test]
fn a2_13_finds_the_path_in_any_order() {
    let Three {
        root,
        middle,
        issuing,
    } = &Three::new();
    let table: [(&[&Parts], &[&Parts]); 11] = [
        (&[issuing, middle, root], &[]),
        (&[issuing, root, middle], &[]),
        (&[issuing, middle], &[root]),
        (&[issuing], &[root, middle]),
        (&[issuing], &[middle, root]),
        // The root first.
        (&[root, middle, issuing], &[]),
        (&[root, issuing, middle], &[]),
        (&[middle, issuing, middle], &[root]),
        // The root in both files, and certificates that repeat.
        (&[issuing, middle, root], &[root]),
        (&[issuing, middle, middle, issuing], &[root, root, middle]),
        // cert-manager writes the issuer's whole chain into ca.crt, or the CA itself.
        (&[issuing, root], &[issuing, middle]),
    ];
    for (tls_crt, ca_crt) in table {
        let chain = read(tls_crt, ca_crt).unwrap();
        assert_eq!(names(&chain), (PATH.to_vec(), vec!["root"]));
        assert_eq!(chain.issuing().der(), issuing.der());
        let between: Vec<_> = chain.intermediates().map(|one| one.subject()).collect();
        assert_eq!(between, ["CN=issuing", "CN=middle"]);
        let ca = Ca {
            key: issuing.key.clone(),
            chain,
        };
        ca.issue(&granted(request(&CsrParts::default()), &plain()));
    }
}

#[test]
fn a_self_signed_ca_is_its_own_root() {
    let root = Parts::root("root", &Key::p256(1));
    for ca_crt in [&[][..], &[&root]] {
        let chain = read(&[&root], ca_crt).unwrap();
        assert_eq!(names(&chain), (vec!["root"], vec!["root"]));
        assert_eq!(chain.intermediates().count(), 0);
        assert_eq!(chain, CaChain::from_root(chain.issuing().clone()));
    }
}

#[test]
fn a2_14_without_a_root_the_highest_certificate_is_trusted() {
    let Three {
        root,
        middle,
        issuing,
    } = &Three::new();
    for chain in [read(&[issuing, middle], &[]), read(&[issuing], &[middle])] {
        let chain = chain.unwrap();
        assert_eq!(names(&chain), (vec!["issuing", "middle"], vec!["middle"]));
        // It is no root, so it is sent along.
        assert_eq!(chain.intermediates().count(), 2);
        let ca = Ca {
            key: issuing.key.clone(),
            chain,
        };
        ca.issue(&granted(request(&CsrParts::default()), &plain()));
    }
    // A root that leads nowhere without the one between is a mistake.
    let outcome = read(&[issuing], &[root]);
    assert_eq!(outcome, Err(ChainError::NoPathToRoot("CN=issuing".into())));
}

#[test]
fn trusts_every_root_the_paths_own_first() {
    let Three {
        root,
        middle,
        issuing,
    } = &Three::new();
    let other = &Parts::root("other", &Key::new(Kind::Ed25519, 4));
    let chain = read(&[issuing, middle], &[other, root, other]).unwrap();
    assert_eq!(names(&chain), (PATH.to_vec(), vec!["root", "other"]));
    // In the CA's own file too: nothing that is given is left out in silence.
    let chain = read(&[issuing, other, middle, root], &[]).unwrap();
    assert_eq!(names(&chain), (PATH.to_vec(), vec!["root", "other"]));
    // An intermediate in ca.crt that leads nowhere is no root.
    let stray = &Parts::intermediate("stray", &Key::p256(5), other);
    let chain = read(&[issuing, middle], &[root, stray]).unwrap();
    assert_eq!(names(&chain), (PATH.to_vec(), vec!["root"]));
}

#[test]
fn prefers_the_root_that_expires_last() {
    let Three {
        root,
        middle,
        issuing,
    } = &Three::new();
    let old = &root.clone().valid(at(-90 * DAY), at(-DAY));
    for roots in [[old, root], [root, old]] {
        let chain = read(&[issuing, middle], &roots).unwrap();
        assert_eq!(chain.path()[2].der(), root.der());
        assert_eq!(chain.roots().len(), 2, "both are trusted");
        assert_eq!(chain.not_after(), root.not_after);
    }
}

#[test]
fn a_cross_signed_root_leads_to_the_other_root() {
    // The new root, once signed by itself and once by the old one.
    let old = &Parts::root("old", &Key::p256(1));
    let new = &Parts::root("new", &Key::p256(2));
    let cross = &Parts::intermediate("new", &Key::p256(2), old);
    let issuing = &Parts::intermediate("issuing", &Key::p256(3), new);
    let chain = read(&[issuing, cross], &[new, old]).unwrap();
    assert_eq!(
        names(&chain),
        (vec!["issuing", "new", "old"], vec!["old", "new"])
    );
    let ca = Ca {
        key: issuing.key.clone(),
        chain,
    };
    ca.issue(&granted(request(&CsrParts::default()), &plain()));
}

#[test]
fn two_cas_that_signed_each_other_make_a_finite_path() {
    let a = Parts::intermediate("a", &Key::p256(1), &Parts::root("b", &Key::p256(2)));
    let b = Parts::intermediate("b", &Key::p256(2), &Parts::root("a", &Key::p256(1)));
    assert_eq!(names(&read(&[&a, &b], &[&a, &b]).unwrap()).0, ["a", "b"]);
}

#[test]
fn names_an_unrelated_certificate() {
    let Three {
        root,
        middle,
        issuing,
    } = &Three::new();
    let other = &Parts::root("other", &Key::p256(4));
    let stray = &Parts::intermediate("stray", &Key::p256(5), other);
    // The name of the issuer alone makes no issuer: this one has another key.
    let false_middle = &Parts::intermediate("middle", &Key::p256(6), root);
    for (tls_crt, name) in [
        ([issuing, middle, stray], "CN=stray"),
        ([issuing, stray, root], "CN=stray"),
        ([issuing, false_middle, root], "CN=middle"),
    ] {
        assert_eq!(
            read(&tls_crt, &[]),
            Err(ChainError::Unrelated(name.to_owned()))
        );
    }
}

#[test]
fn a2_13_accepts_a_root_whose_own_signature_cannot_be_checked() {
    // ecdsa-with-SHA1: the signature is over something else, and no check reads it.
    let sha1 = Some(hex("300906072a8648ce3d0401"));
    let root = Parts {
        inner_algorithm: sha1.clone(),
        outer_algorithm: sha1,
        ..Parts::root("root", &Key::p256(1))
    };
    let issuing = &Parts::intermediate("issuing", &Key::p256(2), &root);
    for chain in [read(&[issuing, &root], &[]), read(&[issuing], &[&root])] {
        let chain = chain.unwrap();
        assert_eq!(names(&chain), (vec!["issuing", "root"], vec!["root"]));
        let between: Vec<_> = chain.intermediates().map(|one| one.subject()).collect();
        assert_eq!(between, ["CN=issuing"]);
        let ca = Ca {
            key: issuing.key.clone(),
            chain,
        };
        ca.issue(&granted(request(&CsrParts::default()), &plain()));
    }
    // One whose signature can be checked and is wrong is no root.
    let broken = Parts {
        signer: Key::p256(9),
        ..Parts::root("root", &Key::p256(1))
    };
    assert!(!read(&[&broken], &[]).unwrap().issuing().is_self_signed());
}

#[test]
fn pki_6_the_chain_is_valid_where_all_of_its_path_is() {
    let Three {
        root,
        middle,
        issuing,
    } = Three::new();
    let root = root.valid(at(-3), at(30));
    let middle = middle.valid(at(-1), at(20));
    let issuing = issuing.valid(at(-2), at(40));
    let other = Parts::root("other", &Key::p256(4)).valid(at(0), at(1));
    let chain = read(&[&issuing, &middle], &[&root, &other]).unwrap();
    // Another root is not of the path and counts for nothing.
    assert_eq!((chain.not_before(), chain.not_after()), (at(-1), at(20)));
}
