//! The response of a parent: each reason to refuse it, and what is accepted with a warning.

mod limits;
mod trust;

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::{Three, names, pem};
use crate::ca::ChainError;
use crate::ca::offer::{self, Accepted, Expectations, Offer, Refusal, TrustedRoots, Warning};
use crate::fixtures::ca::Ca;
use crate::fixtures::certificate::Parts;
use crate::fixtures::csr::CsrParts;
use crate::fixtures::der::{
    BASIC_CONSTRAINTS, KEY_USAGE, SAN, SUBJECT_KEY_IDENTIFIER, critical, extension, hex, oid, seq,
    uri,
};
use crate::fixtures::key::{Key, Kind};
use crate::fixtures::request::{granted, plain, request};
use crate::fixtures::{DAY, HOUR, NOW, at};
use crate::spiffe::TrustDomain;

const POLICIES: &str = "2.5.29.32";

/// Expects a CA over this key, without more; every offered root is listed.
fn expectations(key: &Key) -> Expectations<'_> {
    Expectations {
        public_key: key.public(),
        min_security_bits: 112,
        path_length: 0,
        min_lifetime: Duration::from_secs(3_600),
        trust_domain: None,
        trusted_roots: TrustedRoots {
            offered: true,
            ..TrustedRoots::default()
        },
        allow_missing_root: false,
        is_requested: true,
    }
}

fn offered(
    path: &[&Parts],
    roots: &[&Parts],
    expected: &Expectations<'_>,
) -> Result<Accepted, Refusal> {
    let (path, roots) = (pem(path), pem(roots));
    let offer = Offer {
        path: path.as_bytes(),
        roots: Some(roots.as_bytes()),
    };
    judge(&offer, expected, NOW)
}

fn judge(
    offer: &Offer<'_>,
    expected: &Expectations<'_>,
    now: Timestamp,
) -> Result<Accepted, Refusal> {
    let chain = offer::read(offer, Some(expected.public_key), now)?;
    offer::judge(chain, expected, now)
}

/// Judges the path of three, changed.
fn changed(change: impl Fn(&mut Three)) -> Result<Accepted, Refusal> {
    let mut three = Three::new();
    change(&mut three);
    let expected = expectations(&three.issuing.key);
    offered(&[&three.issuing, &three.middle], &[&three.root], &expected)
}

fn example() -> TrustDomain {
    TrustDomain::parse("example.org").unwrap()
}

#[test]
fn accepts_what_people_send_back() {
    let Three {
        root,
        middle,
        issuing,
    } = &Three::new();
    let expected = expectations(&issuing.key);
    let in_order = offered(&[issuing, middle, root], &[], &expected).unwrap();
    assert_eq!(in_order.warnings, []);
    let ca = Ca {
        key: issuing.key.clone(),
        chain: in_order.chain.clone(),
    };
    ca.issue(&granted(request(&CsrParts::default()), &plain()));
    for (path, roots) in [
        (vec![root, middle, issuing], vec![]),
        (vec![middle, root, issuing], vec![]),
        (vec![issuing], vec![root, middle]),
    ] {
        assert_eq!(offered(&path, &roots, &expected).as_ref(), Ok(&in_order));
    }
    let [root, middle, issuing] = [root, middle, issuing].map(|parts| parts.pem());
    let text = format!("subject=CN=root\n{root}\n# ü\n{middle}{issuing}").replace('\n', "\r\n");
    let offer = Offer {
        path: text.as_bytes(),
        roots: None,
    };
    assert_eq!(judge(&offer, &expected, NOW), Ok(in_order));
}

#[test]
fn refuses_what_is_not_a_certificate() {
    let Three { root, issuing, .. } = &Three::new();
    let expected = expectations(&issuing.key);
    for label in [
        "PRIVATE KEY",
        "PKCS7",
        "CERTIFICATE REQUEST",
        "TRUSTED CERTIFICATE",
    ] {
        let block = format!("-----BEGIN {label}-----\nAAAA\n-----END {label}-----\n");
        let (path, roots) = (issuing.pem(), root.pem() + &block);
        let offer = Offer {
            path: path.as_bytes(),
            roots: Some(roots.as_bytes()),
        };
        let outcome = judge(&offer, &expected, NOW);
        assert_eq!(outcome, Err(Refusal::OtherBlock(format!("{label:?}"))));
    }
    let nothing = Offer {
        path: b"",
        roots: None,
    };
    let outcome = judge(&nothing, &expected, NOW);
    assert_eq!(outcome, Err(ChainError::Empty.into()));
}

