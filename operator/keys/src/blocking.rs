//! Work that would block the one thread that does everything else, on threads of its own.

use tokio::task::{JoinError, spawn_blocking};

use crate::guard::FairSemaphore;

/// A queue of blocking work. It serves namespaces round-robin, so that a namespace with many
/// signatures, large keys or chains delays others by one of them.
#[derive(Debug)]
pub struct BlockingQueue(FairSemaphore);

/// A queue that runs one item at a time.
impl Default for BlockingQueue {
    fn default() -> Self {
        Self::new(1)
    }
}

impl BlockingQueue {
    /// A queue that runs this many items concurrently, and at least one.
    pub fn new(max_concurrent: u16) -> Self {
        Self(FairSemaphore::new(max_concurrent))
    }

    /// Runs the work of a namespace. Dropping the future takes work that waits from the queue, and
    /// does not stop work that has begun: the next item waits for it.
    ///
    /// # Errors
    /// The work panicked.
    pub async fn run<T: Send + 'static>(
        &self,
        namespace: &str,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, JoinError> {
        let permit = self.0.acquire(namespace).await;
        let with_permit = move || {
            let result = work();
            drop(permit);
            result
        };
        spawn_blocking(with_permit).await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use futures::FutureExt;

    use super::*;

    #[tokio::test]
    async fn dropped_work_finishes_before_the_next_begins() {
        let queue = BlockingQueue::default();
        let (go, gone) = mpsc::channel::<()>();
        let mut first = queue.run("a", move || gone.recv().is_ok()).boxed();
        assert!((&mut first).now_or_never().is_none());
        drop(first);
        let mut second = queue.run("b", || ()).boxed();
        assert!(
            (&mut second).now_or_never().is_none(),
            "the first is running"
        );
        go.send(()).unwrap();
        second.await.unwrap();
    }

    #[tokio::test]
    async fn a_panic_is_an_error_and_releases_the_permit() {
        let queue = BlockingQueue::default();
        let panicked = queue.run("a", || panic!("on purpose")).await;
        assert!(panicked.unwrap_err().is_panic());
        assert_eq!(queue.run("a", || 1).await.unwrap(), 1);
    }
}
