//! Which root a path ends at, and what happens if it ends at none.

use super::{Three, names, read};
use crate::ca::{CaCertificate, ChainError};
use crate::fixtures::ca::Ca;
use crate::fixtures::certificate::Parts;
use crate::fixtures::csr::CsrParts;
use crate::fixtures::der::{AUTHORITY_KEY_IDENTIFIER, extension, seq, tlv};
use crate::fixtures::key::{Key, Kind};
use crate::fixtures::request::{granted, plain, request};
use crate::fixtures::{DAY, NOW, at};

const RSA_SHA1: &str = "300d06092a864886f70d0101050500";

/// An RSA root, and an issuing CA that it signed.
fn rsa() -> (Parts, Parts) {
    let root = Parts::root("root", &Key::new(Kind::Rsa2048, 1));
    let issuing = Parts::intermediate("issuing", &Key::p256(3), &root);
    (root, issuing)
}

#[test]
fn verifies_an_rsa_pss_link() {
    let (root, issuing) = rsa();
    let (root, issuing) = (root.pss(), issuing.pss());
    for chain in [read(&[&issuing, &root], &[]), read(&[&issuing], &[&root])] {
        let chain = chain.unwrap();
        assert_eq!(names(&chain), (vec!["issuing", "root"], vec!["root"]));
        let ca = Ca {
            key: issuing.key.clone(),
            chain,
        };
        ca.issue(&granted(request(&CsrParts::default()), &plain()));
    }
    // The signature itself counts, and not only that it is of that kind.
    let other = Parts::root("root", &Key::new(Kind::Rsa2048, 2)).pss();
    let outcome = read(&[&issuing], &[&other]);
    assert_eq!(outcome, Err(ChainError::NoPathToRoot("CN=issuing".into())));
}

/// The path would end at the issuing CA, which would then be the trust anchor.
#[test]
fn an_sha_1_link_does_not_make_the_issuing_ca_a_trust_anchor() {
    let (root, issuing) = rsa();
    let issuing = issuing.algorithm(RSA_SHA1);
    let expected = Err(ChainError::Signature {
        subject: "CN=issuing".to_owned(),
        algorithm: "SHA-1".to_owned(),
    });
    assert_eq!(read(&[&issuing, &root], &[]), expected);
    assert_eq!(read(&[&issuing], &[&root]), expected);
    // Nor is one with a salt that few verifiers know taken for no signature at all.
    let (root, issuing) = rsa();
    let mut issuing = issuing.pss();
    for algorithm in [&mut issuing.inner_algorithm, &mut issuing.outer_algorithm] {
        let last = algorithm.as_mut().and_then(|it| it.last_mut()).unwrap();
        *last = 222;
    }
    let Err(ChainError::Signature { algorithm, .. }) = read(&[&issuing], &[&root]) else {
        panic!("it is no link");
    };
    assert!(algorithm.starts_with("RSA-PSS"), "{algorithm}");
}

#[test]
fn an_unrelated_root_does_not_make_the_issuing_ca_a_trust_anchor() {
    let Three {
        root,
        middle,
        issuing,
    } = &Three::new();
    let other = &Parts::root("other", &Key::p256(4));
    // The root of the same name over another key, as after a rotation.
    let impostor = &Parts::root("root", &Key::p256(5));
    for roots in [vec![other], vec![impostor], vec![other, impostor]] {
        let outcome = read(&[issuing, middle], &roots);
        assert_eq!(outcome, Err(ChainError::NoPathToRoot("CN=middle".into())));
        let with_own = [&roots[..], &[root]].concat();
        let chain = read(&[issuing, middle], &with_own).unwrap();
        assert_eq!(chain.path()[2].der(), root.der());
    }
}

