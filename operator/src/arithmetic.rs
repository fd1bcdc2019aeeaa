//! Arithmetic that takes long, on threads beside the one that does everything else.

use signet_keys::Turns;
use tokio::task::{JoinError, spawn_blocking};

/// One thing at a time, and one namespace's after another's: whoever has many large keys or chains
/// is in the way of others for one of them.
#[derive(Debug)]
pub struct Arithmetic(Turns);

impl Default for Arithmetic {
    fn default() -> Self {
        Self(Turns::new(1))
    }
}

impl Arithmetic {
    /// Does this when it is the namespace's turn. The turn lasts until it is done, also where
    /// nobody waits for it any more.
    ///
    /// # Errors
    /// It panicked.
    pub async fn of<T: Send + 'static>(
        &self,
        namespace: &str,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, JoinError> {
        let turn = self.0.acquire(namespace).await;
        let in_turn = move || {
            let done = work();
            drop(turn);
            done
        };
        spawn_blocking(in_turn).await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use futures::FutureExt;

    use super::*;

    #[tokio::test]
    async fn what_nobody_waits_for_is_finished_before_the_next() {
        let arithmetic = Arithmetic::default();
        let (go, gone) = mpsc::channel::<()>();
        let mut first = arithmetic.of("a", move || gone.recv().is_ok()).boxed();
        assert!((&mut first).now_or_never().is_none());
        drop(first);
        let mut second = arithmetic.of("b", || ()).boxed();
        assert!((&mut second).now_or_never().is_none(), "the first is at it");
        go.send(()).unwrap();
        second.await.unwrap();
    }

    #[tokio::test]
    async fn a_panic_is_an_error_and_ends_the_turn() {
        let arithmetic = Arithmetic::default();
        let panicked = arithmetic.of("a", || panic!("on purpose")).await;
        assert!(panicked.unwrap_err().is_panic());
        assert_eq!(arithmetic.of("a", || 1).await.unwrap(), 1);
    }
}
