//! The limits of a key, shared by all issuers over it.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use tokio::time::Instant;

use super::{FairSemaphore, Limits, Permit, RateLimiter, TenantRates};

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
    tenants: Mutex<TenantRates>,
    /// Shared with each that has a permit and waits for the rate limit, to count them.
    waiting_for_rate: Arc<()>,
    /// The limits of each limiter in use.
    live: Mutex<Vec<Limits>>,
}

impl KeyLimiter {
    /// How many permits this limiter allows.
    pub fn max_in_flight(&self) -> u16 {
        within(self.limits.max_in_flight, self.limits.per_second)
    }

    /// Counts one signature of a tenant.
    ///
    /// # Errors
    /// The tenant has used up what it may use; returns when it may use one more.
    pub fn count_signature(&self, tenant: &str) -> Result<(), Instant> {
        self.key.tenants.lock().take(tenant, Instant::now())
    }

    /// Takes back what [`Self::count_signature`] counted.
    pub fn give_back(&self, tenant: &str) {
        self.key.tenants.lock().give_back(tenant);
    }

    /// Waits for a permit for this tenant.
    pub async fn permit(&self, tenant: &str) -> Permit {
        self.key.permits.acquire(tenant).await
    }

    /// Waits until the rate limit allows one more signature.
    pub async fn wait_for_rate(&self) {
        let _counted = self.key.waiting_for_rate.clone();
        self.key.rate.wait().await;
    }

    /// How many wait for the key, for a permit or for the rate limit, through any limiter.
    pub fn waiting(&self) -> usize {
        self.key.permits.waiting() + Arc::strong_count(&self.key.waiting_for_rate) - 1
    }
}

impl Key {
    /// Changes which limits there are, and applies the strictest of each kind from now on.
    fn with_limits(&self, change: impl FnOnce(&mut Vec<Limits>)) {
        let mut live = self.live.lock();
        change(&mut live);
        if let Some(max_in_flight) = live.iter().map(|limits| limits.max_in_flight).min() {
            let per_second = live.iter().filter_map(|limits| limits.per_second).min();
            self.permits.allow(within(max_in_flight, per_second));
            self.rate.allow(per_second);
            let per_tenant = live.iter().filter_map(|limits| limits.per_tenant);
            self.tenants.lock().allow(per_tenant);
        }
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
            let mut keys = self.0.lock();
            keys.retain(|_, key| key.strong_count() > 0);
            let entry = keys
                .entry((scope.to_owned(), fingerprint.to_owned()))
                .or_default();
            entry.upgrade().unwrap_or_else(|| {
                let key = Arc::new(Key {
                    permits: FairSemaphore::new(1),
                    rate: RateLimiter::default(),
                    tenants: Mutex::default(),
                    waiting_for_rate: Arc::default(),
                    live: Mutex::default(),
                });
                *entry = Arc::downgrade(&key);
                key
            })
        };
        key.with_limits(|live| live.push(limits));
        Arc::new(KeyLimiter { key, limits })
    }
}
