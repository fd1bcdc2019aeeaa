//! Subject and subjectAltName: raw bytes, and never neither.

use crate::ca::CaChain;
use crate::fixtures::NOW;
use crate::fixtures::certificate::Parts;
use crate::fixtures::csr::CsrParts;
use crate::fixtures::der::{attribute, cn, dns, no_name, oid, seq, set, tlv};
use crate::fixtures::key::Key;
use crate::fixtures::request::{
    ca_request, denied, granted, plain, request, request_for_certificate, spiffe, with_ca,
};
use crate::policy::IssuerPolicy;
use crate::reason::Reason;

#[test]
fn rfc_5280_4_1_2_6_rejects_a_request_without_any_name() {
    let nameless = CsrParts::names(&[]).and_subject(no_name());
    let denial = denied(request(&nameless), &plain());
    assert_eq!(denial.reason, Reason::InvalidName);
    assert!(denial.message.contains("add a name"), "{}", denial.message);

    granted(
        request(&CsrParts::names(&[]).and_subject(cn("a"))),
        &plain(),
    );
    granted(
        request(&CsrParts::names(&[dns("a.example")]).and_subject(no_name())),
        &plain(),
    );
    // In a trust domain the ID is a name.
    granted(request(&nameless), &spiffe());
}

#[test]
fn a3_26_keeps_the_subject_of_a_leaf_byte_for_byte() {
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
        assert_eq!(granted(request(&csr), &plain()).subject_der, subject);
        let for_certificate = granted(request_for_certificate(&csr), &spiffe());
        assert_eq!(for_certificate.subject_der, subject);
    }
}

/// Rules under the chain issuing, middle, root, and beside it another root.
fn under(rules: IssuerPolicy) -> IssuerPolicy {
    let root = Parts::root("Example Root", &Key::p256(1));
    let middle = Parts::intermediate("middle.example", &Key::p256(2), &root);
    let issuing = Parts::intermediate("Issuing CA", &Key::p256(3), &middle);
    let other = Parts::root("Other Root", &Key::p256(4));
    let tls_crt = [issuing.pem(), middle.pem()].concat();
    let ca_crt = [root.pem(), other.pem()].concat();
    let chain = CaChain::from_pem(tls_crt.as_bytes(), Some(ca_crt.as_bytes()), NOW).unwrap();
    IssuerPolicy {
        ca_subjects: chain.subjects().collect(),
        ..with_ca(rules, 0)
    }
}

/// RFC 5280 6.3.3: the issuer of a CRL is found by name.
#[test]
fn a_certificate_that_takes_a_cas_name_is_denied() {
    let printable = seq(&[set(&[seq(&[oid("2.5.4.3"), tlv(0x13, b"ISSUING ca")])])]);
    let subjects = [
        cn("Issuing CA"),
        cn("middle.example"),
        cn("Example Root"),
        cn("Other Root"),
        cn("issuing ca"),
        cn(" Issuing   CA "),
        printable,
    ];
    for rules in [under(plain()), under(spiffe())] {
        for subject in &subjects {
            let csr = CsrParts::default().and_subject(subject.clone());
            for request in [request_for_certificate(&csr), ca_request(&csr)] {
                let denial = denied(request, &rules);
                assert_eq!(denial.reason, Reason::InvalidName);
                let message = &denial.message;
                assert!(message.contains("change the common name"), "{message}");
            }
        }
        // More than the CA's name is another name.
        let longer = seq(&[
            set(&[attribute("2.5.4.3", "Issuing CA")]),
            set(&[attribute("2.5.4.11", "shop")]),
        ]);
        for subject in [cn("Issuing CA 2"), longer, no_name()] {
            let csr = CsrParts::default().and_subject(subject);
            granted(request_for_certificate(&csr), &rules);
        }
    }
}

/// The name that Signet gives a CA without a subject is compared as well.
#[test]
fn a_ca_that_takes_a_cas_name_as_its_dns_name_is_denied() {
    let csr = CsrParts::names(&[dns("Middle.EXAMPLE")]).and_subject(no_name());
    let denial = denied(ca_request(&csr), &under(plain()));
    assert_eq!(denial.reason, Reason::InvalidName);
    granted(request(&csr), &under(plain()));
}
