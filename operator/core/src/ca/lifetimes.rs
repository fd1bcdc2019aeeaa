//! How long the certificates under a CA certificate may live, as recorded before they are signed.
//!
//! A record is a step, so that a handful of writes cover every certificate of a generation.

use std::time::Duration;

const HOUR: u64 = 3600;
const DAY: u64 = 24 * HOUR;

/// The steps of a record, in seconds; above the last, the CA's whole lifetime.
const STEPS: [u64; 6] = [HOUR, DAY, 7 * DAY, 30 * DAY, 92 * DAY, 398 * DAY];
/// The bounds of the allowance for clock skew.
const MIN_ALLOWANCE: Duration = Duration::from_secs(5);
const MAX_ALLOWANCE: Duration = Duration::from_secs(HOUR);

/// The longest lifetimes granted under a CA certificate. They only grow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lifetimes {
    /// Of a leaf; none if there never was one.
    pub leaf: Option<Duration>,
    /// Of a CA certificate; none if there never was one.
    pub ca: Option<Duration>,
}

impl Lifetimes {
    /// Returns the longer of both.
    pub fn longest(&self) -> Option<Duration> {
        self.leaf.max(self.ca)
    }
}

/// Returns what to record before a certificate of this lifetime is signed: the lowest step that
/// covers it, but no more than the profile's maximum and the lifetime of the CA certificate.
pub fn step_for(lifetime: Duration, profile_max: Option<Duration>, ca: Duration) -> Duration {
    let seconds = lifetime.as_secs() + u64::from(lifetime.subsec_nanos() > 0);
    let step = STEPS.into_iter().find(|step| *step >= seconds);
    let step = step.map_or(ca, Duration::from_secs);
    step.min(profile_max.unwrap_or(Duration::MAX)).min(ca)
}

/// Returns how much longer than its lifetime a certificate counts as valid, for clocks that run
/// behind: a tenth of the lifetime, at least 5 s and at most an hour.
pub fn allowance(lifetime: Duration) -> Duration {
    (lifetime / 10).clamp(MIN_ALLOWANCE, MAX_ALLOWANCE)
}

#[cfg(test)]
mod tests {
    use super::*;

    const YEAR: Duration = Duration::from_secs(365 * DAY);

    const fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn records_the_lowest_step_that_covers_a_lifetime() {
        for (lifetime, step) in [
            (1, HOUR),
            (HOUR, HOUR),
            (HOUR + 1, DAY),
            (31 * DAY, 92 * DAY),
            (399 * DAY, 3650 * DAY),
        ] {
            let recorded = step_for(seconds(lifetime), None, YEAR * 10);
            assert_eq!(recorded, seconds(step), "{lifetime}");
        }
        assert_eq!(
            step_for(Duration::from_millis(3_600_001), None, YEAR),
            seconds(DAY)
        );
    }

    #[test]
    fn records_no_more_than_the_profile_and_the_ca_allow() {
        assert_eq!(
            step_for(seconds(90), Some(seconds(120)), YEAR),
            seconds(120)
        );
        assert_eq!(step_for(seconds(90), None, seconds(600)), seconds(600));
    }

    #[test]
    fn allows_a_tenth_for_clock_skew_within_bounds() {
        assert_eq!(allowance(seconds(10)), MIN_ALLOWANCE);
        assert_eq!(allowance(seconds(600)), seconds(60));
        assert_eq!(allowance(YEAR), MAX_ALLOWANCE);
    }
}
