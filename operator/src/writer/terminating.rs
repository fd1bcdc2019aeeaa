//! Namespaces that are being deleted, in which nothing can be created any more.

use std::collections::HashSet;

use parking_lot::Mutex;

/// More than these are never being deleted at the same time; beyond it, some are logged again.
const MAX_NAMESPACES: usize = 1024;

#[derive(Debug, Default)]
pub(super) struct Terminating(Mutex<HashSet<String>>);

impl Terminating {
    /// Logs that a namespace is being deleted, once until something can be created in it.
    pub(super) fn log(&self, namespace: &str) {
        if self.is_news(namespace) {
            tracing::info!(
                namespace,
                "the namespace is being deleted; nothing more is created in it"
            );
        }
    }

    /// Forgets a namespace, because something was created in it.
    pub(super) fn forget(&self, namespace: &str) {
        self.0.lock().remove(namespace);
    }

    pub(super) fn is_news(&self, namespace: &str) -> bool {
        let mut logged = self.0.lock();
        if logged.len() >= MAX_NAMESPACES {
            logged.clear();
        }
        logged.insert(namespace.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_namespace_is_news_once_until_it_is_there_again() {
        let terminating = Terminating::default();
        assert!(terminating.is_news("shop"));
        assert!(!terminating.is_news("shop"));
        assert!(terminating.is_news("till"));
        terminating.forget("shop");
        assert!(terminating.is_news("shop"));
        assert!(!terminating.is_news("till"));
    }

    #[test]
    fn memory_is_bounded() {
        let terminating = Terminating::default();
        for number in 0..10_000 {
            terminating.is_news(&number.to_string());
        }
        let logged = terminating.0.lock();
        assert!(logged.len() <= MAX_NAMESPACES);
    }
}