/// A parent may return a certificate that it signed before, for another key.
#[test]
fn refuses_the_certificate_of_another_key() {
    let Three {
        root,
        middle,
        issuing,
    } = &Three::new();
    let other = Key::p256(77);
    let outcome = offered(&[issuing, middle], &[root], &expectations(&other));
    assert_eq!(outcome, Err(Refusal::OtherKey("CN=issuing".to_owned())));
}

#[test]
fn refuses_a_leaf_a_version_1_certificate_and_a_link_by_sha_1() {
    let leaf = changed(|three| three.issuing = three.issuing.clone().with(BASIC_CONSTRAINTS, None));
    let version_1 = changed(|three| {
        three.issuing.version.clear();
        three.issuing.extensions.clear();
    });
    let no_sign = changed(|three| {
        let usage = critical(KEY_USAGE, &hex("03020780"));
        three.issuing = three.issuing.clone().with(KEY_USAGE, Some(usage));
    });
    let sha_1 = changed(|three| {
        three.middle = three.middle.clone().algorithm("300906072a8648ce3d0401");
    });
    for (outcome, expected) in [
        (leaf, "CA:TRUE is missing"),
        (version_1, "signed without an extension file"),
        (no_sign, "keyCertSign is missing"),
        (sha_1, "CN=middle is signed with SHA-1"),
    ] {
        let Err(refusal @ Refusal::Chain(_)) = outcome else {
            panic!("{outcome:?}");
        };
        assert!(refusal.to_string().contains(expected), "{refusal}");
    }
}

#[test]
fn refuses_a_key_below_the_profile() {
    let key = Key::new(Kind::Rsa2048, 1);
    let root = &Parts::root("root", &key);
    for (minimum, accepted) in [(112, true), (128, false)] {
        let expected = Expectations {
            min_security_bits: minimum,
            ..expectations(&key)
        };
        let outcome = offered(&[root], &[], &expected);
        assert_eq!(outcome.is_ok(), accepted, "{outcome:?}");
        if let Err(refusal) = outcome {
            assert!(
                refusal
                    .to_string()
                    .contains("RSA-2048, whose strength is 112")
            );
        }
    }
}

#[test]
fn pki_6_refuses_a_path_that_is_not_valid_for_long_enough() {
    let middle = "CN=middle".to_owned();
    let with =
        |begin, end| changed(|three| three.middle = three.middle.clone().valid(at(begin), at(end)));
    let minimum = Duration::from_secs(3_600);
    for (begin, end, expected) in [
        (
            -DAY,
            -1,
            Refusal::Expired {
                subject: middle.clone(),
                at: at(-1),
            },
        ),
        (
            -DAY,
            0,
            Refusal::Expired {
                subject: middle.clone(),
                at: at(0),
            },
        ),
        (
            300,
            DAY,
            Refusal::NotYetValid {
                subject: middle.clone(),
                at: at(300),
            },
        ),
        (
            DAY,
            2 * DAY,
            Refusal::BeginsLater {
                subject: middle.clone(),
                at: at(DAY),
            },
        ),
        (
            -1,
            HOUR - 1,
            Refusal::EndsSoon {
                subject: middle.clone(),
                at: at(HOUR - 1),
                minimum,
            },
        ),
    ] {
        assert_eq!(with(begin, end), Err(expected));
    }
    assert!(with(0, HOUR).is_ok());
}

/// The clock of the parent is ahead: the same certificate is good soon.
#[test]
fn waits_for_a_not_before_a_few_minutes_ahead() {
    let Three {
        root,
        middle,
        issuing,
    } = Three::new();
    let issuing = issuing.valid(at(300), at(DAY));
    let expected = expectations(&issuing.key);
    let (path, roots) = (pem(&[&issuing, &middle]), pem(&[&root]));
    let offer = Offer {
        path: path.as_bytes(),
        roots: Some(roots.as_bytes()),
    };
    let wake = judge(&offer, &expected, NOW)
        .unwrap_err()
        .retry_at()
        .unwrap();
    assert_eq!(wake, at(300));
    assert!(judge(&offer, &expected, wake).is_ok());
    let early = wake - SignedDuration::from_secs(3_600);
    assert_eq!(
        judge(&offer, &expected, early).unwrap_err().retry_at(),
        None
    );
}

