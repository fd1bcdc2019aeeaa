//! When a parent is asked again. Pure.

use std::time::Duration;

use jiff::Timestamp;

use crate::issuers::polling::MAX_OBJECT_BACKOFF;
use crate::issuers::reason::NotReady;

/// The longest wait after a call that failed at the parent.
pub(super) const MAX_REPEAT: Duration = Duration::from_secs(60);

/// Returns the wait after this many attempts, doubled with each.
pub(super) fn backoff(attempts: u32, min: Duration, max: Duration) -> Duration {
    let doubled = attempts.saturating_sub(1).min(16);
    min.saturating_mul(1 << doubled).min(max)
}

pub(super) fn later(at: Timestamp, wait: Duration) -> Timestamp {
    at.checked_add(wait).unwrap_or(Timestamp::MAX)
}

/// Returns the longest wait after a call that failed. One that failed for want of an object of the
/// cluster did not reach the parent, and the object may be applied at any time.
pub(super) fn max_repeat(failed: &NotReady) -> Duration {
    match failed.is_missing {
        true => MAX_OBJECT_BACKOFF,
        false => MAX_REPEAT,
    }
}
