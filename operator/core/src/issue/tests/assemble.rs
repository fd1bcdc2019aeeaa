//! A certificate is verified before it is published.

use crate::ca::CaChain;
use crate::ca::tests::{Three, read};
use crate::fixtures::ca::Ca;
use crate::fixtures::certificate::Parts;
use crate::fixtures::csr::CsrParts;
use crate::fixtures::key::{Key, Kind};
use crate::fixtures::request::{ca_request, granted, plain, request, with_ca, with_duration};
use crate::fixtures::{DAY, HOUR, NOW, at};
use crate::issue::{IssueError, Issued, Signature};
use crate::policy::Grant;
use crate::x509::public_key::SignatureMismatch;

fn leaf() -> Grant {
    granted(request(&CsrParts::default()), &plain())
}

#[test]
fn rejects_a_wrong_signature() {
    for kind in Kind::ALL {
        let ca = Ca::root(kind);
        let tbs = ca.tbs(&leaf());
        let right = ca.key.sign(tbs.der());
        let mut flipped = right.clone();
        *flipped.last_mut().unwrap() ^= 1;
        let table = [
            ("another key's", Key::new(kind, 2).sign(tbs.der())),
            ("over other bytes", ca.key.sign(b"other bytes")),
            ("with a flipped bit", flipped),
            ("cut short", right[..right.len() - 1].to_vec()),
            ("with a byte more", [&right[..], &[0]].concat()),
            ("none", Vec::new()),
        ];
        for (what, signature) in table {
            let outcome = Issued::assemble(&tbs, &Signature::new(signature), &ca.chain);
            assert_eq!(
                outcome,
                Err(IssueError::SignatureMismatch(SignatureMismatch)),
                "{kind:?}: {what}"
            );
        }
        Issued::assemble(&tbs, &Signature::new(right), &ca.chain).unwrap();
    }
}

#[test]
fn rejects_an_ecdsa_signature_that_is_not_der() {
    // What a PKCS#11 token answers: r and s side by side (PKI-15).
    let ca = Ca::root(Kind::P256);
    let tbs = ca.tbs(&leaf());
    let der = p256::ecdsa::DerSignature::from_bytes(&ca.key.sign(tbs.der())).unwrap();
    let fixed = p256::ecdsa::Signature::try_from(der)
        .unwrap()
        .to_bytes()
        .to_vec();
    let outcome = Issued::assemble(&tbs, &Signature::new(fixed), &ca.chain);
    assert_eq!(
        outcome,
        Err(IssueError::SignatureMismatch(SignatureMismatch))
    );
}

#[test]
fn rejects_what_was_built_under_another_ca() {
    let key = Key::p256(1);
    let ca = Ca::of(&[Parts::root("root", &key)]);
    let tbs = ca.tbs(&leaf());
    let others = [
        ("another key", Parts::root("root", &Key::p256(2))),
        (
            "the same key under another name",
            Parts::root("other", &key),
        ),
        (
            "the same key and name, renewed",
            Parts::root("root", &key).valid(at(-DAY), at(400 * DAY)),
        ),
    ];
    for (what, other) in others {
        let chain = Ca::of(&[other]).chain;
        let outcome = Issued::assemble(&tbs, &ca.sign(&tbs), &chain);
        assert_eq!(outcome, Err(IssueError::OutsideChain), "{what}");
    }
}

#[test]
fn pki_6_pki_7_rejects_what_does_not_fit_the_chain_above_the_same_ca() {
    let Three { root, issuing, .. } = Three::new();
    let middle = |end| {
        let key = Key::p256(2);
        Parts::intermediate("middle", &key, &root).valid(at(-DAY), at(end))
    };
    let chain = |middle: &Parts| read(&[&issuing, middle], &[&root]).unwrap();
    let ca = Ca {
        key: issuing.key.clone(),
        chain: chain(&middle(2 * DAY)),
    };
    let tbs = ca.tbs(&granted(
        with_duration(request(&CsrParts::default()), 86_400),
        &plain(),
    ));
    let short = chain(&middle(HOUR));
    let outcome = Issued::assemble(&tbs, &ca.sign(&tbs), &short);
    assert_eq!(outcome, Err(IssueError::OutsideChain));

    let below = ca.tbs(&granted(
        ca_request(&CsrParts::default()),
        &with_ca(plain(), 0),
    ));
    ca.assemble(&below).unwrap();
    let narrow = chain(&middle(2 * DAY).path_length(1));
    let outcome = Issued::assemble(&below, &ca.sign(&below), &narrow);
    assert_eq!(outcome, Err(IssueError::OutsideChain));
}

#[test]
fn a2_13_writes_the_leaf_first_and_leaves_the_root_out() {
    let Three {
        root,
        middle,
        issuing,
    } = &Three::new();
    let ca = Ca {
        key: issuing.key.clone(),
        chain: read(&[issuing, middle], &[root]).unwrap(),
    };
    let issued = ca.issue(&leaf());
    let leaf_pem = issued
        .chain_pem()
        .split_inclusive("-----END CERTIFICATE-----\n")
        .next();
    let (_, der) = der::pem::decode_vec(leaf_pem.unwrap().as_bytes()).unwrap();
    assert_eq!(der, issued.der());
    let rest = issued.chain_pem().strip_prefix(leaf_pem.unwrap()).unwrap();
    assert_eq!(rest, format!("{}{}", issuing.pem(), middle.pem()));
    // PEM as RFC 7468 has it: lines of 64 characters at most.
    assert!(issued.chain_pem().lines().all(|line| line.len() <= 64));

    let alone = Ca::of(std::slice::from_ref(root));
    let issued = alone.issue(&granted(request(&CsrParts::default()), &plain()));
    assert_eq!(issued.chain_pem().matches("BEGIN CERTIFICATE").count(), 1);
}

#[test]
fn rejects_a_leaf_under_an_unrelated_root() {
    let Three {
        root,
        middle,
        issuing,
    } = &Three::new();
    let ca = Ca {
        key: issuing.key.clone(),
        chain: read(&[issuing, middle], &[root]).unwrap(),
    };
    let tbs = ca.tbs(&leaf());
    let stranger = CaChain::from_pem(Parts::root("x", &Key::p256(7)).pem().as_bytes(), None, NOW);
    let outcome = Issued::assemble(&tbs, &ca.sign(&tbs), &stranger.unwrap());
    assert_eq!(outcome, Err(IssueError::OutsideChain));
}
