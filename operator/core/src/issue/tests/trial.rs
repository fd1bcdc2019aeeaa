//! The bytes with which a key shows that it signs.

use der::Decode;
use x509_cert::TbsCertificate;

use crate::ca::ChainError;

use crate::fixtures::at;
use crate::fixtures::ca::Ca;
use crate::fixtures::key::{Key, Kind};
use crate::issue::assemble_root;
use crate::issue::{Signature, ToBeSigned};

fn trial(key: &Key) -> ToBeSigned {
    ToBeSigned::trial(key.public(), key.algorithm()).unwrap()
}

/// What a backend signs here is of no use to it, nor to whoever reads along.
#[test]
fn a_trial_is_of_nobody_by_nobody_for_nothing_and_has_ended() {
    for kind in Kind::ALL {
        let tbs = trial(&Key::new(kind, 1));
        let read = TbsCertificate::from_der(tbs.der()).unwrap();
        assert!(read.issuer().is_empty() && read.subject().is_empty());
        assert!(read.extensions().is_none_or(|list| list.is_empty()));
        let window = tbs.window();
        assert_eq!(window.not_before().as_second(), 0);
        assert_eq!(window.not_after().as_second(), 0);
        assert!(window.not_after() < at(0));
    }
}

#[test]
fn no_certificate_is_made_of_a_trial() {
    for kind in Kind::ALL {
        let ca = Ca::root(kind);
        let tbs = trial(&ca.key);
        assert_eq!(ca.assemble(&tbs), Err(ChainError::OutsideChain));
        let signature = Signature::new(ca.key.sign(tbs.der()));
        assert!(assemble_root(&tbs, &signature).is_err());
    }
}

#[test]
fn a_key_has_one_trial() {
    assert_eq!(trial(&Key::p256(1)).der(), trial(&Key::p256(1)).der());
    assert_ne!(trial(&Key::p256(1)).der(), trial(&Key::p256(2)).der());
}
