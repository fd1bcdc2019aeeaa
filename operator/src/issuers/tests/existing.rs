use std::sync::Arc;

use signet_core::ca::CaChain;
use signet_keys::{ErrorClass, KeyType, Signer};

use super::super::decide::{Step, decide};
use super::super::facts::Facts;
use super::super::reason::IssuerReason;
use super::{adopt, existing, ready, self_signed, stalls, waits, without_key};
use crate::fixtures::{DAY, NOW, at, ca, key};

fn pair(name: &str) -> (Arc<dyn Signer>, CaChain) {
    let signer = key::signer(KeyType::EcdsaP256);
    let chain = ca::valid(&*signer, name);
    (signer, chain)
}

/// Takes the step that it expects: adoption under this number.
fn adopted(facts: &mut Facts, number: u32) {
    let step = decide(facts).unwrap();
    let Step::Adopt {
        chain,
        number: next,
    } = step
    else {
        panic!("{step:?}");
    };
    assert_eq!(next, number);
    adopt(facts, &chain, next);
}

fn put(facts: &mut Facts, (signer, chain): &(Arc<dyn Signer>, CaChain)) {
    facts.key = Ok(key::found(signer));
    facts.existing = Some(Ok(chain.clone()));
}

#[test]
fn adopts_a_pair_and_is_ready() {
    let (signer, chain) = pair("Root");
    let mut facts = existing(&signer, chain.clone());
    adopted(&mut facts, 1);
    let ready = ready(&facts);
    assert_eq!(
        (ready.generation.as_str(), ready.chain),
        ("clusterissuer-corp-1", chain)
    );
}

/// Issue, section 2: a consistent new pair in the Secret is a rotation, not a fault.
#[test]
fn adopts_a_new_pair_and_trusts_both_roots() {
    let (first, second) = (pair("First"), pair("Second"));
    let mut facts = existing(&first.0, first.1.clone());
    adopted(&mut facts, 1);
    put(&mut facts, &second);
    adopted(&mut facts, 2);
    assert_eq!(ready(&facts).generation, "clusterissuer-corp-2");
    let [root_1, root_2] = [&first, &second].map(|pair| pair.1.issuing().pem());
    assert_eq!(facts.bundle().pem(), [root_2, root_1].concat());
}

#[test]
fn returns_to_the_first_generation_with_the_first_pair() {
    let (first, second) = (pair("First"), pair("Second"));
    let mut facts = existing(&first.0, first.1.clone());
    adopted(&mut facts, 1);
    put(&mut facts, &second);
    adopted(&mut facts, 2);
    put(&mut facts, &first);
    assert_eq!(ready(&facts).generation, "clusterissuer-corp-1");
    assert_eq!(facts.bundle().pem().matches("BEGIN CERTIFICATE").count(), 2);
}

/// A renewed certificate over the same key is a generation too.
#[test]
fn adopts_a_renewed_certificate_over_the_same_key() {
    let (signer, chain) = pair("Root");
    let mut facts = existing(&signer, chain);
    adopted(&mut facts, 1);
    let renewed = ca::root(&*signer, "Root", at(-DAY), 365 * DAY);
    facts.existing = Some(Ok(renewed));
    adopted(&mut facts, 2);
    assert_eq!(ready(&facts).generation, "clusterissuer-corp-2");
}

#[test]
fn rejects_a_certificate_of_another_key() {
    let (first, second) = (pair("First"), pair("Second"));
    let mut facts = existing(&first.0, second.1.clone());
    let message = stalls(&facts, IssuerReason::KeyMismatch);
    assert!(message.contains("CN=Second"), "{message}");
    // Nor is it used where its certificate was adopted before.
    put(&mut facts, &second);
    adopted(&mut facts, 1);
    facts.key = Ok(key::found(&first.0));
    stalls(&facts, IssuerReason::KeyMismatch);
}

#[test]
fn rejects_a_certificate_that_is_not_valid_now() {
    let signer = key::signer(KeyType::EcdsaP256);
    let expired = ca::root(&*signer, "Root", at(-2 * DAY), DAY);
    let message = stalls(&existing(&signer, expired), IssuerReason::CaExpired);
    assert!(
        message.contains("replace it with a valid certificate"),
        "{message}"
    );
    let future = ca::root(&*signer, "Root", at(DAY), DAY);
    waits(&existing(&signer, future), IssuerReason::CaNotYetValid);
}

