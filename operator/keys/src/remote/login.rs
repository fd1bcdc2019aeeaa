//! One login for many calls, renewed by one of them.

use std::sync::Arc;

use parking_lot::Mutex;

/// What a login gave, shared by all calls until it is replaced.
///
/// Of many calls that find it missing or refused, one logs in, and the others wait for it.
#[derive(Debug)]
pub(crate) struct SharedLogin<T> {
    current: Mutex<Option<Arc<T>>>,
    /// Held while logging in.
    renewal: tokio::sync::Mutex<()>,
}

/// The right to replace the login.
pub(crate) struct Renewal<'a, T> {
    login: &'a SharedLogin<T>,
    _lock: tokio::sync::MutexGuard<'a, ()>,
}

impl<T> Default for SharedLogin<T> {
    fn default() -> Self {
        Self {
            current: Mutex::new(None),
            renewal: tokio::sync::Mutex::default(),
        }
    }
}

impl<T> SharedLogin<T> {
    /// The present login.
    pub(crate) fn current(&self) -> Option<Arc<T>> {
        self.current.lock().clone()
    }

    /// Forgets the present login if this holds for it.
    pub(crate) fn forget_if(&self, condition: impl FnOnce(&T) -> bool) {
        let mut current = self.current.lock();
        if current.as_deref().is_some_and(condition) {
            *current = None;
        }
    }

    /// Waits for the right to replace the login.
    pub(crate) async fn renew(&self) -> Renewal<'_, T> {
        let lock = self.renewal.lock().await;
        Renewal {
            login: self,
            _lock: lock,
        }
    }

    /// The right to replace the login, unless another call has it.
    pub(crate) fn try_renew(&self) -> Option<Renewal<'_, T>> {
        let lock = self.renewal.try_lock().ok()?;
        Some(Renewal {
            login: self,
            _lock: lock,
        })
    }

    /// Another login than this one: the present one if it is another by now, or a new one.
    pub(crate) async fn replace<E>(
        &self,
        refused: Option<&Arc<T>>,
        log_in: impl AsyncFnOnce() -> Result<T, E>,
    ) -> Result<Arc<T>, E> {
        let renewal = self.renew().await;
        match (self.current(), refused) {
            (Some(current), None) => Ok(current),
            (Some(current), Some(refused)) if !Arc::ptr_eq(&current, refused) => Ok(current),
            _ => Ok(renewal.keep(log_in().await?)),
        }
    }
}

impl<T> Renewal<'_, T> {
    /// Puts this in the place of the present login.
    pub(crate) fn keep(&self, login: T) -> Arc<T> {
        let login = Arc::new(login);
        *self.login.current.lock() = Some(Arc::clone(&login));
        login
    }
}
