//! A call of a backend, which may hang or panic.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures::FutureExt;
use tokio::time::timeout;

use super::error::GuardError;
use crate::error::KeyError;

/// Makes a call of a backend within this time. If its SDK panics, at a response that it did not
/// expect, no other call is affected.
pub(super) async fn call<T>(
    limit: Duration,
    call: impl Future<Output = Result<T, KeyError>>,
) -> Result<T, KeyError> {
    let seconds = limit.as_secs();
    // A panic leaves only the call's own connection in an unknown state, which is checked again.
    match timeout(limit, AssertUnwindSafe(call).catch_unwind()).await {
        Ok(Ok(result)) => result,
        Ok(Err(_)) => Err(GuardError::Panicked.into()),
        Err(_) => Err(GuardError::Timeout { seconds }.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorClass;

    #[tokio::test]
    async fn a_panic_is_an_invalid_response() {
        let limit = Duration::from_secs(1);
        let panics = async { panic!("on purpose") };
        let error = call::<()>(limit, panics).await.unwrap_err();
        assert_eq!(error.class, ErrorClass::InvalidResponse);
        assert_eq!(call(limit, async { Ok(7) }).await, Ok(7));
    }
}
