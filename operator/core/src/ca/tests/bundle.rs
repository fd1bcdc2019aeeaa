use super::read;
use crate::ca::lifecycle::MAX_BUNDLE;
use crate::ca::{Bundle, CaCertificate, ChainError};
use crate::fixtures::certificate::Parts;
use crate::fixtures::key::{Key, Kind};

fn roots() -> [CaCertificate; 2] {
    [("first", 1), ("second", 2)].map(|(name, seed)| {
        let root = Parts::root(name, &Key::p256(seed));
        read(&[&root], &[]).unwrap().roots()[0].clone()
    })
}

#[test]
fn holds_each_root_once() {
    let [first, second] = roots();
    let bundle = Bundle::of([&first, &second, &first]);
    assert_eq!(bundle.pem(), first.pem() + &second.pem());
    assert_eq!(Bundle::of([]).pem(), "");
}

/// A bundle that is published and not read again would lose its roots.
#[test]
fn reads_as_many_roots_as_fit_into_a_bundle_in_two_objects() {
    let mut written = String::new();
    let mut number: u8 = 0;
    loop {
        let root = Parts::root(&number.to_string(), &Key::new(Kind::Ed25519, number)).pem();
        if written.len() + root.len() > MAX_BUNDLE {
            break;
        }
        written += &root;
        number += 1;
    }
    let roots = Bundle::read(&written).unwrap();
    assert_eq!(roots.len(), usize::from(number));
    assert_eq!(Bundle::of(&roots).pem(), written);
    // More than people put into a file.
    let file = CaCertificate::all_from_pem(written.as_bytes());
    assert_eq!(file, Err(ChainError::TooMany(32)));
    let both = Bundle::read(&written.repeat(2)).unwrap();
    assert_eq!(both.len(), 2 * roots.len());
}

/// cert-manager's CA issuer reads only the first root of a Secret's ca.crt.
#[test]
fn begins_with_the_root_of_the_certificate_beside_it() {
    let [first, second] = roots();
    let bundle = Bundle::of([&first, &second]);
    assert_eq!(bundle.beginning_with(&first), bundle.pem());
    assert_eq!(bundle.beginning_with(&second), second.pem() + &first.pem());
}
