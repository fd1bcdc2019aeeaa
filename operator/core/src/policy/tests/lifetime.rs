//! How long a certificate is valid.

use std::time::Duration;

use crate::fixtures::csr::CsrParts;
use crate::fixtures::request::{granted, plain, request, spiffe, with_duration};
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
