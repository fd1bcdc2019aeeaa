//! The login to a token. It is the process's, not an issuer's, and a wrong PIN costs a try.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, Weak};

use cryptoki::error::{Error, RvError};
use cryptoki::session::{Session, SessionState, UserType};
use cryptoki::slot::TokenInfo;
use cryptoki::types::AuthPin;

use super::digest::Digest;
use super::fault::{Fault, lock};

/// What an issuer logs in with, and where it is from.
pub(super) struct Credentials {
    pub(super) digest: Digest,
    pub(super) pin: AuthPin,
    pub(super) secret: SecretId,
    pub(super) version: String,
}

/// A key of a Secret: where the issuer is, the Secret's name and the key.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct SecretId {
    pub(super) tenant: Option<String>,
    pub(super) name: String,
    pub(super) key: String,
}

/// Why a token is not logged in to.
pub(super) enum Refusal {
    /// The token refused this PIN, now or when it was tried before.
    Refused,
    /// The token is logged in with another PIN, which other issuers hold on to.
    Differs,
    /// The token is locked.
    Locked,
    /// One more wrong PIN would lock the token.
    FinalTry,
    /// The token was logged out, and not for this PIN's sake.
    LoggedOut,
    /// Something else.
    Fault(Fault),
}

impl<E: Into<Fault>> From<E> for Refusal {
    fn from(error: E) -> Self {
        Self::Fault(error.into())
    }
}

/// A live signer's hold on the PIN with which the token is logged in.
#[derive(Debug)]
pub(super) struct Claim;

/// The login to one token.
#[derive(Default)]
pub(super) struct Login {
    /// Whoever logs in or out stands in here; the module is called meanwhile.
    door: Mutex<()>,
    /// Never held while the module is called.
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    accepted: Option<Accepted>,
    refused: Vec<Refused>,
}

/// The PIN that the token accepted.
#[derive(Clone)]
struct Accepted {
    digest: Digest,
    holders: Weak<Claim>,
}

/// A PIN that the token refused, and the versions of the Secrets that hold it.
struct Refused {
    digest: Digest,
    versions: HashMap<SecretId, String>,
}

/// Where one logs in.
pub(super) struct Desk<'a> {
    pub(super) session: &'a Session,
    pub(super) token: &'a TokenInfo,
}

impl Login {
    /// Logs in for an issuer that connects, or finds that the token is logged in with its PIN.
    ///
    /// A token that is logged in with another PIN says nothing of this one: it is refused untried
    /// while anyone holds the other. When nobody does, the Secrets have all changed.
    pub(super) fn enter(
        &self,
        desk: &Desk<'_>,
        credentials: &Credentials,
    ) -> Result<Arc<Claim>, Refusal> {
        let _door = lock(&self.door);
        let accepted = lock(&self.state).accepted.clone();
        let claim = match accepted {
            Some(accepted) if accepted.digest == credentials.digest => {
                self.log_in(desk, credentials)?;
                accepted.holders.upgrade()
            }
            Some(accepted) if accepted.holders.strong_count() > 0 => return Err(Refusal::Differs),
            other => {
                if lock(&self.state).refuses(credentials) {
                    return Err(Refusal::Refused);
                }
                check(desk.token)?;
                if other.is_some() {
                    lock(&self.state).accepted = None;
                    log_out(desk.session)?;
                }
                self.try_pin(desk, credentials)?;
                None
            }
        };
        let claim = claim.unwrap_or_else(|| Arc::new(Claim));
        lock(&self.state).accepted = Some(Accepted {
            digest: credentials.digest.clone(),
            holders: Arc::downgrade(&claim),
        });
        Ok(claim)
    }

    /// Logs in again for a signer, in a new session: with the PIN that the token accepted, or not
    /// at all.
    pub(super) fn resume(&self, desk: &Desk<'_>, credentials: &Credentials) -> Result<(), Refusal> {
        let _door = lock(&self.door);
        self.permit(credentials)?;
        self.log_in(desk, credentials)
    }

    /// Whether the token is logged in with this PIN, as far as is known. Nothing is asked.
    pub(super) fn permit(&self, credentials: &Credentials) -> Result<(), Refusal> {
        let mut state = lock(&self.state);
        match &state.accepted {
            Some(accepted) if accepted.digest == credentials.digest => return Ok(()),
            Some(_) => return Err(Refusal::Differs),
            None => {}
        }
        Err(if state.refuses(credentials) {
            Refusal::Refused
        } else {
            Refusal::LoggedOut
        })
    }

    /// Logs in with the accepted PIN unless that is done.
    fn log_in(&self, desk: &Desk<'_>, credentials: &Credentials) -> Result<(), Refusal> {
        if is_in(desk.session)? {
            return Ok(());
        }
        check(desk.token)?;
        self.try_pin(desk, credentials)
    }

