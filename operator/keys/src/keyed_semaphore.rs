//! A semaphore for each key, such as for each tenant.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A number of permits for each key. Calls that find none wait in their order.
#[derive(Debug)]
pub struct KeyedSemaphore<K> {
    permits: usize,
    /// Of the keys with a permit that is taken or waited for.
    by_key: Mutex<HashMap<K, Weak<Semaphore>>>,
}

impl<K: Eq + Hash> KeyedSemaphore<K> {
    /// This many permits for each key.
    pub fn new(permits: usize) -> Self {
        Self {
            permits,
            by_key: Mutex::default(),
        }
    }

    /// Waits for a permit, which is released when it is dropped. Dropping the future leaves the
    /// queue. None if the semaphore is closed, which does not happen.
    pub async fn enter(&self, key: K) -> Option<OwnedSemaphorePermit> {
        self.of(key).acquire_owned().await.ok()
    }

    fn of(&self, key: K) -> Arc<Semaphore> {
        let mut by_key = self.by_key.lock();
        by_key.retain(|_, semaphore| semaphore.strong_count() > 0);
        let kept = by_key.entry(key).or_default();
        kept.upgrade().unwrap_or_else(|| {
            let semaphore = Arc::new(Semaphore::new(self.permits));
            *kept = Arc::downgrade(&semaphore);
            semaphore
        })
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[tokio::test]
    async fn each_key_has_its_own_permits() {
        let semaphore = KeyedSemaphore::new(2);
        let (first, _second) = (semaphore.enter("a").await, semaphore.enter("a").await);
        let mut third = Box::pin(semaphore.enter("a"));
        assert!((&mut third).now_or_never().is_none());
        assert!(semaphore.enter("b").now_or_never().is_some());
        drop(first);
        assert!(third.now_or_never().is_some());
    }

    #[tokio::test]
    async fn forgets_keys_without_permits() {
        let semaphore = KeyedSemaphore::new(1);
        for number in 0..100 {
            drop(semaphore.enter(number).await);
        }
        let _last = semaphore.enter(100).await;
        assert_eq!(semaphore.by_key.lock().len(), 1);
    }
}
