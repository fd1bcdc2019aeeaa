//! How far the expiry of the CA may shorten a certificate.

use std::time::Duration;

use crate::fixtures::ca::Ca;
use crate::fixtures::certificate::Parts;
use crate::fixtures::csr::CsrParts;
use crate::fixtures::key::Key;
use crate::fixtures::request::{ca_request, granted, plain, request, with_ca, with_duration};
use crate::fixtures::{DAY, HOUR, at};
use crate::issue::{IssueError, ValidityPeriod};
use crate::policy::{Grant, IssuerPolicy, LifetimeLimits, Shortening};
use crate::reason::Reason;

fn rules(shortening: Shortening) -> IssuerPolicy {
    IssuerPolicy {
        lifetimes: LifetimeLimits {
            shortening,
            ..LifetimeLimits::default()
        },
        ..plain()
    }
}

fn at_least(seconds: u64) -> Shortening {
    Shortening::AtLeast(Duration::from_secs(seconds))
}

/// A leaf for so many seconds.
fn leaf(seconds: u64, shortening: Shortening) -> Grant {
    let request = with_duration(request(&CsrParts::default()), seconds);
    granted(request, &rules(shortening))
}

/// A root that expires in so many seconds.
fn root(end: i64) -> Ca {
    Ca::of(&[Parts::root("root", &Key::p256(1)).valid(at(-DAY), at(end))])
}

fn window(ca: &Ca, grant: &Grant, now: i64) -> Result<ValidityPeriod, IssueError> {
    Ok(ca.tbs_at(grant, at(now))?.window())
}

#[test]
fn pki_6_shortens_to_the_minimum_and_not_below() {
    let ca = root(DAY);
    let month = leaf(30 * 86_400, at_least(7_200));
    for (now, is_issued) in [
        (0, true),
        (DAY - 7_201, true),
        (DAY - 7_200, true),
        (DAY - 7_199, false),
        (DAY - 1, false),
    ] {
        match window(&ca, &month, now) {
            Ok(window) => {
                assert!(is_issued && window.is_clamped, "{now}");
                assert_eq!(window.not_after, at(DAY));
            }
            Err(error) => {
                let min = Duration::from_secs(7_200);
                let expected = IssueError::ExpiresTooSoon { at: at(DAY), min };
                assert_eq!((is_issued, error), (false, expected), "{now}");
            }
        }
    }
    ca.issue_at(&month, at(DAY - 7_200));
}

/// The last half second below the minimum counts.
#[test]
fn pki_6_the_minimum_is_exact() {
    let ca = root(DAY);
    let month = leaf(30 * 86_400, at_least(3_600));
    let half = jiff::SignedDuration::from_millis(500);
    assert!(ca.tbs_at(&month, at(DAY - HOUR)).is_ok());
    assert!(ca.tbs_at(&month, at(DAY - HOUR) - half).is_ok());
    assert!(ca.tbs_at(&month, at(DAY - HOUR) + half).is_err());
}

/// A storm of ever shorter certificates: none is shorter than requested in the CA's last hour.
#[test]
fn pki_6_no_certificate_of_a_second_from_the_last_second_of_a_ca() {
    let ca = root(HOUR);
    let lifetimes = [20, 600, 3_600, 86_400, 7_776_000];
    let grants = lifetimes.map(|lifetime| leaf(lifetime, Shortening::default()));
    for now in (1..HOUR).step_by(7).chain(HOUR - 30..HOUR) {
        for grant in &grants {
            match window(&ca, grant, now) {
                Ok(window) => assert!(!window.is_clamped, "{grant:?} at {now}"),
                Err(error) => assert_eq!(error.reason(), Reason::CaExpiresTooSoon),
            }
        }
    }
}

/// A request for less than the minimum needs only its own lifetime.
#[test]
fn pki_6_a_short_lifetime_is_issued_in_full_until_it_no_longer_fits() {
    let ca = root(HOUR);
    let leaf = leaf(20, Shortening::default());
    // It is backdated by 2 s.
    for (now, is_issued) in [
        (0, true),
        (HOUR - 20, true),
        (HOUR - 18, true),
        (HOUR - 17, false),
    ] {
        let window = window(&ca, &leaf, now);
        assert_eq!(window.is_ok(), is_issued, "{now}");
        assert!(window.is_ok_and(|window| !window.is_clamped) == is_issued);
    }
}

#[test]
fn pki_6_every_link_of_the_path_counts() {
    let top = Parts::root("root", &Key::p256(1)).valid(at(-DAY), at(HOUR / 2));
    let issuing = Parts::intermediate("issuing", &Key::p256(2), &top).valid(at(-DAY), at(DAY));
    let ca = Ca::of(&[issuing, top]);
    let error = window(&ca, &leaf(86_400, Shortening::default()), 0).unwrap_err();
    let min = Duration::from_secs(3_600);
    let at = at(HOUR / 2);
    assert_eq!(error, IssueError::ExpiresTooSoon { at, min });
}

#[test]
fn without_shortening_a_longer_request_waits_for_the_renewal() {
    let ca = root(DAY);
    // Backdated by a minute, and so up to a minute longer than what remains.
    let fits = leaf(86_460, Shortening::Never);
    assert!(!window(&ca, &fits, 0).unwrap().is_clamped);
    let error = window(&ca, &leaf(86_461, Shortening::Never), 0).unwrap_err();
    let expected = IssueError::ExpiresFirst {
        at: at(DAY),
        duration: Duration::from_secs(86_461),
    };
    assert_eq!(error, expected);
    assert_eq!(error.reason(), Reason::CaExpiresTooSoon);
    assert_eq!(
        error.to_string(),
        "the CA certificate or one above it expires at 2026-09-02T12:00:00Z, earlier than a \
         certificate of 24h1m1s would, and spec.profile.whenCAExpiresFirst is Wait; the request \
         waits until the CA is renewed. A request for a shorter lifetime can be issued"
    );
}

#[test]
fn pki_6_ca_certificates_are_shortened_in_the_same_way() {
    let ca = root(2 * HOUR);
    let rules = with_ca(rules(Shortening::default()), 0);
    let request = with_duration(ca_request(&CsrParts::default()), 86_400);
    let grant = granted(request, &rules);
    assert!(window(&ca, &grant, HOUR).unwrap().is_clamped);
    let error = window(&ca, &grant, HOUR + 1).unwrap_err();
    assert_eq!(error.reason(), Reason::CaExpiresTooSoon);
    assert_eq!(
        error.to_string(),
        "the CA certificate or one above it expires at 2026-09-01T14:00:00Z, in less than 1h \
         (spec.profile.minDuration); the request waits until the CA is renewed. A request for a \
         shorter lifetime can be issued"
    );
}
