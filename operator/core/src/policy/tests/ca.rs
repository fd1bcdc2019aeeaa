//! CA requests: allowed by the profile, and never without a path length.

use crate::ca::Limits;
use crate::fixtures::csr::CsrParts;
use crate::fixtures::der::{BASIC_CONSTRAINTS, NAME_CONSTRAINTS, cn, dns, hex, seq, tlv, uri};
use crate::fixtures::request::{
    ca_request, decision, denied, granted, plain, request, request_for_certificate, spiffe, with_ca,
};
use crate::policy::{Decision, IssuerPolicy, Kind};
use crate::reason::Reason;
use crate::request::RawRequest;

/// Rules under an issuing CA with this path length, and a profile with that one.
fn rules(parent: Option<u8>, profile: u8) -> IssuerPolicy {
    with_ca(
        IssuerPolicy {
            limits: Limits::of_path_length(parent),
            ..plain()
        },
        profile,
    )
}

/// A CSR that asks for cA true and this path length.
fn csr(path_length: u8) -> CsrParts {
    let value = seq(&[hex("0101ff"), tlv(0x02, &[path_length])]);
    CsrParts::default().and(BASIC_CONSTRAINTS, &value)
}

fn path_length(request: RawRequest, rules: &IssuerPolicy) -> Result<u8, Reason> {
    match decision(request, rules) {
        Decision::Grant(grant) => match grant.kind {
            Kind::Ca { path_length } => Ok(path_length),
            Kind::Leaf => panic!("a leaf"),
        },
        Decision::Deny(denial) => Err(denial.reason),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_ca_is_refused_unless_the_profile_allows_it() {
    for rules in [
        plain(),
        spiffe(),
        IssuerPolicy {
            limits: Limits::of_path_length(Some(0)),
            ..plain()
        },
    ] {
        let denial = denied(ca_request(&CsrParts::default()), &rules);
        assert_eq!(denial.reason, Reason::CaNotAllowed);
        assert!(
            denial.message.contains("spec.profile.ca"),
            "{}",
            denial.message
        );
    }
}

#[test]
fn pki_7_limits_the_path_length_to_the_profile_and_the_parent() {
    let exceeded = Err(Reason::PathLengthExceeded);
    let table = [
        (None, 0, Ok(0)),
        (None, 3, Ok(3)),
        (None, 255, Ok(255)),
        (Some(2), 0, Ok(0)),
        (Some(2), 1, Ok(1)),
        (Some(2), 3, Ok(1)),
        (Some(1), 3, Ok(0)),
        (Some(255), 255, Ok(254)),
        (Some(0), 0, exceeded),
        (Some(0), 3, exceeded),
    ];
    for (parent, profile, expected) in table {
        let found = path_length(ca_request(&CsrParts::default()), &rules(parent, profile));
        assert_eq!(found, expected, "parent {parent:?}, profile {profile}");
    }
}

#[test]
fn pki_7_a_csr_can_only_shorten_the_path_length() {
    let exceeded = Err(Reason::PathLengthExceeded);
    let table = [
        (0, None, 3, Ok(0)),
        (3, None, 3, Ok(3)),
        (4, None, 3, exceeded),
        (1, Some(2), 3, Ok(1)),
        (2, Some(2), 3, exceeded),
        (0, Some(0), 3, exceeded),
    ];
    for (own, parent, profile, expected) in table {
        let found = path_length(ca_request(&csr(own)), &rules(parent, profile));
        assert_eq!(
            found, expected,
            "CSR {own}, parent {parent:?}, profile {profile}"
        );
    }
}

#[test]
fn a3_23_rejects_basic_constraints_that_differ_from_the_spec() {
    let rules = rules(None, 0);
    let ca = CsrParts::default().and(BASIC_CONSTRAINTS, &hex("30030101ff"));
    let leaf = CsrParts::default().and(BASIC_CONSTRAINTS, &hex("3000"));
    for (agrees, request) in [
        (true, ca_request(&ca)),
        (true, request(&leaf)),
        (false, ca_request(&leaf)),
        (false, request(&ca)),
    ] {
        if agrees {
            granted(request, &rules);
        } else {
            let denial = denied(request, &rules);
            assert_eq!(denial.reason, Reason::InvalidCsr);
            assert!(
                denial.message.contains("basicConstraints"),
                "{}",
                denial.message
            );
        }
    }
}

#[test]
fn cm_9_allows_name_constraints_only_on_a_ca() {
    let value = seq(&[tlv(0xa0, &seq(&[dns("example.org")]))]);
    let csr = CsrParts::default().and(NAME_CONSTRAINTS, &value);
    let grant = granted(ca_request(&csr), &rules(None, 0));
    assert_eq!(grant.name_constraints.as_deref(), Some(&value[..]));

    let denial = denied(request(&csr), &rules(None, 0));
    assert_eq!(denial.reason, Reason::InvalidCsr);
    assert!(
        denial.message.contains("nameConstraints"),
        "{}",
        denial.message
    );
}

#[test]
fn pki_2_names_a_ca_without_a_subject_by_its_first_dns_name() {
    let rules = rules(None, 0);
    let nameless = |names: &[Vec<u8>]| CsrParts::names(names).and_subject(hex("3000"));
    let grant = granted(
        ca_request(&nameless(&[
            uri("https://a.example"),
            dns("ca_1.example"),
            dns("b.example"),
        ])),
        &rules,
    );
    assert_eq!(grant.subject_der, cn("ca_1.example"));
    // The names themselves stay as they are.
    assert_eq!(
        grant.subject_alt_names.as_ref().unwrap().dns(),
        ["ca_1.example", "b.example"]
    );

    let long = format!("{0}.{0}.example", "a".repeat(40));
    for names in [&[][..], &[uri("https://a.example")], &[dns(&long)]] {
        let denial = denied(ca_request(&nameless(names)), &rules);
        assert_eq!(denial.reason, Reason::InvalidName);
        assert!(denial.message.contains("common name"), "{}", denial.message);
    }
}

#[test]
fn x5_7_a_ca_in_a_trust_domain_has_the_trust_domains_id_or_none() {
    let rules = with_ca(spiffe(), 0);
    for names in [
        &[][..],
        &[dns("ca.example")],
        &[uri("spiffe://example.org"), dns("ca.example")],
    ] {
        let csr = CsrParts::names(names);
        for request in [
            ca_request(&csr),
            RawRequest {
                ca: true,
                ..request_for_certificate(&csr)
            },
        ] {
            let grant = granted(request, &rules);
            // What was listed is carried, and nothing is added.
            let found = grant
                .subject_alt_names
                .as_ref()
                .map(|names| names.der().to_vec());
            assert_eq!(found, csr.names);
            assert_eq!(grant.spiffe_id, None);
        }
    }
    for refused in [
        vec![uri("spiffe://example.org/ns/shop/sa/web")],
        vec![uri("spiffe://other.org")],
        vec![uri("SPIFFE://example.org")],
        vec![uri("https://example.org")],
        vec![uri("spiffe://example.org"), uri("spiffe://example.org")],
    ] {
        let denial = denied(ca_request(&CsrParts::names(&refused)), &rules);
        assert_eq!(denial.reason, Reason::IdentityNotAllowed);
    }
}
