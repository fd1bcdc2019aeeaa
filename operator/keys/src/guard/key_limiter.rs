//! The limits of a key, shared by all issuers over it.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Weak};

use super::{FairSemaphore, Limits, Permit, RateLimiter};
use crate::lock::lock;

/// The longest that a permit waits for the rate limit, in seconds. The queue for a permit is fair
/// between tenants; the queue at the rate limit has the order of the permits.
const MAX_RATE_WAIT_SECONDS: u32 = 10;

/// One issuer's limits on a key. All limiters of one scope for the same key share them.
#[derive(Debug)]
pub struct KeyLimiter {
    key: Arc<Key>,
    limits: Limits,
}

/// A key for which there are limiters.
#[derive(Debug)]
struct Key {
    permits: FairSemaphore,
    rate: RateLimiter,
    /// How many have a permit and wait for the rate limit.
    waiting_for_rate: AtomicUsize,
    /// The limits of each limiter in use.
    live: Mutex<Vec<Limits>>,
}

impl KeyLimiter {
    /// Waits for a permit for this tenant.
    pub async fn permit(&self, tenant: &str) -> Permit {
        self.key.permits.acquire(tenant).await
    }

    /// Waits until the rate limit allows one more signature.
    pub async fn wait_for_rate(&self) {
        let _counted = Counted::new(&self.key.waiting_for_rate);
        self.key.rate.wait().await;
    }

    /// How many wait for the key, for a permit or for the rate limit, through any limiter.
    pub fn waiting(&self) -> usize {
        self.key.permits.waiting() + self.key.waiting_for_rate.load(Ordering::Relaxed)
    }
}

impl Key {
    fn new(limits: Limits) -> Self {
        Self {
            permits: FairSemaphore::new(within(limits.max_in_flight, limits.per_second)),
            rate: RateLimiter::new(limits.per_second),
            waiting_for_rate: AtomicUsize::new(0),
            live: Mutex::default(),
        }
    }

    /// Changes which limits there are, and applies the strictest of each kind from now on.
    fn with_limits(&self, change: impl FnOnce(&mut Vec<Limits>)) {
        let mut live = lock(&self.live);
        change(&mut live);
        if let Some(max_in_flight) = live.iter().map(|limits| limits.max_in_flight).min() {
            let per_second = live.iter().filter_map(|limits| limits.per_second).min();
            self.permits.allow(within(max_in_flight, per_second));
            self.rate.allow(per_second);
        }
    }
}

/// Counts one until it is dropped.
struct Counted<'a>(&'a AtomicUsize);

impl<'a> Counted<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The maximum in flight, lowered to what the rate limit allows in [`MAX_RATE_WAIT_SECONDS`].
fn within(max_in_flight: u16, per_second: Option<u32>) -> u16 {
    let by_rate = per_second.map(|rate| rate.max(1).saturating_mul(MAX_RATE_WAIT_SECONDS));
    by_rate
        .and_then(|max| u16::try_from(max).ok())
        .map_or(max_in_flight, |max| max_in_flight.min(max))
}

impl Drop for KeyLimiter {
    fn drop(&mut self) {
        let own = self.limits;
        self.key.with_limits(|live| {
            if let Some(index) = live.iter().position(|limits| *limits == own) {
                live.swap_remove(index);
            }
        });
    }
}

/// The limiters of all keys.
#[derive(Debug, Default)]
pub struct KeyLimiters(Mutex<HashMap<(String, String), Weak<Key>>>);

impl KeyLimiters {
    /// A limiter of the key of this fingerprint. The same key in the same scope shares its limits
    /// among all its limiters, so that a second issuer over a key does not double them; scopes
    /// share nothing, so that no tenant can exhaust another's. Where the limits differ, the
    /// strictest of those in use apply; a limiter is in use until it is dropped.
    pub fn limiter(&self, scope: &str, fingerprint: &str, limits: Limits) -> Arc<KeyLimiter> {
        let key = {
            let mut keys = lock(&self.0);
            keys.retain(|_, key| key.strong_count() > 0);
            let entry = keys
                .entry((scope.to_owned(), fingerprint.to_owned()))
                .or_default();
            entry.upgrade().unwrap_or_else(|| {
                let key = Arc::new(Key::new(limits));
                *entry = Arc::downgrade(&key);
                key
            })
        };
        key.with_limits(|live| live.push(limits));
        Arc::new(KeyLimiter { key, limits })
    }
}
