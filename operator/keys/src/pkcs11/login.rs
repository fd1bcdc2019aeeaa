//! The login to a token. It is the process's, not an issuer's, and a wrong PIN costs a try.

use std::sync::{Arc, Mutex};

use cryptoki::error::{Error, RvError};
use cryptoki::session::{Session, SessionState, UserType};
use cryptoki::slot::TokenInfo;

use super::error::{Pkcs11Error, TokenName};
use super::fault::Fault;
use super::pin::Pin;
use crate::lock::lock;

/// The login to one token.
#[derive(Default)]
pub(super) struct Login {
    /// Held while logging in or out, so that one PIN is tried at a time. The module is called
    /// meanwhile.
    login_lock: Mutex<()>,
    /// Never held while the module is called.
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The entry of the operator's list that the token belongs to.
    entry: Option<TokenName>,
    pin: PinState,
}

/// What is known about the PIN.
#[derive(Clone, Default)]
enum PinState {
    /// None was tried in this process.
    #[default]
    Untried,
    /// None was tried, because the process before this one left word that this one was refused.
    Suspect(Arc<Pin>),
    /// It was not refused, so it may be tried whenever the token is logged out.
    Current(Arc<Pin>),
    /// The token refused it.
    Refused(Arc<Pin>),
}

/// An open session in which to log in.
pub(super) struct LoginSession<'a> {
    pub(super) name: &'a TokenName,
    pub(super) session: &'a Session,
    /// Reads the token as it is now.
    pub(super) info: &'a dyn Fn() -> Result<TokenInfo, Fault>,
}

impl Login {
    /// Logs in with this PIN, or finds that the token is logged in with it. A PIN that replaces
    /// another one is tried at once, so that a wrong one is noticed when it is set and not when
    /// the HSM restarts.
    ///
    /// `refused` identifies the PIN that the token refused before this process started.
    pub(super) fn enter(
        &self,
        at: &LoginSession<'_>,
        pin: &Arc<Pin>,
        refused: Option<&str>,
    ) -> Result<(), Fault> {
        let _held = lock(&self.login_lock);
        let before = self.claim(at.name)?;
        if before.refuses(pin, refused) {
            if matches!(before, PinState::Untried) {
                self.set(PinState::Suspect(pin.clone()));
            }
            return Err(at.refused(pin));
        }
        match before {
            PinState::Current(current) if current.has_value_of(pin) => {
                self.set(PinState::Current(pin.clone()));
                self.log_in(at, pin)
            }
            PinState::Current(_) => {
                at.check_tries()?;
                log_out(at.session)?;
                self.try_pin(at, pin)
            }
            _ => {
                at.check_tries()?;
                self.try_pin(at, pin)
            }
        }
    }

    /// Logs in again in a new session of a key that is connected.
    pub(super) fn resume(&self, at: &LoginSession<'_>) -> Result<(), Fault> {
        let _held = lock(&self.login_lock);
        match self.claim(at.name)? {
            PinState::Current(pin) => self.log_in(at, &pin),
            PinState::Refused(pin) => Err(at.refused(&pin)),
            // Another token took the place of the one that was connected to.
            PinState::Untried | PinState::Suspect(_) => {
                Err(Pkcs11Error::NotLoggedIn(at.name.clone()).into())
            }
        }
    }

    /// Takes the token for an entry of the list. Two entries may have different PINs, and only one
    /// can log in.
    fn claim(&self, name: &TokenName) -> Result<PinState, Fault> {
        let mut state = lock(&self.state);
        let entry = state.entry.get_or_insert_with(|| name.clone());
        if entry != name {
            tracing::warn!(token = %name, other = %entry, "a token is listed more than once");
            return Err(Pkcs11Error::ListedTwice(name.clone()).into());
        }
        Ok(state.pin.clone())
    }

    fn set(&self, pin: PinState) {
        lock(&self.state).pin = pin;
    }

    fn log_in(&self, at: &LoginSession<'_>, pin: &Arc<Pin>) -> Result<(), Fault> {
        if is_logged_in(at.session)? {
            return Ok(());
        }
        at.check_tries()?;
        self.try_pin(at, pin)
    }

