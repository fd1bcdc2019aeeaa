use std::net::IpAddr;

use const_oid::ObjectIdentifier;

use super::*;
use crate::fixtures::csr::CsrParts;
use crate::fixtures::der::{dns, seq, uri};
use crate::fixtures::request::{FACTS, plain, request};
use crate::forecast::{Forecast, forecast_draft};
use crate::policy::Issuer;

fn draft(key: KeyAlgorithm) -> CsrDraft {
    CsrDraft {
        subject: subject(&[(SubjectAttribute::CommonName, vec!["web".to_owned()])]).unwrap(),
        names: DraftNames {
            dns_names: vec!["web.shop.svc".to_owned()],
            ..DraftNames::default()
        },
        usages: None,
        name_constraints: None,
        key,
    }
}

/// Of every kind of key, a draft reads as the CSR of a client does.
#[test]
fn a_draft_has_the_names_and_key_of_a_csr() {
    let signed = Csr::from_pem(&CsrParts::default().pem()).unwrap();
    for key in [
        KeyAlgorithm::EcP256,
        KeyAlgorithm::EcP384,
        KeyAlgorithm::EcP521,
        KeyAlgorithm::Ed25519,
        KeyAlgorithm::Rsa { bits: 2048 },
        KeyAlgorithm::Rsa { bits: 2049 },
        KeyAlgorithm::Rsa { bits: 4096 },
        KeyAlgorithm::Rsa { bits: 8192 },
    ] {
        let csr = draft(key).csr().unwrap();
        assert_eq!(csr.public_key.algorithm(), key);
        assert_eq!(
            csr.extensions.subject_alt_names,
            signed.extensions.subject_alt_names
        );
        assert!(csr.extensions.key_usage.is_none());
    }
}

#[test]
fn a_draft_of_a_key_that_cannot_be_certified_is_refused() {
    for bits in [0, 512, 1024, 8193] {
        let error = draft(KeyAlgorithm::Rsa { bits }).csr().unwrap_err();
        assert!(error.to_string().contains("RSA"), "{bits}: {error}");
    }
}

#[test]
fn a_draft_has_every_kind_of_name() {
    let mut draft = draft(KeyAlgorithm::EcP256);
    let upn = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.20.2.3");
    draft.names = DraftNames {
        dns_names: vec!["web.shop.svc".to_owned()],
        email_addresses: vec!["web@example.org".to_owned()],
        ip_addresses: vec!["10.0.0.1".parse().unwrap(), "fd00::1".parse().unwrap()],
        uris: vec!["spiffe://example.org/ns/shop/sa/web".to_owned()],
        other_names: vec![(upn, "web@example.org".to_owned())],
    };
    let csr = draft.csr().unwrap();
    let names = csr.extensions.subject_alt_names.as_ref().unwrap();
    assert_eq!(names.dns(), draft.names.dns_names);
    assert_eq!(names.emails(), draft.names.email_addresses);
    assert_eq!(names.uris(), draft.names.uris);
    let addresses: Vec<IpAddr> = names.ips().to_vec();
    assert_eq!(addresses, draft.names.ip_addresses);
    assert_eq!(names.others(), 1);
}

#[test]
fn a_draft_without_names_has_no_extensions() {
    let mut draft = draft(KeyAlgorithm::EcP256);
    draft.names = DraftNames::default();
    let csr = draft.csr().unwrap();
    assert!(csr.extensions.subject_alt_names.is_none());
}

#[test]
fn a_draft_has_usages() {
    let mut draft = draft(KeyAlgorithm::EcP256);
    let usages = Usages::parse(&["digital signature", "server auth"]).unwrap();
    draft.usages = Some(usages.clone());
    let csr = draft.csr().unwrap();
    assert_eq!(csr.extensions.key_usage.unwrap().0, usages.key);
    assert_eq!(csr.extensions.extended_key_usage, Some(usages.extended));
}

/// The bytes of Go's `pkix.Name.ToRDNSequence`, which sorts the values of a SET.
#[test]
fn a_subject_has_an_rdn_per_attribute() {
    let name = |value: &str| vec![value.to_owned()];
    let der = subject(&[
        (SubjectAttribute::Country, name("US")),
        (
            SubjectAttribute::Organization,
            vec!["B".to_owned(), "A".to_owned()],
        ),
        (SubjectAttribute::Locality, Vec::new()),
        (SubjectAttribute::CommonName, name("w\u{e9}b")),
    ])
    .unwrap();
    let country = "310b3009060355040613025553";
    let organizations = "31143008060355040a1301413008060355040a130142";
    let common_name = "310d300b06035504030c0477c3a962";
    assert_eq!(
        hex::encode(&der),
        format!("3032{country}{organizations}{common_name}")
    );
}

#[test]
fn a_text_that_is_not_a_name_is_refused_as_in_a_csr() {
    let mut malformed = draft(KeyAlgorithm::EcP256);
    malformed.names.dns_names = vec!["a b".to_owned()];
    let signed = CsrParts::default().and_names(&[dns("a b")]);
    let expected = Csr::from_pem(&signed.pem()).unwrap_err();
    assert_eq!(malformed.csr().unwrap_err(), expected);
}

/// The forecast of a draft is the decision on the CSR that it becomes.
#[test]
fn the_forecast_has_the_terms_of_the_grant() {
    let rules = plain();
    let mut draft = draft(KeyAlgorithm::EcP256);
    draft.names.uris = vec!["https://example.org/a".to_owned()];
    let parts = CsrParts::names(&[dns("web.shop.svc"), uri("https://example.org/a")]);
    let raw = request(&parts);
    let granted = crate::fixtures::request::granted(raw.clone(), &rules);
    let Forecast::Grant(terms) = forecast_draft(raw, &draft, Issuer::Ready(&rules), FACTS) else {
        panic!("not granted");
    };
    assert_eq!(terms.subject_alt_names, granted.subject_alt_names);
    assert_eq!(terms.usages, granted.usages);
    assert_eq!(terms.duration, granted.duration);
    assert_eq!(terms.kind, granted.kind);
    let names = seq(&[dns("web.shop.svc"), uri("https://example.org/a")]);
    assert_eq!(terms.subject_alt_names.unwrap().der(), names);
}
