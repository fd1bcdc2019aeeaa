//! What keeps a panic in a backend's SDK from ending everything.

use std::panic::AssertUnwindSafe;

use futures::FutureExt;

use super::error::GuardError;
use crate::error::KeyError;

/// Makes a call of a backend. One that panics, at an answer that its SDK did not expect, is a
/// wrong answer and costs nobody else anything.
pub(super) async fn catch_panic<T>(
    call: impl Future<Output = Result<T, KeyError>>,
) -> Result<T, KeyError> {
    // What a call leaves half done when it panics is its own connection, which is looked at anew.
    let called = AssertUnwindSafe(call).catch_unwind().await;
    called.unwrap_or_else(|_| Err(GuardError::Panicked.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorClass;

    #[tokio::test]
    async fn a_panic_is_a_wrong_answer() {
        let call = async { panic!("at an answer") };
        let error = catch_panic::<()>(call).await.unwrap_err();
        assert_eq!(error.class, ErrorClass::InvalidResponse);
        assert_eq!(catch_panic(async { Ok(7) }).await, Ok(7));
    }
}
