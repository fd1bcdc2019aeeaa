//! What a key signs to show that it can.

use der::Decode;
use x509_cert::TbsCertificate;
use x509_cert::crl::TbsCertList;
use x509_cert::request::CertReqInfo;

use crate::fixtures::key::{Key, Kind};
use crate::issue::{Signature, ToBeSigned};
use crate::x509::public_key::SignatureMismatch;

fn self_test(key: &Key) -> ToBeSigned {
    ToBeSigned::self_test(key.public(), key.algorithm())
}

/// A backend, or a reader of its network traffic, could otherwise use the signature.
#[test]
fn a_self_test_cannot_be_passed_off_as_a_certificate_a_csr_or_a_crl() {
    for kind in Kind::ALL {
        let test = self_test(&Key::new(kind, 1));
        assert_ne!(test.der()[0], 0x30, "not a SEQUENCE");
        assert!(<TbsCertificate>::from_der(test.der()).is_err());
        assert!(CertReqInfo::from_der(test.der()).is_err());
        assert!(<TbsCertList>::from_der(test.der()).is_err());
    }
}

#[test]
fn a_self_test_is_a_text_that_names_the_key() {
    let key = Key::p256(1);
    let text = String::from_der(self_test(&key).der()).unwrap();
    let fingerprint = key.public().fingerprint();
    assert_eq!(
        text,
        format!(
            "Signet self-test of the key with SHA-256 fingerprint {fingerprint}. Not a certificate."
        )
    );
    assert_eq!(self_test(&key).der(), self_test(&key).der());
    assert_ne!(self_test(&key).der(), self_test(&Key::p256(2)).der());
}

#[test]
fn verifies_only_a_signature_of_the_key_over_the_text() {
    for kind in Kind::ALL {
        let (key, other) = (Key::new(kind, 1), Key::new(kind, 2));
        let test = self_test(&key);
        let verify = |signature| test.verify(&Signature::new(signature));
        assert_eq!(verify(key.sign(test.der())), Ok(()));
        assert_eq!(verify(other.sign(test.der())), Err(SignatureMismatch));
        assert_eq!(verify(key.sign(b"other")), Err(SignatureMismatch));
    }
}
