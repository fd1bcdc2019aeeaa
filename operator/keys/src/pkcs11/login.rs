//! The login to a token. It is the process's, not an issuer's, and a wrong PIN costs a try.

use std::sync::{Arc, Mutex, Weak};
use std::time::Instant;

use cryptoki::error::{Error, RvError};
use cryptoki::session::{Session, SessionState, UserType};
use cryptoki::slot::TokenInfo;
use cryptoki::types::AuthPin;

use super::fault::{Fault, lock};
use super::guesses::Guesses;
use super::pin_digest::PinDigest;
use super::refused::RefusedPins;

/// What an issuer logs in with, and where it is from.
pub(super) struct Credentials {
    pub(super) digest: PinDigest,
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
    /// So many PINs of this tenant were wrong that none is compared or tried for a while.
    Guessed,
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
    refused: RefusedPins,
    guesses: Guesses,
}

/// The PIN that the token accepted, and who holds on to it.
#[derive(Clone)]
struct Accepted {
    digest: PinDigest,
    /// ClusterIssuers.
    cluster: Weak<Claim>,
    /// Issuers.
    tenants: Weak<Claim>,
}

/// Where one logs in.
pub(super) struct Desk<'a> {
    pub(super) session: &'a Session,
    /// Reads the token as it is now.
    pub(super) token: &'a dyn Fn() -> Result<TokenInfo, Fault>,
}

impl Login {
    /// Logs in for an issuer that connects, or finds that the token is logged in with its PIN.
    ///
    /// A token that is logged in says nothing of another PIN: while the login is held, a PIN is
    /// compared with that of the login and not tried. When nobody holds it, the Secrets have all
    /// changed. A ClusterIssuer does not wait for tenants to change theirs.
    pub(super) fn enter(
        &self,
        desk: &Desk<'_>,
        credentials: &Credentials,
    ) -> Result<Arc<Claim>, Refusal> {
        let _door = lock(&self.door);
        let accepted = lock(&self.state).accepted.clone();
        let accepted = match accepted {
            Some(accepted) if accepted.is_held_against(credentials) => {
                lock(&self.state).compare(&accepted, credentials)?;
                self.log_in(desk, credentials)?;
                Some(accepted)
            }
            Some(accepted) if accepted.digest == credentials.digest => {
                self.log_in(desk, credentials)?;
                Some(accepted)
            }
            other => {
                lock(&self.state).may_try(credentials)?;
                desk.may_try()?;
                if other.is_some() {
                    lock(&self.state).accepted = None;
                    log_out(desk.session)?;
                }
                self.try_pin(desk, credentials)?;
                None
            }
        };
        let mut accepted = accepted.unwrap_or_else(|| Accepted::new(credentials));
        let claim = accepted.claim(credentials);
        lock(&self.state).accepted = Some(accepted);
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
        Err(if state.refused.includes(credentials) {
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
        desk.may_try()?;
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
                lock(&self.state).accept(credentials);
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

impl Accepted {
    fn new(credentials: &Credentials) -> Self {
        Self {
            digest: credentials.digest.clone(),
            cluster: Weak::new(),
            tenants: Weak::new(),
        }
    }

    /// Whether somebody holds on to the login whom this issuer may not log out.
    fn is_held_against(&self, credentials: &Credentials) -> bool {
        let by_tenants = credentials.secret.tenant.is_some() && self.tenants.strong_count() > 0;
        by_tenants || self.cluster.strong_count() > 0
    }

    /// One more who holds on to it.
    fn claim(&mut self, credentials: &Credentials) -> Arc<Claim> {
        let holders = match credentials.secret.tenant {
            Some(_) => &mut self.tenants,
            None => &mut self.cluster,
        };
        holders.upgrade().unwrap_or_else(|| {
            let claim = Arc::new(Claim);
            *holders = Arc::downgrade(&claim);
            claim
        })
    }
}

impl State {
    /// Holds a PIN against that of the login.
    fn compare(&mut self, accepted: &Accepted, credentials: &Credentials) -> Result<(), Refusal> {
        let now = Instant::now();
        if !self.guesses.may(credentials, now) {
            return Err(Refusal::Guessed);
        }
        if accepted.digest == credentials.digest {
            self.guesses.right(credentials);
            return Ok(());
        }
        self.guesses.wrong(credentials, now);
        Err(Refusal::Differs)
    }

    /// Whether a PIN may be tried at the token, as far as its word on earlier ones goes.
    fn may_try(&mut self, credentials: &Credentials) -> Result<(), Refusal> {
        if self.refused.includes(credentials) {
            Err(Refusal::Refused)
        } else if !self.guesses.may_try(credentials, Instant::now()) {
            Err(Refusal::Guessed)
        } else {
            Ok(())
        }
    }

    fn accept(&mut self, credentials: &Credentials) {
        self.refused.forgive(credentials);
        self.guesses.right(credentials);
    }

    fn refuse(&mut self, credentials: &Credentials) {
        if let Some(accepted) = &self.accepted
            && accepted.digest == credentials.digest
        {
            self.accepted = None;
        }
        self.refused.add(credentials);
        self.guesses.tried(credentials, Instant::now());
    }
}

impl Desk<'_> {
    /// A token that is locked, or about to be, is left alone. This is asked behind the door: who
    /// stood there before may have used up a try.
    fn may_try(&self) -> Result<(), Refusal> {
        let token = (self.token)()?;
        if token.user_pin_locked() {
            Err(Refusal::Locked)
        } else if token.user_pin_final_try() {
            Err(Refusal::FinalTry)
        } else {
            Ok(())
        }
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
pub(super) mod fixtures {
    use super::*;

    /// The PIN of a ClusterIssuer, in this version of a Secret.
    pub(crate) fn credentials(pin: &str, secret: &str, version: &str) -> Credentials {
        Credentials {
            digest: PinDigest::of(pin).unwrap(),
            pin: AuthPin::new(pin.into()),
            secret: SecretId {
                tenant: None,
                name: secret.to_owned(),
                key: "pin".to_owned(),
            },
            version: version.to_owned(),
        }
    }

    /// The PIN of an Issuer in this namespace.
    pub(crate) fn of_tenant(namespace: &str, pin: &str) -> Credentials {
        let mut credentials = credentials(pin, "pin", "1");
        credentials.secret.tenant = Some(namespace.to_owned());
        credentials
    }
}
