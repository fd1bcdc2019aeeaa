//! The deadline of a reconcile, which does not run while the reconcile waits for its turn.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::{Instant, sleep_until};

use crate::health::Health;

/// The deadline has passed.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("deadline has elapsed")]
pub struct Elapsed;

tokio::task_local! {
    static CLOCK: Arc<Mutex<Clock>>;
}

/// The time that a reconcile has used.
#[derive(Debug)]
struct Clock {
    /// Before the last wait.
    used: Duration,
    /// Since then; none while it waits.
    since: Option<Instant>,
}

impl Clock {
    fn used(&self, now: Instant) -> Duration {
        let since = self.since.map_or(Duration::ZERO, |since| now - since);
        self.used + since
    }
}

/// Runs a reconcile for at most so long, without the time in [`queued`]. Only outside of that it is
/// in flight, so that a long queue is not taken for a reconcile that hangs.
///
/// # Errors
/// It was not done in time.
pub async fn within<T>(
    limit: Duration,
    health: &Health,
    reconcile: impl Future<Output = T>,
) -> Result<T, Elapsed> {
    let clock = Arc::new(Mutex::new(Clock {
        used: Duration::ZERO,
        since: Some(Instant::now()),
    }));
    let reconcile = CLOCK.scope(clock.clone(), reconcile);
    let mut reconcile = std::pin::pin!(reconcile);
    let mut in_flight = Some(health.begin());
    loop {
        let now = Instant::now();
        let (left, waits) = {
            let clock = clock.lock();
            (limit.saturating_sub(clock.used(now)), clock.since.is_none())
        };
        if waits {
            in_flight = None;
        } else if in_flight.is_none() {
            in_flight = Some(health.begin());
        }
        if left.is_zero() {
            return Err(Elapsed);
        }
        tokio::select! {
            done = &mut reconcile => return Ok(done),
            // While it waits, it is looked at again after the same time.
            () = sleep_until(now + left.min(LOOK)) => {}
        }
    }
}

/// How often it is looked at whether a reconcile waits.
const LOOK: Duration = Duration::from_secs(5);

/// Waits for a turn, in a queue whose length is not the fault of the reconcile that waits.
pub async fn queued<T>(turn: impl Future<Output = T>) -> T {
    let Ok(clock) = CLOCK.try_with(Arc::clone) else {
        return turn.await;
    };
    let nested = {
        let mut clock = clock.lock();
        let now = Instant::now();
        clock.used = clock.used(now);
        clock.since.take().is_none()
    };
    // Dropped when the turn comes, and when the wait is given up.
    let _resume = (!nested).then_some(Resume(clock));
    turn.await
}

/// Lets the clock run again.
struct Resume(Arc<Mutex<Clock>>);

impl Drop for Resume {
    fn drop(&mut self) {
        self.0.lock().since = Some(Instant::now());
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::sleep;

    use super::*;

    const LIMIT: Duration = Duration::from_secs(60);

    #[tokio::test(start_paused = true)]
    async fn work_counts_and_waiting_for_a_turn_does_not() {
        let health = Health::default();
        let done = within(LIMIT, &health, async {
            sleep(LIMIT / 2).await;
            queued(sleep(LIMIT * 100)).await;
            sleep(LIMIT / 3).await;
        });
        done.await.unwrap();
        let late = within(LIMIT, &health, async {
            sleep(LIMIT / 2).await;
            queued(sleep(LIMIT)).await;
            sleep(LIMIT).await;
        });
        late.await.unwrap_err();
        within(LIMIT, &health, sleep(LIMIT * 2)).await.unwrap_err();
    }

    /// The probe takes a reconcile that is in flight for minutes for one that hangs.
    #[tokio::test(start_paused = true)]
    async fn a_reconcile_in_a_queue_is_not_in_flight() {
        let health = Health::default();
        let waits = within(LIMIT, &health, async {
            queued(async {
                sleep(LIMIT * 100).await;
                assert_eq!(health.in_flight(), 0);
                health.beat();
                assert_eq!(health.live(), Ok(()));
            })
            .await;
            sleep(LIMIT / 2).await;
            assert_eq!(health.in_flight(), 1);
        });
        waits.await.unwrap();
        assert_eq!(health.in_flight(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_deadline_a_turn_is_waited_for() {
        assert_eq!(queued(async { 1 }).await, 1);
    }
}
