//! For how long a login is valid, and when to renew it.

use std::time::{Duration, Instant};

/// Counts as the longest lease, whatever a server says: times are added to it.
const MAX_LEASE: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

/// The shortest time between two attempts to renew.
const MIN_WAIT: Duration = Duration::from_secs(1);

/// A lease, which is due for renewal when two thirds of it have passed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lease {
    length: Duration,
    due: Instant,
    expires: Instant,
}

impl Lease {
    /// A lease of this length, from now on.
    pub(crate) fn new(length: Duration, now: Instant) -> Self {
        let length = length.min(MAX_LEASE);
        Self {
            length,
            due: now + length * 2 / 3,
            expires: now + length,
        }
    }

    /// A lease of this many seconds; 0 is none.
    pub(crate) fn of_seconds(seconds: u64, now: Instant) -> Option<Self> {
        (seconds > 0).then(|| Self::new(Duration::from_secs(seconds), now))
    }

    /// Whether it is time to renew it.
    pub(crate) fn is_due(&self, now: Instant) -> bool {
        now >= self.due
    }

    /// Whether it has expired.
    pub(crate) fn has_expired(&self, now: Instant) -> bool {
        now >= self.expires
    }

    /// The same lease, to be renewed a little later.
    pub(crate) fn postponed(self, now: Instant) -> Self {
        let left = self.expires.saturating_duration_since(now);
        Self {
            due: now + MIN_WAIT.max(left / 4),
            ..self
        }
    }

    /// The same lease, to be used until it expires.
    pub(crate) fn until_expiry(self) -> Self {
        Self {
            due: self.expires,
            ..self
        }
    }

    /// Whether a renewal gave less than half of what there was: the login is near the end of its
    /// life, and is not renewed again.
    pub(crate) fn has_shrunk_from(&self, before: &Self) -> bool {
        self.length < before.length / 2
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lease(seconds: u64, now: Instant) -> Lease {
        Lease::of_seconds(seconds, now).unwrap()
    }

    #[test]
    fn is_due_after_two_thirds() {
        let now = Instant::now();
        let at = |seconds| now + Duration::from_secs(seconds);
        let lease = lease(90, now);
        let seen = [0, 59, 60, 89, 90].map(|s| (lease.is_due(at(s)), lease.has_expired(at(s))));
        let (fresh, due, expired) = ((false, false), (true, false), (true, true));
        assert_eq!(seen, [fresh, fresh, due, due, expired]);
        let later = lease.postponed(at(60));
        assert!(!later.is_due(at(67)) && later.is_due(at(68)) && later.has_expired(at(90)));
        let to_the_end = lease.until_expiry();
        assert!(!to_the_end.is_due(at(89)) && to_the_end.is_due(at(90)));
    }

    /// A lease cannot be renewed beyond a token's greatest age: each renewal gives less.
    #[test]
    fn shrinks_near_the_end_of_a_login() {
        let now = Instant::now();
        let before = lease(90, now);
        let shrunk = [90, 45, 44].map(|seconds| lease(seconds, now).has_shrunk_from(&before));
        assert_eq!(shrunk, [false, false, true]);
    }

    #[test]
    fn takes_any_length() {
        let now = Instant::now();
        assert!(!lease(u64::MAX, now).is_due(now));
        assert!(lease(1, now).is_due(now + Duration::from_secs(1)));
        assert!(Lease::of_seconds(0, now).is_none());
    }
}
