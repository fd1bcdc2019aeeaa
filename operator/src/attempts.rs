//! How often an object was tried without success, and the reason that was reported last.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use signet_core::reason::Reason;

use parking_lot::Mutex;

/// The first backoff, doubled with each failure.
const MIN_BACKOFF: Duration = Duration::from_secs(1);
/// The longest backoff of a request. The key's own limits and breaker protect its backend; a
/// request that was throttled eight times while others were signed must not wait for minutes.
const MAX_REQUEST_BACKOFF: Duration = Duration::from_secs(30);
/// The longest backoff of other objects.
const MAX_BACKOFF: Duration = Duration::from_secs(300);
/// How often the entries of objects that are gone are swept out.
const SWEEP: Duration = Duration::from_secs(60);
/// An entry that was not touched for this long belongs to an object that is gone.
const STALE: Duration = Duration::from_secs(3600);

/// The back-off of each object, by UID.
#[derive(Debug, Default)]
pub struct Attempts(Mutex<Entries>);

#[derive(Debug, Default)]
struct Entries {
    by_uid: HashMap<String, Attempt>,
    swept: Option<Instant>,
}

#[derive(Debug)]
struct Attempt {
    failures: u32,
    reported: Option<Reason>,
    touched: Instant,
}

impl Attempts {
    /// Counts a failure of a request and returns how long to wait: 1 s, doubling up to 30 s.
    pub fn failed(&self, uid: &str) -> Duration {
        self.failed_up_to(uid, MAX_REQUEST_BACKOFF)
    }

    /// Counts a failure and returns how long to wait: 1 s, doubling up to this, and up to 5 min.
    pub fn failed_up_to(&self, uid: &str, max: Duration) -> Duration {
        self.with(uid, |attempt| {
            let wait = MIN_BACKOFF.saturating_mul(1 << attempt.failures.min(16));
            attempt.failures = attempt.failures.saturating_add(1);
            wait.min(MAX_BACKOFF).min(max)
        })
    }

    /// Returns the reason that was last reported about the object.
    pub fn reported(&self, uid: &str) -> Option<Reason> {
        self.0.lock().by_uid.get(uid)?.reported
    }

    pub fn report(&self, uid: &str, reason: Reason) {
        self.with(uid, |attempt| attempt.reported = Some(reason));
    }

    /// Starts the backoff over. What was reported about the object stays known.
    pub fn reset(&self, uid: &str) {
        if let Some(attempt) = self.0.lock().by_uid.get_mut(uid) {
            attempt.failures = 0;
        }
    }

    pub fn done(&self, uid: &str) {
        self.0.lock().by_uid.remove(uid);
    }

    fn with<T>(&self, uid: &str, act: impl FnOnce(&mut Attempt) -> T) -> T {
        let mut entries = self.0.lock();
        let now = Instant::now();
        let is_due = |swept| now.duration_since(swept) >= SWEEP;
        if entries.swept.is_none_or(is_due) {
            let is_live = |attempt: &Attempt| attempt.touched.elapsed() < STALE;
            entries.by_uid.retain(|_, attempt| is_live(attempt));
            entries.swept = Some(now);
        }
        let attempt = entries.by_uid.entry(uid.to_owned()).or_insert(Attempt {
            failures: 0,
            reported: None,
            touched: now,
        });
        attempt.touched = now;
        act(attempt)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backoff_doubles_up_to_the_maximum_and_starts_over_when_done() {
        let attempts = Attempts::default();
        let hour = Duration::from_secs(3600);
        let waits: Vec<_> = (0..11)
            .map(|_| attempts.failed_up_to("a", hour).as_secs())
            .collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
        assert_eq!(attempts.failed("b").as_secs(), 1);
        attempts.done("a");
        assert_eq!(attempts.failed("a").as_secs(), 1);
    }

    /// Throttled again and again while others were signed, it was in minutes of backoff when the
    /// throttling had ended.
    #[test]
    fn no_request_waits_for_minutes() {
        let attempts = Attempts::default();
        for _ in 0..100 {
            assert!(attempts.failed("a") <= Duration::from_secs(30));
        }
    }

    #[test]
    fn a_reason_that_was_reported_survives_a_reset_of_the_backoff() {
        let attempts = Attempts::default();
        assert_eq!(attempts.reported("a"), None);
        attempts.failed("a");
        assert_eq!(attempts.reported("a"), None, "the write may have failed");
        attempts.report("a", Reason::IssuerNotFound);
        attempts.reset("a");
        assert_eq!(attempts.reported("a"), Some(Reason::IssuerNotFound));
        assert_eq!(attempts.failed("a").as_secs(), 1);
        attempts.done("a");
        assert_eq!(attempts.reported("a"), None);
    }
}
