//! So many at a time of each kind, such as of each tenant.

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// So many places for each key. Whoever finds none waits, in the order of the calls.
pub struct KeyedSemaphore<K> {
    at_once: usize,
    /// Of the keys of which there is a place taken or waited for.
    by_key: Mutex<HashMap<K, Weak<Semaphore>>>,
}

/// A place that is taken until it is dropped.
#[must_use = "a place is given up when it is dropped"]
#[derive(Debug)]
pub struct Permit {
    // None if there are no places any more, which does not come: nobody closes them.
    _permit: Option<OwnedSemaphorePermit>,
    _places: Arc<Semaphore>,
}

impl<K: Eq + Hash> KeyedSemaphore<K> {
    /// So many for each.
    pub fn new(at_once: usize) -> Self {
        Self {
            at_once,
            by_key: Mutex::default(),
        }
    }

    /// Waits for a place. Dropping the future gives up the wait.
    pub async fn enter(&self, key: K) -> Permit {
        let places = self.of(key);
        Permit {
            _permit: places.clone().acquire_owned().await.ok(),
            _places: places,
        }
    }

    fn of(&self, key: K) -> Arc<Semaphore> {
        let mut by_key = self.by_key.lock().unwrap_or_else(PoisonError::into_inner);
        by_key.retain(|_, places| places.strong_count() > 0);
        let kept = by_key.entry(key).or_default();
        kept.upgrade().unwrap_or_else(|| {
            let places = Arc::new(Semaphore::new(self.at_once));
            *kept = Arc::downgrade(&places);
            places
        })
    }
}

impl<K> fmt::Debug for KeyedSemaphore<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyedSemaphore")
            .field("at_once", &self.at_once)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[tokio::test]
    async fn each_has_its_own_places_and_waits_for_nobody_elses() {
        let places = KeyedSemaphore::new(2);
        let (first, _second) = (places.enter("a").await, places.enter("a").await);
        let mut third = Box::pin(places.enter("a"));
        assert!((&mut third).now_or_never().is_none());
        assert!(places.enter("b").now_or_never().is_some());
        drop(first);
        assert!(third.now_or_never().is_some());
    }

    #[tokio::test]
    async fn nothing_is_kept_of_those_who_left() {
        let places = KeyedSemaphore::new(1);
        for number in 0..100 {
            drop(places.enter(number).await);
        }
        let _last = places.enter(100).await;
        assert_eq!(places.by_key.lock().unwrap().len(), 1);
    }
}
