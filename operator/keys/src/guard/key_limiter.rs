//! The limits of a key, shared by all issuers over it.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use super::{FairSemaphore, Limits, Permit, RateLimiter};

/// The longest that anybody shall hold a turn and wait for the pace, in seconds. The queue for a
/// turn is fair between tenants, and the wait for the pace is in the order of the turns.
const MAX_IN_PACE: u32 = 10;

/// One issuer's way to a key. All gates of one scope to the same key share its limits.
#[derive(Debug)]
pub struct KeyLimiter {
    key: Arc<Key>,
    limits: Limits,
}

/// A key to which there are gates.
#[derive(Debug)]
struct Key {
    permits: FairSemaphore,
    rate: RateLimiter,
    /// How many have a turn and wait for the pace.
    pacing: AtomicUsize,
    /// The limits of each gate that is in use.
    live: Mutex<Vec<Limits>>,
}

impl KeyLimiter {
    /// Waits for a turn of this tenant.
    pub async fn permit(&self, tenant: &str) -> Permit {
        self.key.permits.acquire(tenant).await
    }

    /// Waits until one more signature may be asked for.
    pub async fn wait_for_rate(&self) {
        let _counted = Counted::one_more(&self.key.pacing);
        self.key.rate.wait().await;
    }

    /// How many wait for the key, for a turn or for the pace, through any gate.
    pub fn waiting(&self) -> usize {
        self.key.permits.waiting() + self.key.pacing.load(Ordering::Relaxed)
    }
}

impl Key {
    fn new(limits: Limits) -> Self {
        Self {
            permits: FairSemaphore::new(within(limits.at_once, limits.per_second)),
            rate: RateLimiter::new(limits.per_second),
            pacing: AtomicUsize::new(0),
            live: Mutex::default(),
        }
    }

    /// Changes which limits there are, and has the strictest of each kind hold from now on.
    fn with_limits(&self, change: impl FnOnce(&mut Vec<Limits>)) {
        let mut live = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut live);
        if let Some(at_once) = live.iter().map(|limits| limits.at_once).min() {
            let per_second = live.iter().filter_map(|limits| limits.per_second).min();
            self.permits.allow(within(at_once, per_second));
            self.rate.allow(per_second);
        }
    }
}

/// One that is counted until it is dropped.
struct Counted<'a>(&'a AtomicUsize);

impl<'a> Counted<'a> {
    fn one_more(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// No more at once than the pace lets through in [`MAX_IN_PACE`].
fn within(at_once: u16, per_second: Option<u32>) -> u16 {
    let paced = per_second.map(|rate| rate.max(1).saturating_mul(MAX_IN_PACE));
    paced
        .and_then(|most| u16::try_from(most).ok())
        .map_or(at_once, |most| at_once.min(most))
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

/// The gates to all keys.
#[derive(Debug, Default)]
pub struct KeyLimiters(Mutex<HashMap<(String, String), Weak<Key>>>);

impl KeyLimiters {
    /// A gate to the key of this fingerprint. The same key in the same scope shares its limits
    /// among all gates to it, so that a second issuer over a key is no way around them; scopes
    /// share nothing, so that no tenant can use up another's. Where the gates' limits differ, the
    /// strictest of those in use hold; a gate is in use until it is dropped.
    pub fn limiter(&self, scope: &str, fingerprint: &str, limits: Limits) -> Arc<KeyLimiter> {
        let key = {
            let mut keys = self.0.lock().unwrap_or_else(PoisonError::into_inner);
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
