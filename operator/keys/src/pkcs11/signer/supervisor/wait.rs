//! How long what keeps failing waits until it is tried again. Pure.

use std::time::{Duration, Instant};

/// After so long without a failure, there is no wait, as after the first one.
pub(super) const STEADY: Duration = Duration::from_secs(60);
const MAX_WAIT: Duration = Duration::from_secs(60);

/// The failures that came soon after each other.
#[derive(Debug, Default)]
pub(super) struct Wait {
    failures: u32,
    next: Option<Instant>,
}

impl Wait {
    /// It failed now, in what began at `failed`, and was tried since `since`.
    pub(super) fn failed(&mut self, since: Instant, failed: Instant, now: Instant) {
        if failed.saturating_duration_since(since) >= STEADY {
            self.failures = 0;
        }
        self.failures = self.failures.saturating_add(1);
        // None after the first failure, then 1 s, 2 s, 4 s.
        let wait = match self.failures {
            1 => Duration::ZERO,
            failures => Duration::from_secs(1 << (failures - 2).min(6)).min(MAX_WAIT),
        };
        self.next = Some(now + wait);
    }

    /// The next wait is 1 s at most.
    pub(super) fn shorten(&mut self) {
        self.failures = self.failures.min(1);
    }

    /// From when on it may be tried again; none if it did not fail.
    pub(super) fn next(&self) -> Option<Instant> {
        self.next
    }

    /// Whether it may be tried.
    pub(super) fn is_over(&self, now: Instant) -> bool {
        self.next.is_none_or(|next| now >= next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_keeps_failing_is_tried_less_and_less_often() {
        let mut wait = Wait::default();
        let mut now = Instant::now();
        assert!(wait.is_over(now));
        for expected in [0, 1, 2, 4, 8, 16, 32, 60, 60] {
            let (since, expected) = (now, Duration::from_secs(expected));
            now += Duration::from_secs(1);
            wait.failed(since, now, now);
            assert!(wait.is_over(now + expected));
            if let Some(before) = expected.checked_sub(Duration::from_millis(1)) {
                assert!(!wait.is_over(now + before));
            }
            now += expected;
        }
        let since = now;
        now += STEADY;
        wait.failed(since, now, now);
        assert!(wait.is_over(now));
    }

    /// It was not steady while a call hung.
    #[test]
    fn time_in_a_call_that_hangs_does_not_count() {
        let mut wait = Wait::default();
        let since = Instant::now();
        for _ in 0..2 {
            wait.failed(since, since, since + 2 * STEADY);
        }
        assert!(!wait.is_over(since + 2 * STEADY));
    }
}
