//! Logs the changes of a key's state, with what only administrators may see.

use parking_lot::Mutex;
use signet_keys::KeyError;

use crate::issuer_name::IssuerName;

/// The reason, message and cause of an error. Another request ID does not make another error.
type Logged = (&'static str, String, Option<Box<str>>);

/// The error of an issuer's key as it was last logged.
#[derive(Debug, Default)]
pub(super) struct KeyLog(Mutex<Option<Logged>>);

impl KeyLog {
    /// Logs the state if it has changed, and returns whether it has.
    pub(super) fn observe(&self, issuer: &IssuerName, state: Result<(), &KeyError>) -> bool {
        let logged = |error: &KeyError| {
            (
                error.class.as_str(),
                error.message.clone(),
                error.cause.clone(),
            )
        };
        let now = state.err().map(logged);
        let mut logged = self.0.lock();
        if *logged == now {
            return false;
        }
        match state {
            Ok(()) => tracing::info!(%issuer, "the key is available again"),
            Err(error) => tracing::warn!(
                %issuer,
                reason = error.class.as_str(),
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
    use signet_keys::ErrorClass;

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
}
