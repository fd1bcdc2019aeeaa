//! A limit on signatures per second.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::{Instant, sleep_until};

/// A limit on the rate, by the generic cell rate algorithm (GCRA): evenly spread, with a burst of
/// what was not used in the last tenth of a second. None until one is set.
#[derive(Debug, Default)]
pub(super) struct RateLimiter {
    /// Zero for no limit.
    per_second: AtomicU32,
    /// GCRA's theoretical arrival time: when the next one is due if all are evenly spread.
    due: Mutex<Option<Instant>>,
}

impl RateLimiter {
    /// Allows this many per second from now on, and at least one; none for no limit.
    pub(super) fn allow(&self, per_second: Option<u32>) {
        let rate = per_second.map_or(0, |rate| rate.max(1));
        self.per_second.store(rate, Ordering::Relaxed);
    }

    /// Waits until one more is allowed, in the order of the calls. Dropping the future delays no
    /// other call.
    pub(super) async fn wait(&self) {
        let rate = || self.per_second.load(Ordering::Relaxed);
        if rate() == 0 {
            return;
        }
        // The lock is also the queue: it is held while waiting, and serves in order.
        let mut due = self.due.lock().await;
        let rate = rate();
        let Some(step) = Duration::from_secs(1).checked_div(rate) else {
            return;
        };
        let burst = step * (rate / 10).saturating_sub(1);
        let now = Instant::now();
        let own = due.map_or(now, |due| due.max(now));
        let start = own.checked_sub(burst).unwrap_or(own);
        if start > now {
            sleep_until(start).await;
        }
        // Timers are late by up to a millisecond, which must not add up.
        *due = Some(own + step);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use futures::FutureExt;
    use futures::future::join_all;

    use super::*;

    fn limited(per_second: Option<u32>) -> RateLimiter {
        let limiter = RateLimiter::default();
        limiter.allow(per_second);
        limiter
    }

    async fn time_of(limiter: &RateLimiter, times: u32) -> Duration {
        let start = Instant::now();
        for _ in 0..times {
            limiter.wait().await;
        }
        start.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn the_rate_holds_after_a_small_burst() {
        for rate in [1, 3, 10, 100, 500] {
            let limiter = limited(Some(rate));
            let burst = (rate / 10).max(1);
            assert_eq!(time_of(&limiter, burst).await, Duration::ZERO, "{rate}");
            let took = time_of(&limiter, 10 * rate).await;
            // Timers of tokio go by milliseconds.
            let off = took.abs_diff(Duration::from_secs(10));
            assert!(off <= Duration::from_millis(2), "{rate}: {took:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn does_not_wait_without_a_limit_and_takes_zero_as_one() {
        assert_eq!(time_of(&limited(None), 10_000).await, Duration::ZERO);
        assert!(time_of(&limited(Some(0)), 3).await >= Duration::from_secs(2));
    }

    #[tokio::test(start_paused = true)]
    async fn allows_a_burst_of_a_tenth_of_a_second_after_idleness() {
        let limiter = limited(Some(100));
        limiter.wait().await;
        tokio::time::advance(Duration::from_secs(3600)).await;
        assert_eq!(time_of(&limiter, 10).await, Duration::ZERO);
        assert!(time_of(&limiter, 1).await >= Duration::from_millis(10));
    }

    #[tokio::test(start_paused = true)]
    async fn serves_waiters_in_order_and_skips_those_that_leave() {
        let limiter = Arc::new(limited(Some(1)));
        limiter.wait().await;
        let start = Instant::now();
        let mut waits: Vec<_> = (0..10)
            .map(|number| {
                let limiter = limiter.clone();
                async move {
                    limiter.wait().await;
                    (number, start.elapsed().as_secs())
                }
                .boxed()
            })
            .collect();
        for wait in &mut waits {
            assert!(wait.now_or_never().is_none());
        }
        // The one that sleeps and nearly all that queue behind it.
        waits.drain(..8);
        assert_eq!(join_all(waits).await, [(8, 1), (9, 2)]);
    }

    #[tokio::test(start_paused = true)]
    async fn another_rate_applies_to_the_next_wait() {
        let limiter = limited(Some(1));
        limiter.wait().await;
        limiter.allow(Some(1000));
        assert!(time_of(&limiter, 1000).await <= Duration::from_secs(2));
        limiter.allow(None);
        assert_eq!(time_of(&limiter, 1000).await, Duration::ZERO);
    }
}
