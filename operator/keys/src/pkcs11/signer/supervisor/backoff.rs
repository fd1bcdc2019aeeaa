//! When the process of a module may be started again. Pure.

use std::time::{Duration, Instant};

/// After a process that ran this long, the next one starts immediately, as the first one did.
const STEADY: Duration = Duration::from_secs(60);
const MAX_WAIT: Duration = Duration::from_secs(60);

/// The ends of a module's processes that came soon after their starts.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    ends: u32,
    next: Option<Instant>,
}

impl Backoff {
    /// A process that was started at this time has ended now.
    pub(super) fn ended(&mut self, started: Instant, now: Instant) {
        if now.duration_since(started) >= STEADY {
            self.ends = 0;
        }
        self.ends = self.ends.saturating_add(1);
        // None after the first end, then 1 s, 2 s, 4 s.
        let wait = match self.ends {
            1 => Duration::ZERO,
            ends => Duration::from_secs(1 << (ends - 2).min(6)).min(MAX_WAIT),
        };
        self.next = Some(now + wait);
    }

    /// Whether a process may be started.
    pub(super) fn may_start(&self, now: Instant) -> bool {
        self.next.is_none_or(|next| now >= next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_keeps_ending_is_started_less_and_less_often() {
        let mut backoff = Backoff::default();
        let mut now = Instant::now();
        assert!(backoff.may_start(now));
        for wait in [0, 1, 2, 4, 8, 16, 32, 60, 60] {
            let (started, wait) = (now, Duration::from_secs(wait));
            now += Duration::from_secs(1);
            backoff.ended(started, now);
            assert!(backoff.may_start(now + wait));
            if let Some(before) = wait.checked_sub(Duration::from_millis(1)) {
                assert!(!backoff.may_start(now + before));
            }
            now += wait;
        }
        let started = now;
        now += STEADY;
        backoff.ended(started, now);
        assert!(backoff.may_start(now));
    }
}
