//! One login for many calls, renewed by one of them.

use std::sync::Arc;

use parking_lot::Mutex;

/// What a login gave, shared by all calls until it is replaced.
///
/// Of many calls that find it missing or refused, one logs in, and the others wait for it.
pub(crate) struct SharedLogin<T> {
    current: Mutex<Option<Arc<T>>>,
    renewal: tokio::sync::Mutex<()>,
}

/// The right to replace the login.
pub(crate) type Renewal<'a> = tokio::sync::MutexGuard<'a, ()>;

impl<T> Default for SharedLogin<T> {
    fn default() -> Self {
        Self {
            current: Mutex::new(None),
            renewal: tokio::sync::Mutex::default(),
        }
    }
}

impl<T> SharedLogin<T> {
    pub(crate) fn current(&self) -> Option<Arc<T>> {
        self.current.lock().clone()
    }

    /// The present login if this holds for it, or a new one.
    pub(crate) async fn get<E>(
        &self,
        is_usable: impl Fn(&Arc<T>) -> bool,
        log_in: impl Future<Output = Result<T, E>>,
    ) -> Result<Arc<T>, E> {
        if let Some(login) = self.current().filter(&is_usable) {
            return Ok(login);
        }
        let renewal = self.renewal.lock().await;
        match self.current().filter(&is_usable) {
            Some(login) => Ok(login),
            None => Ok(self.keep(&renewal, log_in.await?)),
        }
    }

    /// Forgets the present login if this holds for it.
    pub(crate) fn forget_if(&self, condition: impl FnOnce(&T) -> bool) {
        self.current.lock().take_if(|login| condition(login));
    }

    /// The right to replace the login, unless another call has it.
    pub(crate) fn try_renew(&self) -> Option<Renewal<'_>> {
        self.renewal.try_lock().ok()
    }

    /// Puts this in the place of the present login.
    pub(crate) fn keep(&self, _: &Renewal<'_>, login: T) -> Arc<T> {
        let login = Arc::new(login);
        *self.current.lock() = Some(Arc::clone(&login));
        login
    }
}
