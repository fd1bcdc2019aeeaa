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
    is_renewable: bool,
}

impl Lease {
    /// A lease of this many seconds from now on; 0 is one that does not expire.
    pub(crate) fn new(seconds: u64, is_renewable: bool, now: Instant) -> Self {
        let length = match seconds {
            0 => MAX_LEASE,
            _ => Duration::from_secs(seconds).min(MAX_LEASE),
        };
        Self {
            length,
            due: now + length * 2 / 3,
            expires: now + length,
            is_renewable,
        }
    }

    pub(crate) fn is_due(&self, now: Instant) -> bool {
        now >= self.due
    }

    pub(crate) fn has_expired(&self, now: Instant) -> bool {
        now >= self.expires
    }

    /// Whether the server extends it. If not, another login is needed.
    pub(crate) fn is_renewable(&self) -> bool {
        self.is_renewable
    }

    /// The lease that a renewal gave. If it has less than half of the length of this one, the login
    /// is near the end of its life, and is not renewed again.
    pub(crate) fn renewed(&self, seconds: u64, is_renewable: bool, now: Instant) -> Self {
        let mut lease = Self::new(seconds, is_renewable, now);
        lease.is_renewable &= lease.length >= self.length / 2;
        lease
    }

    /// The same lease, to be renewed a little later.
    pub(crate) fn postponed(self, now: Instant) -> Self {
        let left = self.expires.saturating_duration_since(now);
        let due = now + MIN_WAIT.max(left / 4);
        Self { due, ..self }
    }

    /// The same lease, to be used until it expires.
    pub(crate) fn until_expiry(self) -> Self {
        Self {
            due: self.expires,
            is_renewable: false,
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lease(seconds: u64, now: Instant) -> Lease {
        Lease::new(seconds, true, now)
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
        assert!(!to_the_end.is_renewable());
    }

    /// A lease cannot be renewed beyond a token's greatest age: each renewal gives less.
    #[test]
    fn shrinks_near_the_end_of_a_login() {
        let now = Instant::now();
        let renewed = |seconds| lease(90, now).renewed(seconds, true, now);
        let renewable = [90, 45, 44].map(|seconds| renewed(seconds).is_renewable());
        assert_eq!(renewable, [true, true, false]);
        assert!(!lease(90, now).renewed(90, false, now).is_renewable());
    }

    #[test]
    fn takes_any_length() {
        let now = Instant::now();
        assert!(!lease(u64::MAX, now).is_due(now));
        assert!(lease(1, now).is_due(now + Duration::from_secs(1)));
        let years = Duration::from_secs(5 * 365 * 24 * 3600);
        assert!(!lease(0, now).is_due(now + years), "it does not expire");
    }
}