#[test]
fn rejects_a_certificate_that_is_not_a_ca() {
    let (signer, chain) = pair("Root");
    let no_ca = ca::no_ca();
    for (tls_crt, expected) in [
        (
            "",
            "the CA certificate of software/ca: it holds no PEM block CERTIFICATE",
        ),
        (no_ca.as_str(), "is not a CA certificate"),
    ] {
        let mut facts = existing(&signer, chain.clone());
        facts.existing = Some(CaChain::from_pem(tls_crt.as_bytes(), None, NOW));
        let message = stalls(&facts, IssuerReason::InvalidCa);
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn never_creates_a_key_for_an_existing_certificate() {
    let (signer, chain) = pair("Root");
    let mut facts = existing(&signer, chain);
    facts.key = without_key();
    facts.existing = None;
    stalls(&facts, IssuerReason::Key(ErrorClass::KeyNotFound));
}

/// However the chain is put together, the generation that is written reads back as the same
/// chain; otherwise each look would adopt it again.
#[test]
fn adopts_every_form_of_chain_once() {
    let root = ca::Ca::root("Root");
    let other = ca::Ca::root("Other");
    let (top, issuing) = {
        let top = root.issue("Top");
        let issuing = top.issue("Issuing");
        (top, issuing)
    };
    let files = |parts: &[&ca::Ca]| {
        parts
            .iter()
            .map(|part| part.pem.as_str())
            .collect::<String>()
    };
    for (case, tls_crt, ca_crt) in [
        (
            "cert-manager's",
            files(&[&issuing, &top]),
            Some(files(&[&root])),
        ),
        ("all in one", files(&[&issuing, &top, &root]), None),
        ("out of order", files(&[&issuing, &root, &top]), None),
        (
            "intermediate in ca.crt",
            files(&[&issuing]),
            Some(files(&[&root, &top])),
        ),
        ("no root", files(&[&issuing, &top]), None),
        ("alone", files(&[&issuing]), None),
        (
            "two roots",
            files(&[&issuing, &top]),
            Some(files(&[&other, &root])),
        ),
        (
            "the root twice",
            files(&[&issuing, &top, &root]),
            Some(files(&[&root])),
        ),
    ] {
        let ca_crt = ca_crt.as_ref().map(|pem| pem.as_bytes());
        let chain = CaChain::from_pem(tls_crt.as_bytes(), ca_crt, NOW).unwrap();
        let mut facts = existing(&issuing.signer(), chain.clone());
        adopted(&mut facts, 1);
        assert_eq!(ready(&facts).chain, chain, "{case}");
    }
}

/// The move from one source to the other keeps the CA.
#[test]
fn self_signed_keeps_an_adopted_ca() {
    let (signer, chain) = pair("Root");
    let mut facts = existing(&signer, chain.clone());
    adopted(&mut facts, 1);
    let mut after = self_signed(&signer);
    after.generations = facts.generations;
    assert_eq!(ready(&after).chain, chain);
}

/// A Secret that changes all the time must fill neither the cluster nor the bundle.
#[test]
fn limits_the_generations_of_a_pair_that_keeps_changing() {
    let first = pair("CA 1");
    let mut facts = existing(&first.0, first.1.clone());
    for number in 1..=32 {
        put(&mut facts, &pair(&format!("CA {number}")));
        adopted(&mut facts, number);
    }
    put(&mut facts, &pair("CA 33"));
    let message = stalls(&facts, IssuerReason::InvalidCa);
    assert!(message.contains("32 CAGenerations"), "{message}");
}

/// Expired generations count too, because only administrators delete them.
#[test]
fn limits_the_number_of_generations() {
    let (signer, chain) = pair("Root");
    let mut facts = existing(&signer, chain);
    facts.kept = 256;
    let message = stalls(&facts, IssuerReason::InvalidCa);
    assert!(
        message.contains("delete those that have expired"),
        "{message}"
    );
}

/// A root that is added to `ca.crt` is trusted, and the CA stays the same one.
#[test]
fn an_added_root_makes_no_second_generation() {
    let root = ca::Ca::root("Root");
    let issuing = root.issue("Issuing");
    let other = ca::Ca::root("Other");
    let chain = |ca_crt: String| {
        let ca_crt = Some(ca_crt.as_bytes());
        CaChain::from_pem(issuing.pem.as_bytes(), ca_crt, NOW).unwrap()
    };
    let mut facts = existing(&issuing.signer(), chain(root.pem.clone()));
    adopted(&mut facts, 1);
    let both = chain(root.pem.clone() + &other.pem);
    facts.existing = Some(Ok(both.clone()));
    let ready = ready(&facts);
    assert_eq!(ready.generation, "clusterissuer-corp-1");
    assert_eq!(ready.bundle.pem(), pem(&both));
    // Nothing is dropped early.
    facts.existing = Some(Ok(chain(root.pem.clone())));
    assert_eq!(facts.generations.len(), 1);
}

fn pem(chain: &CaChain) -> String {
    chain.roots().iter().map(|root| root.pem()).collect()
}
