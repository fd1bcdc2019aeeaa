//! The login to a token. It is the process's, not an issuer's, and a wrong PIN costs a try.

use std::sync::Arc;
use std::time::Instant;

use cryptoki::context::Pkcs11;
use cryptoki::error::{Error, RvError};
use cryptoki::session::{Session, SessionState, UserType};
use parking_lot::Mutex;

use super::output::Output;
use crate::pkcs11::signer::error::Pkcs11Fault;
use crate::pkcs11::signer::pin::Pin;
use crate::pkcs11::signer::wire::{LoginRecord, LoginStep, Report, TokenId, Verdict};

/// The login to one token. Its lock is held while logging in or out, so that one PIN is tried at a
/// time.
pub(super) struct Login {
    context: Pkcs11,
    output: Arc<Output>,
    state: Mutex<State>,
}

struct State {
    /// The entry of the operator's list that the token belongs to. Two entries may have different
    /// PINs, and only one can log in.
    entry: Option<String>,
    /// The PIN that was tried last.
    tried: Option<Pin>,
    /// What is known of it.
    verdict: Verdict,
    /// When it was known.
    since: Instant,
}

impl Login {
    /// A login of which this is known from an earlier process.
    pub(super) fn new(context: &Pkcs11, output: &Arc<Output>, known: Option<&LoginRecord>) -> Self {
        Self {
            context: context.clone(),
            output: output.clone(),
            state: Mutex::new(State {
                entry: known.map(|record| record.entry.clone()),
                tried: known.map(|record| record.pin.clone()),
                verdict: known.map_or(Verdict::Usable, |record| record.verdict),
                since: Instant::now(),
            }),
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
        token: &TokenId,
        entry: &str,
        pin: &Pin,
        connects: bool,
    ) -> Result<(), Pkcs11Fault> {
        let mut state = self.state.lock();
        let owner = state.entry.get_or_insert_with(|| entry.to_owned());
        if owner != entry {
            let warning = format!("the tokens {owner:?} and {entry:?} of the list are the same");
            self.output.send(&Report::Warning(warning));
            return Err(Pkcs11Fault::ListedTwice);
        }
        if let Some(tried) = state.unless_replaced(pin, connects) {
            state.may_try(Instant::now())?;
            if is_logged_in(session)? {
                return Ok(());
            }
            return self.try_pin(session, token, tried, &mut state);
        }
        self.try_pin(session, token, pin.clone(), &mut state)
    }

    /// Logs in, even if the token is logged in: other code in this process may have done that, or
    /// this code with another PIN. The operator learns of it before, in case that this process ends
    /// meanwhile.
    fn try_pin(
        &self,
        session: &Session,
        token: &TokenId,
        pin: Pin,
        state: &mut State,
    ) -> Result<(), Pkcs11Fault> {
        let info = self
            .context
            .get_token_info(session.get_session_info()?.slot_id())?;
        if info.user_pin_locked() {
            return Err(Pkcs11Fault::PinLocked);
        } else if info.user_pin_final_try() {
            return Err(Pkcs11Fault::PinFinalTry);
        } else if info.user_pin_count_low() && state.is_unfinished(&pin) {
            // The try that did not end may have been a wrong PIN.
            return Err(Pkcs11Fault::PinUnfinished);
        }
        match session.logout() {
            Ok(()) | Err(Error::Pkcs11(RvError::UserNotLoggedIn, _)) => {}
            Err(error) => return Err(error.into()),
        }
        let report = |step| Report::Login {
            id: token.clone(),
            pin: pin.number,
            step,
        };
        self.output.send(&report(LoginStep::Begins));
        let result = session.login(UserType::User, Some(&pin.for_login()));
        let step = match &result {
            Ok(()) => LoginStep::Accepted,
            Err(Error::Pkcs11(value, _)) if refuses_pin(*value) => LoginStep::Refused,
            Err(_) => LoginStep::Failed,
        };
        self.output.send(&report(step));
        state.tried = Some(pin);
        state.verdict = match step {
            LoginStep::Refused => Verdict::Refused,
            _ => Verdict::Usable,
        };
        match result {
            Err(_) if step == LoginStep::Refused => Err(Pkcs11Fault::PinRefused),
            Err(Error::Pkcs11(RvError::PinLocked, _)) => Err(Pkcs11Fault::PinLocked),
            result => Ok(result?),
        }
    }
}

impl State {
    /// The PIN that was tried last, unless this one is to be tried instead.
    fn unless_replaced(&mut self, pin: &Pin, connects: bool) -> Option<Pin> {
        let tried = self.tried.as_mut()?;
        if connects {
            let same = match self.verdict {
                Verdict::Refused | Verdict::Unfinished(_) => pin == tried,
                Verdict::Usable => pin.has_value_of(tried),
            };
            if !same {
                return None;
            }
            tried.clone_from(pin);
        }
        Some(tried.clone())
    }

