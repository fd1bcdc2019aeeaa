//! From when until when: backdated, exact, inside the chain, and written as RFC 5280 wants it.

use jiff::Timestamp;
use x509_cert::time::Time;

use super::{certificate, leaf, seconds};
use crate::fixtures::ca::Ca;
use crate::fixtures::certificate::Parts;
use crate::fixtures::key::{Key, Kind};
use crate::fixtures::{DAY, HOUR, NOW, at};
use crate::issue::{IssueError, ValidityPeriod};

/// A root whose validity is this, in seconds from the time of the tests.
fn root(begin: i64, end: i64) -> Ca {
    Ca::of(&[Parts::root("root", &Key::p256(1)).valid(at(begin), at(end))])
}

/// When a leaf of so many seconds begins and ends, in seconds from `now`, and if it is clamped.
fn window(ca: &Ca, lifetime: u64, now: Timestamp) -> Result<(i64, i64, bool), IssueError> {
    let window = ca.tbs_at(&leaf(lifetime), now)?.window();
    let from_now = |end: Timestamp| (end - now).get_seconds();
    Ok((
        from_now(window.not_before),
        from_now(window.not_after),
        window.is_clamped,
    ))
}

#[test]
fn a3_29_backdates_both_ends_by_up_to_a_minute_or_a_tenth() {
    let ca = root(-DAY, 365 * DAY);
    let table = [
        (1, (0, 1)),
        (9, (0, 9)),
        (10, (-1, 9)),
        (20, (-2, 18)),
        (100, (-10, 90)),
        (599, (-59, 540)),
        (600, (-60, 540)),
        (601, (-60, 541)),
        (3_600, (-60, 3_540)),
        (90 * 86_400, (-60, 90 * DAY - 60)),
    ];
    for (lifetime, (begin, end)) in table {
        assert_eq!(
            window(&ca, lifetime, NOW),
            Ok((begin, end, false)),
            "{lifetime} s"
        );
    }
}

#[test]
fn pki_6_uses_whole_seconds() {
    let ca = root(-DAY, DAY);
    let now = NOW + jiff::SignedDuration::new(0, 999_999_999);
    let window = ca.tbs_at(&leaf(3_600), now).unwrap().window();
    assert_eq!((window.not_before, window.not_after), (at(-60), at(3_540)));
    let own = ValidityPeriod::backdated(now, std::time::Duration::from_millis(20_999));
    assert_eq!((own.not_before, own.not_after), (at(-2), at(18)));
}

#[test]
fn pki_6_clamps_a_leaf_to_the_expiry_of_its_ca() {
    let ca = root(-DAY, HOUR);
    assert_eq!(window(&ca, 3_600, NOW), Ok((-60, 3_540, false)));
    assert_eq!(window(&ca, 3_660, NOW), Ok((-60, 3_600, false)));
    assert_eq!(window(&ca, 3_661, NOW), Ok((-60, 3_600, true)));
    assert_eq!(window(&ca, u64::MAX, NOW), Ok((-60, 3_600, true)));
    let issued = ca.issue(&leaf(86_400));
    assert!(issued.window().is_clamped);
    assert_eq!(issued.window().not_after, at(HOUR));
}

#[test]
fn pki_6_clamps_to_every_certificate_of_the_path() {
    let top = Parts::root("root", &Key::p256(1)).valid(at(-300), at(2 * HOUR));
    let middle = Parts::intermediate("middle", &Key::p256(2), &top).valid(at(-30), at(HOUR));
    let issuing = Parts::intermediate("issuing", &Key::p256(3), &middle).valid(at(-60), at(DAY));
    let ca = Ca::of(&[issuing, middle, top]);
    // The middle one begins last and ends first.
    assert_eq!(window(&ca, 86_400, NOW), Ok((-30, 3_600, true)));
    ca.issue(&leaf(86_400));
}

#[test]
fn pki_6_a_leaf_is_not_valid_before_its_ca() {
    let ca = root(-10, DAY);
    assert_eq!(window(&ca, 3_600, NOW), Ok((-10, 3_590, false)));
    assert_eq!(window(&ca, 20, NOW), Ok((-2, 18, false)));
    assert_eq!(window(&ca, 3_600, at(-10)), Ok((0, 3_600, false)));
    ca.issue_at(&leaf(3_600), at(-10));
}

#[test]
fn a_ca_outside_its_validity_cannot_issue() {
    let ca = root(-HOUR, HOUR);
    let half = jiff::SignedDuration::from_millis(500);
    assert_eq!(
        window(&ca, 60, at(HOUR)),
        Err(IssueError::Expired(at(HOUR)))
    );
    assert_eq!(
        window(&ca, 60, at(2 * DAY)),
        Err(IssueError::Expired(at(HOUR)))
    );
    assert_eq!(
        window(&ca, 60, at(-HOUR) - half),
        Err(IssueError::NotYetValid(at(-HOUR)))
    );
    assert_eq!(
        window(&ca, 60, at(-2 * DAY)),
        Err(IssueError::NotYetValid(at(-HOUR)))
    );
    // To the last half second.
    let last = ca.tbs_at(&leaf(1), at(HOUR) - half).unwrap().window();
    assert_eq!((last.not_before, last.not_after), (at(HOUR - 1), at(HOUR)));

    let sentence = IssueError::Expired(at(HOUR)).to_string();
    assert!(sentence.contains("2026-09-01T13:00:00Z"), "{sentence}");
}

#[test]
fn rfc_5280_4_1_2_5_utc_time_through_2049_and_generalized_time_from_2050() {
    // 2050-01-01T00:00:00Z.
    let year_2050 = Timestamp::from_second(2_524_608_000).unwrap();
    let second = jiff::SignedDuration::from_secs(1);
    let root = Parts::root("root", &Key::p256(1));
    let ca = Ca::of(&[root.valid(year_2050 - second * 3_600, year_2050 + second * 3_600)]);
    // A leaf of one second is not backdated: it begins now.
    for (now, general) in [
        (year_2050 - second * 2, [false, false]),
        (year_2050 - second, [false, true]),
        (year_2050, [true, true]),
    ] {
        let issued = ca.issue_at(&leaf(1), now);
        let certificate = certificate(&issued);
        let validity = certificate.tbs_certificate().validity();
        let found = [validity.not_before, validity.not_after];
        assert_eq!(
            found.map(|time| matches!(time, Time::GeneralTime(_))),
            general,
            "{now}"
        );
        assert_eq!(
            i64::try_from(found[1].to_unix_duration().as_secs()).unwrap(),
            { (now + second).as_second() }
        );
    }
}

#[test]
fn rfc_5280_4_1_2_5_the_calendar_ends_with_the_year_9999() {
    // The last second of Timestamp is 9999-12-30T22:00:00Z.
    let end = Timestamp::constant(Timestamp::MAX.as_second(), 0);
    let own = ValidityPeriod::backdated(NOW, seconds(u64::MAX));
    assert_eq!(
        (own.not_before, own.not_after, own.is_clamped),
        (at(-60), end, true)
    );
    let century = ValidityPeriod::backdated(NOW, seconds(100 * 365 * 86_400));
    assert!(!century.is_clamped);

    let ca = Ca::of(&[Parts::root("root", &Key::new(Kind::P256, 1)).valid(at(-DAY), end)]);
    let issued = ca.issue(&leaf(u64::MAX));
    assert!(issued.window().is_clamped);
    assert_eq!(issued.window().not_after, end);
}
