use super::read;
use crate::ca::{Bundle, CaCertificate};
use crate::fixtures::certificate::Parts;
use crate::fixtures::key::Key;

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

/// cert-manager's CA issuer reads only the first root of a Secret's ca.crt.
#[test]
fn begins_with_the_root_of_the_certificate_beside_it() {
    let [first, second] = roots();
    let bundle = Bundle::of([&first, &second]);
    assert_eq!(bundle.beginning_with(&first), bundle.pem());
    assert_eq!(bundle.beginning_with(&second), second.pem() + &first.pem());
}