    /// Whether the last try of this PIN did not end.
    fn is_unfinished(&self, pin: &Pin) -> bool {
        let is_it = self.tried.as_ref() == Some(pin);
        is_it && matches!(self.verdict, Verdict::Unfinished(_))
    }

    /// Whether the PIN that was tried last may be tried again.
    fn may_try(&self, now: Instant) -> Result<(), Pkcs11Fault> {
        match self.verdict {
            Verdict::Usable => Ok(()),
            Verdict::Refused => Err(Pkcs11Fault::PinRefused),
            Verdict::Unfinished(wait) if now.duration_since(self.since) >= wait => Ok(()),
            Verdict::Unfinished(_) => Err(Pkcs11Fault::PinUnfinished),
        }
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
    use std::time::Duration;

    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn pin(value: &str, version: &str) -> Pin {
        Pin::new(value, version.to_owned())
    }

    fn tried(verdict: Verdict) -> State {
        State {
            entry: None,
            tried: Some(pin("old", "1")),
            verdict,
            since: Instant::now(),
        }
    }

    #[test]
    fn a_refused_pin_is_refused_until_its_source_changes() {
        for verdict in [Verdict::Refused, Verdict::Unfinished(HOUR)] {
            let replaces = |pin| tried(verdict).unless_replaced(&pin, true).is_none();
            assert!(!replaces(pin("old", "1")));
            assert!(replaces(pin("old", "2")));
            assert!(replaces(pin("new", "2")));
        }
    }

    #[test]
    fn a_pin_whose_tries_did_not_end_is_tried_after_the_wait() {
        let state = tried(Verdict::Unfinished(HOUR));
        let early = state.since + HOUR - Duration::from_millis(1);
        assert_eq!(state.may_try(early), Err(Pkcs11Fault::PinUnfinished));
        assert_eq!(state.may_try(state.since + HOUR), Ok(()));
        let after_one = tried(Verdict::Unfinished(Duration::ZERO));
        assert_eq!(after_one.may_try(after_one.since), Ok(()));
        assert!(after_one.is_unfinished(&pin("old", "1")));
        assert!(!after_one.is_unfinished(&pin("old", "2")));
        let refused = tried(Verdict::Refused);
        let late = refused.since + 99 * HOUR;
        assert_eq!(refused.may_try(late), Err(Pkcs11Fault::PinRefused));
    }

    #[test]
    fn a_pin_is_replaced_by_one_that_an_issuer_connects_with() {
        let mut state = tried(Verdict::Usable);
        assert!(state.unless_replaced(&pin("old", "2"), true).is_some());
        assert!(state.unless_replaced(&pin("new", "3"), true).is_none());
        // An issuer that was connected before has an older one.
        for verdict in [Verdict::Usable, Verdict::Refused] {
            let used = tried(verdict).unless_replaced(&pin("older", "0"), false);
            assert!(used.is_some_and(|used| used.has_value_of(&pin("old", "1"))));
        }
    }
}
