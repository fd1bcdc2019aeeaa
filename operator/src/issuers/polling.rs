//! How soon an issuer is observed again when nothing wakes it. Pure.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use jiff::Timestamp;

use super::facts::Facts;
use super::outcome::Outcome;

/// The longest wait for an object that does not exist: GitOps tools apply in any order, and give up
/// after a while.
pub(super) const MAX_OBJECT_BACKOFF: Duration = Duration::from_secs(5);

/// The most issuers of one namespace that are polled in a second. A tenant with a thousand issuers
/// that wait must not take what the API server allows the operator.
const POLLS_PER_SECOND: u32 = 20;

/// Returns the shortest time between two polls of each of this many issuers in a namespace, up to the
/// time between two resyncs.
pub(super) fn min_interval(issuers: usize, resync: Duration) -> Duration {
    let issuers = u32::try_from(issuers).unwrap_or(u32::MAX);
    (Duration::from_secs(1) / POLLS_PER_SECOND)
        .saturating_mul(issuers)
        .min(resync)
}

/// Returns how long it is until the next resync of an issuer: up to a fifth less than the interval, and
/// not the same each time, so that issuers which were observed together do not stay so.
pub(super) fn resync_after(interval: Duration, uid: &str, now: Timestamp) -> Duration {
    let mut hasher = DefaultHasher::new();
    (uid, now.as_nanosecond()).hash(&mut hasher);
    let share = u32::try_from(hasher.finish() % 1000).unwrap_or_default();
    interval - interval / 5 * share / 1000
}

/// What an issuer waits for without being woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Polling {
    /// Nothing: the resync notices a changed Secret.
    Resync,
    /// A change that a user or another controller makes.
    Change,
    /// An object that the spec names, and that does not exist.
    Object,
    /// An unavailable key. Its connection bounds how often the backend is called.
    Key,
}

/// Returns what an issuer waits for. `is_held` is whether its bundle cannot be written.
pub(super) fn polling(outcome: &Outcome, facts: &Facts, is_held: bool) -> Polling {
    match outcome {
        _ if facts.waits_for_object() => Polling::Object,
        Ok(_) if facts.waits_for_more() || is_held => Polling::Change,
        Ok(_) => Polling::Resync,
        Err(not_ready) if not_ready.retry_at.is_some_and(|at| at > facts.now) => Polling::Resync,
        Err(not_ready) if not_ready.is_missing => Polling::Object,
        Err(not_ready) if not_ready.is_key_unavailable() => Polling::Key,
        Err(_) => Polling::Change,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A thousand issuers that became ready at once are spread over a fifth of the interval.
    #[test]
    fn issuers_are_resynced_at_different_times() {
        let interval = Duration::from_secs(60);
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let mut seconds = [0; 61];
        for issuer in 0..1000 {
            let wait = resync_after(interval, &issuer.to_string(), now);
            assert!(wait <= interval && wait >= interval * 4 / 5, "{wait:?}");
            seconds[usize::try_from(wait.as_secs()).unwrap()] += 1;
        }
        assert!(
            seconds[48..60].iter().all(|count| *count > 40),
            "{seconds:?}"
        );
        let again = resync_after(interval, "1", now + jiff::SignedDuration::from_secs(60));
        assert_ne!(again, resync_after(interval, "1", now));
    }

    #[test]
    fn a_tenant_with_a_thousand_waiting_issuers_has_few_of_them_polled_in_a_second() {
        let resync = Duration::from_secs(60);
        for (issuers, seconds) in [(1, 0.05), (100, 5.0), (1000, 50.0), (100_000, 60.0)] {
            let interval = min_interval(issuers, resync);
            assert_eq!(interval, Duration::from_secs_f64(seconds), "{issuers}");
        }
        assert!(min_interval(100, resync) <= MAX_OBJECT_BACKOFF, "GitOps");
    }
}
