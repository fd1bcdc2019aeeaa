//! What is reconciled again after a while.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;

use tokio::time::{Instant, sleep_until};

/// When an entry is due, and a number of its own.
type Time = (Instant, u64);

/// Entries, each with one time.
#[derive(Debug)]
pub(super) struct Delays<R> {
    entries: BTreeMap<Time, R>,
    times: HashMap<R, Time>,
    last: u64,
}

impl<R> Default for Delays<R> {
    fn default() -> Self {
        Self {
            entries: BTreeMap::new(),
            times: HashMap::new(),
            last: 0,
        }
    }
}

impl<R: Clone + Eq + Hash> Delays<R> {
    /// Adds an entry, in place of an earlier one.
    pub(super) fn insert(&mut self, entry: R, at: Instant) {
        self.remove(&entry);
        self.last += 1;
        let time = (at, self.last);
        self.times.insert(entry.clone(), time);
        self.entries.insert(time, entry);
    }

    pub(super) fn remove(&mut self, entry: &R) {
        if let Some(time) = self.times.remove(entry) {
            self.entries.remove(&time);
        }
    }

    /// Waits for the time of the next entry, and returns it. It stays until it is removed. Without an
    /// entry, the wait has no end.
    pub(super) async fn next(&self) -> R {
        let Some(((at, _), entry)) = self.entries.first_key_value() else {
            return std::future::pending().await;
        };
        sleep_until(*at).await;
        entry.clone()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn entries_come_at_their_times_and_once() {
        let start = Instant::now();
        let mut delays = Delays::default();
        for (entry, seconds) in [("b", 2), ("a", 1), ("c", 3), ("b", 4), ("d", 1)] {
            delays.insert(entry, start + Duration::from_secs(seconds));
        }
        delays.remove(&"c");
        let mut order = Vec::new();
        for _ in 0..3 {
            let next = delays.next().await;
            delays.remove(&next);
            order.push((next, start.elapsed().as_secs()));
        }
        assert_eq!(order, [("a", 1), ("d", 1), ("b", 4)]);
        assert!(delays.times.is_empty() && delays.entries.is_empty());
    }
}
