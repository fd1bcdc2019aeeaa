//! Equal values that are kept once.

use std::collections::HashSet;
use std::hash::Hash;
use std::sync::Arc;

/// Fewer values are not looked through for unused ones.
const MIN_SWEEP: usize = 64;

/// Values that several owners have in common, such as the requester of thousands of requests.
#[derive(Debug)]
pub(super) struct Shared<T> {
    values: HashSet<Arc<T>>,
    /// At this number of values, those without an owner are dropped.
    sweep_at: usize,
}

impl<T> Default for Shared<T> {
    fn default() -> Self {
        Self {
            values: HashSet::new(),
            sweep_at: MIN_SWEEP,
        }
    }
}

impl<T: Eq + Hash> Shared<T> {
    /// Returns the one that is equal, if there is one, and keeps this one otherwise.
    pub(super) fn get(&mut self, value: Arc<T>) -> Arc<T> {
        if let Some(known) = self.values.get(&value) {
            return known.clone();
        }
        if self.values.len() >= self.sweep_at {
            self.values.retain(|value| Arc::strong_count(value) > 1);
            self.sweep_at = (self.values.len() * 2).max(MIN_SWEEP);
            self.values.shrink_to(self.sweep_at);
        }
        self.values.insert(value.clone());
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_are_one_and_unused_ones_are_dropped() {
        let mut shared = Shared::default();
        let first = shared.get(Arc::new("cert-manager".to_owned()));
        let second = shared.get(Arc::new("cert-manager".to_owned()));
        assert!(Arc::ptr_eq(&first, &second));
        for number in 0..1000 {
            shared.get(Arc::new(number.to_string()));
        }
        assert!(shared.values.len() <= MIN_SWEEP + 1);
        assert!(Arc::ptr_eq(
            &first,
            &shared.get(Arc::new("cert-manager".to_owned()))
        ));
    }

    #[test]
    fn values_with_owners_stay() {
        let mut shared = Shared::default();
        let owned: Vec<_> = (0..200)
            .map(|number| shared.get(Arc::new(number)))
            .collect();
        for number in 1000..2000 {
            shared.get(Arc::new(number));
        }
        for value in &owned {
            assert!(Arc::ptr_eq(value, &shared.get(Arc::new(**value))));
        }
    }
}