/// Its certificate of the old root's key must not pass for a root.
#[test]
fn a_link_certificate_of_a_root_is_no_root() {
    let old = Parts::root("root", &Key::new(Kind::Rsa2048, 1));
    let new = Parts::intermediate("root", &Key::new(Kind::Rsa2048, 2), &old);
    let read = |parts: &Parts| CaCertificate::from_der(&parts.der()).unwrap();
    assert!(!read(&new).is_self_signed());
    // Of another algorithm than Signet checks, the key identifiers tell.
    assert!(!read(&new.clone().algorithm(RSA_SHA1)).is_self_signed());
    let own = Parts::root("root", &Key::new(Kind::Rsa2048, 2)).algorithm(RSA_SHA1);
    assert!(read(&own).is_self_signed());
    let identifier = crate::fixtures::certificate::key_identifier(&own.key);
    let authority = extension(AUTHORITY_KEY_IDENTIFIER, &seq(&[tlv(0x80, &identifier)]));
    assert!(read(&own.and(authority)).is_self_signed());
}

/// The root that was renewed ahead of time is in the file before it is valid.
#[test]
fn a_renewed_root_that_is_not_valid_yet_leaves_the_issuer_up() {
    let Three {
        root,
        middle,
        issuing,
    } = &Three::new();
    let next = &root.clone().valid(at(DAY), at(900 * DAY));
    let old = &root.clone().valid(at(-900 * DAY), at(-DAY));
    for roots in [
        vec![root, next],
        vec![next, root],
        vec![old, next, root],
        vec![next, root, old],
    ] {
        let chain = read(&[issuing, middle], &roots).unwrap();
        assert_eq!(chain.path()[2].der(), root.der());
        assert!(chain.not_before() <= NOW && NOW < chain.not_after());
        assert_eq!(chain.roots().len(), roots.len(), "all are trusted");
    }
    // The same in the CA's own file, and for an intermediate.
    let chain = read(&[issuing, middle, next, root], &[]).unwrap();
    assert_eq!(chain.path()[2].der(), root.der());
    let next = &middle.clone().valid(at(DAY), at(900 * DAY));
    let chain = read(&[issuing], &[next, middle, root]).unwrap();
    assert_eq!(chain.path()[1].der(), middle.der());
}

#[test]
fn goes_back_where_one_of_two_intermediates_leads_to_no_root() {
    let Three {
        root,
        middle,
        issuing,
    } = &Three::new();
    // The same CA, cross-signed by a root that is not here.
    let elsewhere = Parts::root("elsewhere", &Key::p256(7));
    let cross = &Parts::intermediate("middle", &middle.key, &elsewhere);
    let cross = &cross.clone().valid(at(-DAY), at(900 * DAY));
    for others in [[cross, middle, root], [root, middle, cross]] {
        let chain = read(&[issuing], &others).unwrap();
        assert_eq!(names(&chain).0, ["issuing", "middle", "root"]);
    }
}

/// Roots come and go, and the CA stays the same one.
#[test]
fn a_further_root_makes_no_other_path() {
    let Three {
        root,
        middle,
        issuing,
    } = &Three::new();
    let other = &Parts::root("other", &Key::p256(4));
    let renewed = &root.clone().valid(at(-DAY), at(900 * DAY));
    let first = read(&[issuing, middle], &[root]).unwrap();
    for roots in [vec![root, other], vec![renewed, root], vec![]] {
        let later = read(&[issuing, middle], &roots).unwrap();
        assert!(later.is_same_path(&first) && later != first);
    }
    // Another issuing certificate or another intermediate is another path.
    let reissued = &issuing.clone().valid(at(-DAY), at(9 * DAY));
    let between = &middle.clone().valid(at(-DAY), at(9 * DAY));
    for path in [[reissued, middle], [issuing, between]] {
        let later = read(&path, &[root]).unwrap();
        assert!(!later.is_same_path(&first));
    }
    let own = read(&[root], &[]).unwrap();
    assert!(own.is_same_path(&read(&[root], &[other]).unwrap()));
    assert!(!own.is_same_path(&read(&[renewed], &[root]).unwrap()));
}
