//! Logs the changes of a key's state, with what only administrators may see.

use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use signet_keys::{ErrorClass, KeyError};

use crate::issuer_name::IssuerName;

/// The reason, message and cause of an error. Another request ID does not make another error.
type Logged = (&'static str, String, Option<Box<str>>);

/// The error of an issuer's key as it was last logged.
#[derive(Debug, Default)]
pub(super) struct KeyLog {
    logged: Mutex<Option<Logged>>,
    /// Whether a missing key is not an error, because Signet is about to create it.
    pub(super) creates_key: AtomicBool,
}

impl KeyLog {
    /// Logs the state if it has changed, and returns whether it has.
    pub(super) fn observe(&self, issuer: &IssuerName, state: Result<(), &KeyError>) -> bool {
        if state.is_err_and(|error| error.class == ErrorClass::KeyNotFound)
            && self.creates_key.load(Ordering::Relaxed)
        {
            return false;
        }
        let now = state.err().map(|error| {
            let (message, cause) = (error.message.clone(), error.cause.clone());
            (error.class.as_str(), message, cause)
        });
        let mut logged = self.logged.lock();
        if *logged == now {
            return false;
        }
        match state {
            Ok(()) => tracing::info!(%issuer, "the key is available again"),
            Err(error) => tracing::warn!(
                %issuer,
                reason = error.class.as_str(),
                code = error.code,
                error = error.message,
                cause = error.cause.as_deref(),
                request_id = error.request_id.as_deref(),
                "the key is unavailable"
            ),
        }
        *logged = now;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::corp;

    #[test]
    fn logs_each_state_once() {
        let log = KeyLog::default();
        let observe = |state: Result<(), &KeyError>| log.observe(&corp(), state);
        assert!(!observe(Ok(())), "it was never unavailable");
        let mut error = KeyError::new(ErrorClass::Unreachable, "no route").caused_by("refused");
        assert!(observe(Err(&error)));
        error.request_id = Some("another call".into());
        assert!(!observe(Err(&error)));
        error.cause = Some("reset".into());
        assert!(observe(Err(&error)));
        assert!(observe(Ok(())));
    }

    #[test]
    fn a_key_that_signet_is_about_to_create_is_not_reported_as_missing() {
        let log = KeyLog::default();
        let missing = KeyError::new(ErrorClass::KeyNotFound, "no Secret");
        log.creates_key.store(true, Ordering::Relaxed);
        assert!(!log.observe(&corp(), Err(&missing)));
        let unreachable = KeyError::new(ErrorClass::Unreachable, "no route");
        assert!(log.observe(&corp(), Err(&unreachable)));
        log.creates_key.store(false, Ordering::Relaxed);
        assert!(log.observe(&corp(), Err(&missing)));
    }
}