    fn try_pin(&self, desk: &Desk<'_>, credentials: &Credentials) -> Result<(), Refusal> {
        let login = || desk.session.login(UserType::User, Some(&credentials.pin));
        let answer = match login() {
            // Somebody else in this process has logged in. That is no word on this PIN.
            Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => {
                log_out(desk.session)?;
                login()
            }
            answer => answer,
        };
        match answer {
            Ok(()) => {
                lock(&self.state).forgive(credentials);
                Ok(())
            }
            Err(Error::Pkcs11(value, _)) if is_no(value) => {
                lock(&self.state).refuse(credentials);
                Err(Refusal::Refused)
            }
            Err(Error::Pkcs11(RvError::PinLocked, _)) => Err(Refusal::Locked),
            Err(error) => Err(error.into()),
        }
    }
}

impl State {
    /// Whether the token has refused this PIN, and nobody has changed the Secret since.
    fn refuses(&mut self, credentials: &Credentials) -> bool {
        let same = |refused: &&mut Refused| refused.digest == credentials.digest;
        let Some(refused) = self.refused.iter_mut().find(same) else {
            return false;
        };
        let versions = &mut refused.versions;
        match versions.get(&credentials.secret) {
            Some(version) => *version == credentials.version,
            // Another issuer has the same wrong PIN.
            None => {
                versions.insert(credentials.secret.clone(), credentials.version.clone());
                true
            }
        }
    }

    fn refuse(&mut self, credentials: &Credentials) {
        if let Some(accepted) = &self.accepted
            && accepted.digest == credentials.digest
        {
            self.accepted = None;
        }
        // A Secret holds one PIN, so that this does not grow with each change of it.
        for refused in &mut self.refused {
            refused.versions.remove(&credentials.secret);
        }
        let digest = &credentials.digest;
        self.refused
            .retain(|refused| refused.digest == *digest || !refused.versions.is_empty());
        let entry = (credentials.secret.clone(), credentials.version.clone());
        match self
            .refused
            .iter_mut()
            .find(|refused| refused.digest == *digest)
        {
            Some(refused) => refused.versions.extend([entry]),
            None => self.refused.push(Refused {
                digest: digest.clone(),
                versions: HashMap::from([entry]),
            }),
        }
    }

    fn forgive(&mut self, credentials: &Credentials) {
        self.refused
            .retain(|refused| refused.digest != credentials.digest);
    }
}

/// A token that is locked, or about to be, is left alone.
fn check(token: &TokenInfo) -> Result<(), Refusal> {
    if token.user_pin_locked() {
        Err(Refusal::Locked)
    } else if token.user_pin_final_try() {
        Err(Refusal::FinalTry)
    } else {
        Ok(())
    }
}

/// Whether C_Login says that this PIN is not the right one. Of modules that want more than a PIN
/// in it (a user's name, the number of a key), some call a wrong form a bad argument.
fn is_no(value: RvError) -> bool {
    matches!(
        value,
        RvError::ArgumentsBad | RvError::PinIncorrect | RvError::PinInvalid | RvError::PinLenRange
    )
}

/// Whether the token's user is logged in.
pub(super) fn is_in(session: &Session) -> Result<bool, Fault> {
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
    use super::*;

    fn credentials(pin: &str, secret: &str, version: &str) -> Credentials {
        Credentials {
            digest: Digest::of(pin).unwrap(),
            pin: AuthPin::new(pin.into()),
            secret: SecretId {
                tenant: None,
                name: secret.to_owned(),
                key: "pin".to_owned(),
            },
            version: version.to_owned(),
        }
    }

    #[test]
    fn a_refused_pin_stays_refused_until_its_secret_changes() {
        let mut state = State::default();
        let wrong = credentials("wrong", "a", "1");
        assert!(!state.refuses(&wrong));
        state.refuse(&wrong);
        assert!(state.refuses(&wrong));
        // Another Secret with the same PIN is refused, and counts from then on.
        assert!(state.refuses(&credentials("wrong", "b", "7")));
        assert!(state.refuses(&credentials("wrong", "b", "7")));
        assert!(!state.refuses(&credentials("wrong", "b", "8")));
        assert!(!state.refuses(&credentials("wrong", "a", "2")));
        assert!(!state.refuses(&credentials("right", "a", "2")));
    }

    #[test]
    fn a_secret_that_changes_often_is_remembered_once() {
        let mut state = State::default();
        for version in 0..100 {
            let version = version.to_string();
            state.refuse(&credentials(&version, "a", &version));
        }
        assert_eq!(state.refused.len(), 1);
        state.forgive(&credentials("99", "b", "1"));
        assert_eq!(state.refused.len(), 0);
    }
}
