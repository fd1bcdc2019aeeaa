//! How long a certificate is valid.

use std::time::Duration;

use crate::fixtures::csr::CsrParts;
use crate::fixtures::request::{
    ca_request, granted, plain, request, request_for_certificate, spiffe, with_ca, with_duration,
};
use crate::policy::{Cap, IssuerPolicy, LifetimeLimits};
use crate::request::{Annotated, RawRequest};

const DAY: u64 = 24 * 3600;

fn days(days: u64, annotated: bool) -> RawRequest {
    RawRequest {
        annotated: Annotated {
            duration: annotated,
            ca: false,
        },
        ..with_duration(request(&CsrParts::nameless()), days * DAY)
    }
}

/// `request-duration` can be changed after the approval.
#[test]
fn in_a_trust_domain_an_annotation_cannot_extend_a_lifetime() {
    for (requested, granted_days) in [(1, 1), (89, 89), (90, 90), (91, 90), (36_500, 90)] {
        let grant = granted(days(requested, true), &spiffe());
        let expected = Duration::from_secs(granted_days * DAY);
        assert_eq!(grant.duration, expected, "{requested}");
    }
}

#[test]
fn a_lifetime_in_the_spec_or_of_a_plain_issuer_is_exact() {
    let year = Duration::from_secs(365 * DAY);
    for grant in [
        granted(days(365, false), &spiffe()),
        granted(days(365, false), &plain()),
        granted(days(365, true), &plain()),
    ] {
        assert_eq!(grant.duration, year);
    }
}

fn with_max(rules: IssuerPolicy, max_leaf: Option<u64>, max_ca: Option<u64>) -> IssuerPolicy {
    let seconds = |max: Option<u64>| max.map(Duration::from_secs);
    IssuerPolicy {
        lifetimes: LifetimeLimits {
            max_leaf: seconds(max_leaf),
            max_ca: seconds(max_ca),
            ..LifetimeLimits::default()
        },
        ..rules
    }
}

#[test]
fn a_leaf_is_capped_by_the_maximum_and_a_ca_by_its_own() {
    let rules = with_ca(with_max(plain(), Some(3_600), Some(DAY)), 0);
    let csr = CsrParts::default();
    for (requested, leaf, ca) in [
        (1, (1, false), (1, false)),
        (3_600, (3_600, false), (3_600, false)),
        (3_601, (3_600, true), (3_601, false)),
        (DAY, (3_600, true), (DAY, false)),
        (DAY + 1, (3_600, true), (DAY, true)),
        (u64::MAX, (3_600, true), (DAY, true)),
    ] {
        for (request, (seconds, is_capped)) in [(request(&csr), leaf), (ca_request(&csr), ca)] {
            let grant = granted(with_duration(request, requested), &rules);
            assert_eq!(grant.duration, Duration::from_secs(seconds), "{requested}");
            assert_eq!(grant.cap.is_some(), is_capped, "{requested}");
        }
    }
}

/// The maximum for leaves is not one for CA certificates, and the other way around.
#[test]
fn each_maximum_is_for_one_kind() {
    let csr = CsrParts::default();
    let year = |request| with_duration(request, 365 * DAY);
    let leaves = with_ca(with_max(plain(), Some(DAY), None), 0);
    assert_eq!(granted(year(ca_request(&csr)), &leaves).cap, None);
    let cas = with_ca(with_max(plain(), None, Some(DAY)), 0);
    assert_eq!(granted(year(request(&csr)), &cas).cap, None);
}

/// Every way to request a lifetime has the same maximum.
#[test]
fn no_requester_and_no_annotation_exceeds_the_maximum() {
    let rules = with_max(spiffe(), Some(30 * DAY), None);
    let certificate = request_for_certificate(&CsrParts::nameless());
    for request in [
        days(365, true),
        days(365, false),
        with_duration(certificate, 365 * DAY),
    ] {
        let grant = granted(request, &rules);
        assert_eq!(grant.duration, Duration::from_secs(30 * DAY));
        assert_eq!(grant.cap, Some(Cap::Profile));
    }
}
