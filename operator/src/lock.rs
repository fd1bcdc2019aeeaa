//! A mutex that stays usable after a panic.

use std::sync::{MutexGuard, PoisonError};

/// A mutex whose value is whole between any two statements, so that a panic while it was locked
/// is no reason to give it up.
#[derive(Debug, Default)]
pub(crate) struct Mutex<T>(std::sync::Mutex<T>);

impl<T> Mutex<T> {
    /// Wraps a value.
    pub(crate) const fn new(value: T) -> Self {
        Self(std::sync::Mutex::new(value))
    }

    /// Locks it, also where a thread panicked with it locked.
    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stays_usable_after_a_panic() {
        let mutex = Mutex::new(1);
        let panicked = std::thread::scope(|scope| {
            let holder = || {
                let _held = mutex.lock();
                panic!("on purpose");
            };
            scope.spawn(holder).join()
        });
        assert!(panicked.is_err());
        assert_eq!(*mutex.lock(), 1);
    }
}
