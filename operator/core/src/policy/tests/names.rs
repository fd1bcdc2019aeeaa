//! Subject and subjectAltName: raw bytes, and never neither.

use crate::fixtures::csr::CsrParts;
use crate::fixtures::der::{attribute, cn, dns, no_name, seq, set};
use crate::fixtures::request::{asked, asked_for_certificate, denied, granted, plain, spiffe};
use crate::reason::Reason;

#[test]
fn rfc_5280_4_1_2_6_a_certificate_has_a_subject_or_a_subject_alt_name() {
    let nameless = CsrParts::names(&[]).and_subject(no_name());
    let denial = denied(asked(&nameless), &plain());
    assert_eq!(denial.reason, Reason::InvalidName);
    assert!(
        denial.message.contains("give it a name"),
        "{}",
        denial.message
    );

    granted(asked(&CsrParts::names(&[]).and_subject(cn("a"))), &plain());
    granted(
        asked(&CsrParts::names(&[dns("a.example")]).and_subject(no_name())),
        &plain(),
    );
    // In a trust domain the ID is a name.
    granted(asked(&nameless), &spiffe());
}

#[test]
fn a3_26_the_subject_of_a_leaf_is_carried_byte_for_byte() {
    let subjects = [
        no_name(),
        // Istio's: an organization of no length, which is not an empty subject.
        seq(&[set(&[attribute("2.5.4.10", "")])]),
        seq(&[
            set(&[attribute("2.5.4.11", "z")]),
            set(&[attribute("2.5.4.11", "a")]),
            set(&[attribute("2.5.4.3", "x"), attribute("2.5.4.10", "y")]),
        ]),
    ];
    for subject in subjects {
        let csr = CsrParts::default().and_subject(subject.clone());
        assert_eq!(granted(asked(&csr), &plain()).subject_der(), subject);
        let for_certificate = granted(asked_for_certificate(&csr), &spiffe());
        assert_eq!(for_certificate.subject_der(), subject);
    }
}
