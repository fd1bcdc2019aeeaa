//! Which answer wins: the order of the checks, and the four kinds of decision.

use std::time::Duration;

use crate::fixtures::csr::CsrParts;
use crate::fixtures::request::{
    asked, asked_ca, decided_by, denied, granted, lasting, plain, requester, with_usages,
};
use crate::policy::{Decision, Issuer};
use crate::reason::Reason;
use crate::request::{Api, Approval, Asked, Reference};

const MISSING: Issuer<'_> = Issuer::Missing {
    name: "ClusterIssuer mesh",
};
const NOT_READY: Issuer<'_> = Issuer::NotReady {
    name: "ClusterIssuer mesh",
    message: "the Secret is missing",
};

fn good() -> Asked {
    asked(&CsrParts::default())
}

fn denied_reference() -> Reference {
    Reference::Denied {
        namespace: "shop".to_owned(),
        name: "ca".to_owned(),
    }
}

fn malformed() -> Asked {
    Asked {
        csr: b"no CSR".to_vec(),
        ..good()
    }
}

#[test]
fn a2_19_cm_5_an_issuer_that_is_missing_or_not_ready_is_waited_for() {
    let Decision::Wait(missing) = decided_by(good(), MISSING) else {
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

    let Decision::Wait(not_ready) = decided_by(good(), NOT_READY) else {
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
fn a1_3_cm_3_without_approval_nothing_is_done() {
    for pending in [good(), malformed()] {
        let pending = Asked {
            approval: Approval::Pending,
            ..pending
        };
        for issuer in [MISSING, NOT_READY, Issuer::Ready(&plain())] {
            let decision = decided_by(pending.clone(), issuer);
            assert!(
                matches!(decision, Decision::Ignore(Reason::NotApproved)),
                "{decision:?}"
            );
        }
    }
}

#[test]
fn a1_4_the_approvers_no_wins_over_everything() {
    let rules = plain();
    let broken = Asked {
        duration: Err("written wrongly".to_owned()),
        reference: denied_reference(),
        ..with_usages(malformed(), &["time travel"])
    };
    for asked in [good(), malformed(), broken] {
        let asked = Asked {
            approval: Approval::Denied,
            ..asked
        };
        for issuer in [MISSING, NOT_READY, Issuer::Ready(&rules)] {
            let Decision::Deny(denial) = decided_by(asked.clone(), issuer) else {
                panic!("not denied")
            };
            assert_eq!(denial.reason, Reason::Denied);
        }
    }
}

#[test]
fn a_malformed_request_is_denied_whatever_becomes_of_its_issuer() {
    let table = [
        (malformed(), Reason::InvalidCsr, "PEM"),
        (
            with_usages(good(), &["time travel"]),
            Reason::InvalidUsages,
            "\"time travel\"",
        ),
        (
            Asked {
                duration: Err("write it as 24h".to_owned()),
                ..good()
            },
            Reason::InvalidDuration,
            "write it as 24h",
        ),
        (lasting(good(), 0), Reason::InvalidDuration, "at least one"),
        (
            Asked {
                duration: Ok(Duration::from_millis(999)),
                ..good()
            },
            Reason::InvalidDuration,
            "at least one",
        ),
    ];
    let rules = plain();
    for (asked, reason, sentence) in table {
        for issuer in [NOT_READY, Issuer::Ready(&rules)] {
            let Decision::Deny(denial) = decided_by(asked.clone(), issuer) else {
                panic!("not denied: {reason}")
            };
            assert_eq!(denial.reason, reason);
            assert!(denial.message.contains(sentence), "{}", denial.message);
        }
    }
}

#[test]
fn a3_22_a_csr_without_proof_of_possession_is_denied() {
    let mut der = CsrParts::default().der();
    *der.last_mut().unwrap() ^= 1;
    let pem = der::pem::encode_string("CERTIFICATE REQUEST", der::pem::LineEnding::LF, &der);
    let asked = Asked {
        csr: pem.unwrap().into_bytes(),
        ..good()
    };
    assert_eq!(denied(asked, &plain()).reason, Reason::InvalidSignature);
}

#[test]
fn a5_37_who_may_not_reference_the_issuer_is_denied_and_learns_nothing_of_it() {
    let rules = plain();
    let stranger = || Asked {
        reference: denied_reference(),
        api: Api::CertificateSigningRequest,
        namespace: None,
        requester: requester("mallory"),
        // Other faults come after it, where they depend on the issuer's rules.
        ..asked_ca(&CsrParts::default())
    };
    for issuer in [NOT_READY, Issuer::Ready(&rules)] {
        let Decision::Deny(denial) = decided_by(stranger(), issuer) else {
            panic!("not denied")
        };
        assert_eq!(denial.reason, Reason::DeniedReference);
        assert!(denial.message.contains("\"mallory\""), "{}", denial.message);
        assert!(!denial.message.contains("Secret"), "{}", denial.message);
    }
    // While there is no issuer, there is nothing to be allowed.
    assert!(matches!(decided_by(stranger(), MISSING), Decision::Wait(_)));
}

#[test]
fn a_stranger_cannot_fill_the_status_with_his_name() {
    let long = "m".repeat(100_000);
    let asked = Asked {
        reference: denied_reference(),
        requester: requester(&long),
        ..good()
    };
    assert!(denied(asked, &plain()).message.len() < 500);
    let usage = [long.as_str()];
    assert!(denied(with_usages(good(), &usage), &plain()).message.len() < 500);
}

#[test]
fn a_grant_says_what_was_asked() {
    let csr = CsrParts::default();
    let grant = granted(lasting(asked(&csr), 20), &plain());
    assert_eq!(grant.request_uid(), good().uid);
    assert_eq!(grant.duration(), Duration::from_secs(20));
    assert_eq!(grant.public_key(), csr.key.public());
    assert_eq!(grant.subject_der(), csr.subject);
    assert_eq!(grant.subject_alt_names().unwrap().der(), csr.names.unwrap());
    assert_eq!(grant.spiffe_id(), None);
    assert_eq!(grant.name_constraints_der(), None);
}
