//! Turns a panic in a backend's SDK into an error.

use std::panic::AssertUnwindSafe;

use futures::FutureExt;

use super::error::GuardError;
use crate::error::KeyError;

/// Makes a call of a backend. If it panics, at a response that its SDK did not expect, that is an
/// invalid response, and no other call is affected.
pub(super) async fn catch_panic<T>(
    call: impl Future<Output = Result<T, KeyError>>,
) -> Result<T, KeyError> {
    // A panic leaves only the call's own connection in an unknown state, which is checked again.
    let called = AssertUnwindSafe(call).catch_unwind().await;
    called.unwrap_or_else(|_| Err(GuardError::Panicked.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorClass;

    #[tokio::test]
    async fn a_panic_is_an_invalid_response() {
        let call = async { panic!("on purpose") };
        let error = catch_panic::<()>(call).await.unwrap_err();
        assert_eq!(error.class, ErrorClass::InvalidResponse);
        assert_eq!(catch_panic(async { Ok(7) }).await, Ok(7));
    }
}