    fn try_pin(&self, at: &LoginSession<'_>, pin: &Arc<Pin>) -> Result<(), Fault> {
        self.set(PinState::Current(pin.clone()));
        let login = || at.session.login(UserType::User, Some(&pin.for_login()));
        let result = match login() {
            // Other code in this process has logged in, which says nothing about this PIN.
            Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => {
                log_out(at.session)?;
                login()
            }
            result => result,
        };
        match result {
            Ok(()) => Ok(()),
            Err(Error::Pkcs11(value, _)) if refuses_pin(value) => {
                self.set(PinState::Refused(pin.clone()));
                Err(at.refused(pin))
            }
            Err(Error::Pkcs11(RvError::PinLocked, _)) => {
                Err(Pkcs11Error::PinLocked(at.name.clone()).into())
            }
            Err(error) => Err(error.into()),
        }
    }
}

impl PinState {
    /// Whether the token refused this PIN, in this process or before it started, and its source
    /// has not changed since.
    fn refuses(&self, pin: &Pin, refused: Option<&str>) -> bool {
        let before = refused == Some(pin.id());
        match self {
            Self::Untried => before,
            Self::Suspect(first) => before && first.is_same(pin),
            Self::Current(_) => false,
            Self::Refused(last) => last.is_same(pin),
        }
    }
}

impl LoginSession<'_> {
    /// Leaves a token that is locked, or about to be, as it is. Called with the login lock held:
    /// the one before may have used up a try.
    fn check_tries(&self) -> Result<(), Fault> {
        let info = (self.info)()?;
        if info.user_pin_locked() {
            Err(Pkcs11Error::PinLocked(self.name.clone()).into())
        } else if info.user_pin_final_try() {
            Err(Pkcs11Error::PinFinalTry(self.name.clone()).into())
        } else {
            Ok(())
        }
    }

    fn refused(&self, pin: &Pin) -> Fault {
        Fault::Other(Pkcs11Error::PinRefused {
            token: self.name.clone(),
            pin: pin.id().to_owned(),
        })
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
pub(super) fn is_logged_in(session: &Session) -> Result<bool, Fault> {
    let state = session.get_session_info()?.session_state();
    Ok(matches!(state, SessionState::RoUser | SessionState::RwUser))
}

fn log_out(session: &Session) -> Result<(), Fault> {
    match session.logout() {
        Ok(()) | Err(Error::Pkcs11(RvError::UserNotLoggedIn, _)) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::pin::fixtures::pin;
    use super::*;

    #[test]
    fn a_refused_pin_is_refused_until_its_source_changes() {
        let refused = PinState::Refused(pin("wrong", "1").into());
        assert!(refused.refuses(&pin("wrong", "1"), None));
        assert!(!refused.refuses(&pin("wrong", "2"), None));
        assert!(!refused.refuses(&pin("right", "2"), None));
    }

    #[test]
    fn a_pin_refused_before_a_restart_is_refused_until_its_source_changes() {
        let (wrong, id) = (
            Arc::new(pin("wrong", "1")),
            pin("wrong", "1").id().to_owned(),
        );
        assert!(PinState::Untried.refuses(&wrong, Some(&id)));
        assert!(!PinState::Untried.refuses(&wrong, None));
        assert!(!PinState::Untried.refuses(&pin("right", "2"), Some(&id)));
        let suspect = PinState::Suspect(wrong.clone());
        assert!(suspect.refuses(&wrong, Some(&id)));
        // An issuer that signed before the restart.
        assert!(!suspect.refuses(&wrong, None));
        assert!(!PinState::Current(wrong.clone()).refuses(&wrong, Some(&id)));
    }

    /// The id of a file does not change with what it contains.
    #[test]
    fn a_file_that_changes_after_a_restart_is_tried() {
        let file = |value: &str, version: &str| {
            let mut pin = pin(value, version);
            pin.set_id("file");
            pin
        };
        let suspect = PinState::Suspect(file("wrong", "1").into());
        assert!(suspect.refuses(&file("wrong", "1"), Some("file")));
        assert!(!suspect.refuses(&file("right", "2"), Some("file")));
    }
}
