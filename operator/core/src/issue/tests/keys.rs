//! Every kind of key, above and below. Each certificate is shown to OpenSSL, to rustls-webpki
//! and to a pure-Rust signature library as it is issued.

use crate::fixtures::ca::Ca;
use crate::fixtures::certificate::Parts;
use crate::fixtures::csr::CsrParts;
use crate::fixtures::key::{Key, Kind};
use crate::fixtures::request::{granted, plain, request};

#[test]
fn certifies_every_kind_of_leaf_under_every_kind_of_ca() {
    for above in Kind::ALL {
        let ca = Ca::root(above);
        for below in Kind::ALL {
            let key = Key::new(below, 2);
            let csr = CsrParts {
                key: key.clone(),
                ..CsrParts::default()
            };
            let grant = granted(request(&csr), &plain());
            assert_eq!(&grant.public_key, key.public(), "{below:?} under {above:?}");
            let issued = ca.issue(&grant);
            assert!(!issued.window().is_clamped);
        }
    }
}

#[test]
fn mixes_kinds_of_keys_along_a_chain() {
    let root = Parts::root("root", &Key::new(Kind::Rsa2048, 1));
    let middle = Parts::intermediate("middle", &Key::new(Kind::P384, 2), &root);
    let issuing = Parts::intermediate("issuing", &Key::new(Kind::Ed25519, 3), &middle);
    let ca = Ca::of(&[issuing, middle, root]);
    ca.issue(&granted(request(&CsrParts::default()), &plain()));
}
