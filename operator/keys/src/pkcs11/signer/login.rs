//! The login to a token. It is the process's, not an issuer's, and a wrong PIN costs a try.

use std::sync::Arc;

use cryptoki::context::Pkcs11;
use cryptoki::error::{Error, RvError};
use cryptoki::session::{Session, SessionState, UserType};
use parking_lot::Mutex;

use super::error::Pkcs11Fault;
use super::pin::Pin;

/// The login to one token. Its lock is held while logging in or out, so that one PIN is tried at a
/// time.
pub(super) struct Login {
    context: Pkcs11,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The entry of the operator's list that the token belongs to. Two entries may have different
    /// PINs, and only one can log in.
    entry: Option<String>,
    /// The PIN that was tried last.
    tried: Option<Arc<Pin>>,
    /// Whether the token refused it.
    refused: bool,
}

impl Login {
    pub(super) fn new(context: &Pkcs11) -> Self {
        Self {
            context: context.clone(),
            state: Mutex::default(),
        }
    }

    /// Logs in for an entry of the list, unless the token is logged in.
    ///
    /// An issuer that connects has just read `pin`. If it differs from the last one, it is tried
    /// now, so that a wrong one is noticed when it is set and not when the HSM restarts. Otherwise
    /// it may be older than the last one.
    pub(super) fn log_in(
        &self,
        session: &Session,
        entry: &str,
        pin: &Arc<Pin>,
        connects: bool,
    ) -> Result<(), Pkcs11Fault> {
        let mut state = self.state.lock();
        if *state.entry.get_or_insert_with(|| entry.to_owned()) != entry {
            tracing::warn!(
                token = entry,
                other = state.entry,
                "a token is listed twice"
            );
            return Err(Pkcs11Fault::ListedTwice);
        }
        let pin = match state.unless_replaced(pin, connects) {
            Some(_) if state.refused => return Err(Pkcs11Fault::PinRefused),
            Some(_) if is_logged_in(session)? => return Ok(()),
            Some(tried) => tried,
            None => pin.clone(),
        };
        self.try_pin(session, pin, &mut state)
    }

    /// Logs in, even if the token is logged in: other code in this process may have done that, or
    /// this code with another PIN.
    fn try_pin(
        &self,
        session: &Session,
        pin: Arc<Pin>,
        state: &mut State,
    ) -> Result<(), Pkcs11Fault> {
        let info = self
            .context
            .get_token_info(session.get_session_info()?.slot_id())?;
        if info.user_pin_locked() {
            return Err(Pkcs11Fault::PinLocked);
        } else if info.user_pin_final_try() {
            return Err(Pkcs11Fault::PinFinalTry);
        }
        match session.logout() {
            Ok(()) | Err(Error::Pkcs11(RvError::UserNotLoggedIn, _)) => {}
            Err(error) => return Err(error.into()),
        }
        let result = session.login(UserType::User, Some(&pin.for_login()));
        state.tried = Some(pin);
        state.refused = matches!(&result, Err(Error::Pkcs11(value, _)) if refuses_pin(*value));
        match result {
            Err(_) if state.refused => Err(Pkcs11Fault::PinRefused),
            Err(Error::Pkcs11(RvError::PinLocked, _)) => Err(Pkcs11Fault::PinLocked),
            result => Ok(result?),
        }
    }
}

impl State {
    /// The PIN that was tried last, unless this one is to be tried instead.
    fn unless_replaced(&mut self, pin: &Arc<Pin>, connects: bool) -> Option<Arc<Pin>> {
        let tried = self.tried.as_mut()?;
        if connects {
            let same = match self.refused {
                true => pin == tried,
                false => pin.has_value_of(tried),
            };
            if !same {
                return None;
            }
            tried.clone_from(pin);
        }
        Some(tried.clone())
    }
}

/// Whether C_Login returns this for a wrong PIN. Of modules that want more than a PIN in it (a
/// user's name, the number of a key), some call a wrong form a bad argument.
fn refuses_pin(value: RvError) -> bool {
    matches!(
        value,
        RvError::ArgumentsBad | RvError::PinIncorrect | RvError::PinInvalid | RvError::PinLenRange
    )
}

/// Whether the token's user is logged in.
pub(super) fn is_logged_in(session: &Session) -> Result<bool, Pkcs11Fault> {
    let state = session.get_session_info()?.session_state();
    Ok(matches!(state, SessionState::RoUser | SessionState::RwUser))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pin(value: &str, version: &str) -> Arc<Pin> {
        Arc::new(Pin::new(value, version.to_owned()))
    }

    fn tried(refused: bool) -> State {
        State {
            tried: Some(pin("old", "1")),
            refused,
            ..State::default()
        }
    }

    #[test]
    fn a_refused_pin_is_refused_until_its_source_changes() {
        let replaces = |pin| tried(true).unless_replaced(&pin, true).is_none();
        assert!(!replaces(pin("old", "1")));
        assert!(replaces(pin("old", "2")));
        assert!(replaces(pin("new", "2")));
    }

    #[test]
    fn a_pin_is_replaced_by_one_that_an_issuer_connects_with() {
        let mut state = tried(false);
        assert!(state.unless_replaced(&pin("old", "2"), true).is_some());
        assert!(state.unless_replaced(&pin("new", "3"), true).is_none());
        // An issuer that was connected before has an older one.
        for refused in [false, true] {
            let used = tried(refused).unless_replaced(&pin("older", "0"), false);
            assert!(used.is_some_and(|used| used.has_value_of(&pin("old", "1"))));
        }
    }
}