/// A parent may drop or shorten the path length that was requested.
#[test]
fn pki_7_refuses_too_short_a_path_length() {
    for (length, needed, accepted) in [(0, 0, true), (0, 1, false), (1, 1, true), (2, 1, true)] {
        let mut three = Three::new();
        three.issuing = three.issuing.path_length(length);
        let expected = Expectations {
            path_length: needed,
            ..expectations(&three.issuing.key)
        };
        let outcome = offered(&[&three.issuing, &three.middle], &[&three.root], &expected);
        match accepted {
            true => assert!(outcome.is_ok(), "{outcome:?}"),
            false => assert_eq!(
                outcome,
                Err(Refusal::PathLength {
                    allowed: 0,
                    needed: 1
                })
            ),
        }
    }
}

/// X5-7. A CA that merely exists keeps the design of others.
#[test]
fn another_spiffe_id_is_an_error_for_a_requested_ca_only() {
    let trust_domain = example();
    for (id, is_other) in [
        ("spiffe://example.org", false),
        ("spiffe://example.net", true),
        ("spiffe://example.org/ns/a", true),
        ("https://example.net", false),
    ] {
        for is_requested in [true, false] {
            let mut three = Three::new();
            three
                .issuing
                .extensions
                .push(extension(SAN, &seq(&[uri(id)])));
            let expected = Expectations {
                trust_domain: Some(&trust_domain),
                is_requested,
                ..expectations(&three.issuing.key)
            };
            let outcome = offered(&[&three.issuing, &three.middle], &[&three.root], &expected);
            match outcome {
                Err(Refusal::SpiffeId { .. }) => assert!(is_requested && is_other, "{id}"),
                Ok(accepted) => {
                    assert!(!is_requested || !is_other, "{id}");
                    assert_eq!(accepted.warnings.len(), usize::from(is_other), "{id}");
                }
                other => panic!("{other:?}"),
            }
        }
    }
}

#[test]
fn accepts_usual_shortcomings_with_a_warning() {
    let policies = seq(&[seq(&[oid("2.23.140.1.2.1")])]);
    let accepted = changed(|three| {
        let issuing = three.issuing.clone();
        three.issuing = issuing
            .with(SUBJECT_KEY_IDENTIFIER, None)
            .with(
                BASIC_CONSTRAINTS,
                Some(extension(BASIC_CONSTRAINTS, &hex("30030101ff"))),
            )
            .with(KEY_USAGE, Some(critical(KEY_USAGE, &hex("03020204"))))
            .and(critical(POLICIES, &policies));
    });
    let name = || "CN=issuing".to_owned();
    let expected = [
        Warning::NoKeyIdentifier(name()),
        Warning::BasicConstraintsNotCritical(name()),
        Warning::CriticalPolicies(name()),
        Warning::NoCrlSign(name()),
    ];
    assert_eq!(accepted.unwrap().warnings, expected);
}

#[test]
fn a_path_without_a_root_needs_the_specs_consent() {
    let Three {
        middle, issuing, ..
    } = &Three::new();
    let mut expected = expectations(&issuing.key);
    let outcome = offered(&[issuing, middle], &[], &expected);
    assert_eq!(outcome, Err(Refusal::MissingRoot("CN=middle".to_owned())));
    expected.allow_missing_root = true;
    let accepted = offered(&[issuing, middle], &[], &expected).unwrap();
    assert_eq!(names(&accepted.chain).1, ["middle"]);
    // Roots that do not belong to it are a mistake all the same.
    let other = &Parts::root("other", &Key::p256(4));
    let outcome = offered(&[issuing, middle], &[other], &expected);
    let expected = ChainError::NoPathToRoot("CN=middle".to_owned());
    assert_eq!(outcome, Err(expected.into()));
}
