//! Which answer wins: the order of the checks, and the kinds of decision.

use std::time::Duration;

use crate::fixtures::csr::CsrParts;
use crate::fixtures::request::{
    ca_request, decision_by, denied, granted, plain, request, requester, with_duration, with_usages,
};
use crate::policy::{Decision, Issuer};
use crate::reason::Reason;
use crate::request::{Api, Approval, RawRequest, Reference};

const MISSING: Issuer<'_> = Issuer::Missing {
    name: "ClusterIssuer mesh",
    other: None,
};
const NOT_READY: Issuer<'_> = Issuer::NotReady {
    name: "ClusterIssuer mesh",
    message: "the Secret is missing",
};

fn good() -> RawRequest {
    request(&CsrParts::default())
}

fn denied_reference() -> Reference {
    Reference::Denied {
        namespace: "shop".to_owned(),
        name: "ca".to_owned(),
    }
}

fn malformed() -> RawRequest {
    RawRequest {
        csr: b"no CSR".to_vec(),
        ..good()
    }
}

#[test]
fn a2_19_cm_5_waits_for_an_issuer_that_is_missing_or_not_ready() {
    let Decision::Wait(missing) = decision_by(good(), MISSING) else {
        panic!("no wait")
    };
    assert_eq!(missing.reason, Reason::IssuerNotFound);
    assert!(
        missing
            .message
            .contains("ClusterIssuer mesh does not exist"),
        "{}",
        missing.message
    );

    let other = Issuer::Missing {
        name: "ClusterIssuer mesh",
        other: Some("Issuer shop/mesh"),
    };
    let Decision::Wait(missing) = decision_by(good(), other) else {
        panic!("no wait")
    };
    assert_eq!(missing.reason, Reason::IssuerNotFound);
    assert!(
        missing.message.contains("but Issuer shop/mesh does"),
        "{}",
        missing.message
    );

    let Decision::Wait(not_ready) = decision_by(good(), NOT_READY) else {
        panic!("no wait")
    };
    assert_eq!(not_ready.reason, Reason::IssuerNotReady);
    assert!(
        not_ready.message.contains("the Secret is missing"),
        "{}",
        not_ready.message
    );
}

#[test]
fn a1_4_a_denial_by_the_approver_takes_precedence() {
    let rules = plain();
    let broken = RawRequest {
        duration: Err("written wrongly".to_owned()),
        reference: denied_reference(),
        ..with_usages(malformed(), &["time travel"])
    };
    for request in [good(), malformed(), broken] {
        let request = RawRequest {
            approval: Approval::Denied,
            ..request
        };
        for issuer in [MISSING, NOT_READY, Issuer::Ready(&rules)] {
            let Decision::Deny(denial) = decision_by(request.clone(), issuer) else {
                panic!("not denied")
            };
            assert_eq!(denial.reason, Reason::Denied);
        }
    }
}

#[test]
fn denies_a_malformed_request_for_any_issuer() {
    let table = [
        (malformed(), Reason::InvalidCsr, "PEM"),
        (
            with_usages(good(), &["time travel"]),
            Reason::InvalidUsages,
            "\"time travel\"",
        ),
        (
            RawRequest {
                duration: Err("write it as 24h".to_owned()),
                ..good()
            },
            Reason::InvalidDuration,
            "write it as 24h",
        ),
        (
            with_duration(good(), 0),
            Reason::InvalidDuration,
            "at least one",
        ),
        (
            RawRequest {
                duration: Ok(Some(Duration::from_millis(999))),
                ..good()
            },
            Reason::InvalidDuration,
            "at least one",
        ),
    ];
    let rules = plain();
    for (request, reason, sentence) in table {
        for issuer in [NOT_READY, Issuer::Ready(&rules)] {
            let Decision::Deny(denial) = decision_by(request.clone(), issuer) else {
                panic!("not denied: {reason}")
            };
            assert_eq!(denial.reason, reason);
            assert!(denial.message.contains(sentence), "{}", denial.message);
        }
    }
}

#[test]
fn a3_22_denies_a_csr_without_proof_of_possession() {
    let mut der = CsrParts::default().der();
    *der.last_mut().unwrap() ^= 1;
    let pem = der::pem::encode_string("CERTIFICATE REQUEST", der::pem::LineEnding::LF, &der);
    let request = RawRequest {
        csr: pem.unwrap().into_bytes(),
        ..good()
    };
    assert_eq!(denied(request, &plain()).reason, Reason::InvalidSignature);
}

#[test]
fn a5_37_a_requester_without_access_learns_nothing_about_the_issuer() {
    let rules = plain();
    let stranger = || RawRequest {
        reference: denied_reference(),
        api: Api::CertificateSigningRequest,
        namespace: None,
        requester: requester("mallory"),
        // Other faults come after it, where they depend on the issuer's rules.
        ..ca_request(&CsrParts::default())
    };
    for issuer in [NOT_READY, Issuer::Ready(&rules)] {
        let Decision::Deny(denial) = decision_by(stranger(), issuer) else {
            panic!("not denied")
        };
        assert_eq!(denial.reason, Reason::DeniedReference);
        assert!(denial.message.contains("\"mallory\""), "{}", denial.message);
        assert!(!denial.message.contains("Secret"), "{}", denial.message);
    }
    // While there is no issuer, there is nothing to be allowed.
    assert!(matches!(
        decision_by(stranger(), MISSING),
        Decision::Wait(_)
    ));
}

#[test]
fn a_requester_cannot_fill_the_status_with_a_long_username() {
    let long = "m".repeat(100_000);
    let request = RawRequest {
        reference: denied_reference(),
        requester: requester(&long),
        ..good()
    };
    assert!(denied(request, &plain()).message.len() < 500);
    let usage = [long.as_str()];
    assert!(denied(with_usages(good(), &usage), &plain()).message.len() < 500);
}

#[test]
fn a_grant_has_what_was_requested() {
    let csr = CsrParts::default();
    let grant = granted(with_duration(request(&csr), 20), &plain());
    assert_eq!(grant.request_uid, good().uid);
    assert_eq!(grant.duration, Duration::from_secs(20));
    assert_eq!(&grant.public_key, csr.key.public());
    assert_eq!(grant.subject_der, csr.subject);
    assert_eq!(
        grant.subject_alt_names.as_ref().unwrap().der(),
        csr.names.unwrap()
    );
    assert_eq!(grant.spiffe_id, None);
    assert_eq!(grant.name_constraints, None);
}
