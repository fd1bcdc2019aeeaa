//! What holds for every validity, over thousands of combinations written out by a loop.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::ca::CaChain;
use crate::fixtures::ca::Ca;
use crate::fixtures::certificate::Parts;
use crate::fixtures::key::Key;
use crate::fixtures::{DAY, HOUR, NOW, at};
use crate::issue::{IssueError, ValidityPeriod};
use crate::policy::Shortening;

const LIFETIMES: [u64; 16] = [
    1,
    2,
    5,
    9,
    10,
    11,
    20,
    59,
    60,
    599,
    600,
    601,
    3_600,
    86_400,
    7_776_000,
    u64::MAX,
];

/// Where the chain begins and ends, in seconds from the time of the tests.
const BEGINS: [i64; 8] = [-400 * DAY, -DAY, -61, -60, -59, -2, -1, 0];
const ENDS: [i64; 9] = [1, 2, 19, 60, 3_539, 3_540, 3_600, 30 * DAY, 4_000 * DAY];
const NOWS: [i64; 13] = [
    -DAY,
    -61,
    -1,
    0,
    1,
    2,
    18,
    59,
    61,
    HOUR,
    HOUR + 1,
    30 * DAY,
    5_000 * DAY,
];

/// A root and, below it, an issuing CA; the first begins as said and the second ends so.
fn chain(begin: i64, end: i64) -> CaChain {
    let root = Parts::root("root", &Key::p256(1)).valid(at(begin), at(9_000 * DAY));
    let issuing = Parts::intermediate("issuing", &Key::p256(2), &root);
    Ca::of(&[issuing.valid(at(-500 * DAY), at(end)), root]).chain
}

/// The validity, shortened to whatever remains of the chain.
fn inside(chain: &CaChain, now: Timestamp, lifetime: u64) -> Result<ValidityPeriod, IssueError> {
    let any = Shortening::AtLeast(Duration::ZERO);
    ValidityPeriod::inside(chain, now, Duration::from_secs(lifetime), any)
}

#[test]
fn pki_6_every_validity_is_inside_its_chain_and_exact_or_clamped() {
    let mut windows = 0;
    let mut refusals = 0;
    for begin in BEGINS {
        for end in ENDS {
            let chain = chain(begin, end);
            for now in NOWS {
                for nanoseconds in [0, 1, 999_999_999] {
                    let now = at(now) + SignedDuration::new(0, nanoseconds);
                    for lifetime in LIFETIMES {
                        match inside(&chain, now, lifetime) {
                            Ok(window) => {
                                holds(&window, &chain, now, lifetime);
                                windows += 1;
                            }
                            Err(error) => {
                                refused_rightly(&error, &chain, now);
                                refusals += 1;
                            }
                        }
                    }
                }
            }
        }
    }
    assert_eq!(windows + refusals, 8 * 9 * 13 * 3 * 16);
    assert!(
        windows > 10_000 && refusals > 10_000,
        "{windows} windows, {refusals} refusals"
    );
}

fn holds(window: &ValidityPeriod, chain: &CaChain, now: Timestamp, lifetime: u64) {
    let (begin, end) = (window.not_before, window.not_after);
    let what = format!("{window:?} at {now} for {lifetime} s");
    assert!(begin < end && begin <= now && now < end, "{what}");
    assert!(
        chain.not_before() <= begin && end <= chain.not_after(),
        "{what}"
    );
    assert!(window.is_inside(chain), "{what}");
    assert_eq!(
        (begin.subsec_nanosecond(), end.subsec_nanosecond()),
        (0, 0),
        "{what}"
    );
    let exact = u64::try_from((end - begin).get_seconds()).unwrap();
    if window.is_clamped {
        assert!(end == chain.not_after() && exact < lifetime, "{what}");
    } else {
        assert_eq!(exact, lifetime, "{what}");
    }
    let back = now.as_second() - begin.as_second();
    assert!(
        back <= 60 && u64::try_from(back * 10).unwrap() <= lifetime,
        "{what}"
    );
    // Less is taken only where the chain begins.
    let full = i64::try_from((lifetime / 10).min(60)).unwrap();
    assert!(back == full || begin == chain.not_before(), "{what}");
}

fn refused_rightly(error: &IssueError, chain: &CaChain, now: Timestamp) {
    match error {
        IssueError::Expired(end) => assert!(*end == chain.not_after() && now >= *end),
        IssueError::NotYetValid(begin) => {
            assert!(*begin == chain.not_before() && now < *begin);
        }
        error => panic!("{error}"),
    }
}

#[test]
fn a_self_signed_root_has_the_exact_lifetime_at_any_time() {
    for lifetime in &LIFETIMES[..15] {
        for now in NOWS {
            let window = ValidityPeriod::backdated(at(now), Duration::from_secs(*lifetime));
            let exact = (window.not_after - window.not_before).get_seconds();
            assert_eq!(u64::try_from(exact).unwrap(), *lifetime);
            assert!(window.not_before <= at(now) && at(now) < window.not_after);
        }
    }
    // A clock that is before all dates does not panic.
    let first = ValidityPeriod::backdated(Timestamp::MIN, Duration::from_secs(3_600));
    assert!(first.not_before < NOW);
}
