//! What one thread does: a session with a token, and a key in it.

use std::sync::Arc;

use signet_core::algorithm::SignatureAlgorithm;
use signet_core::public_key::PublicKey;

use super::fault::Fault;
use super::key::{self, KeyName};
use super::library::Library;
use super::login::{Claim, Credentials, Desk, Login, Refusal};
use super::mechanism;
use super::session::Open;
use super::token::TokenName;
use crate::error::{ErrorClass, KeyError};

/// Where a key is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Place {
    pub(super) module: String,
    /// The tokens of the module that may be used.
    pub(super) tokens: Option<Vec<String>>,
    pub(super) token: TokenName,
    pub(super) key: KeyName,
}

/// For whom a thread works: a key that was connected to.
pub(super) struct Order {
    pub(super) credentials: Arc<Credentials>,
    pub(super) public_key: PublicKey,
}

/// What was connected to.
pub(super) struct Found {
    pub(super) public_key: PublicKey,
    /// None where the token wants no login.
    pub(super) claim: Option<Arc<Claim>>,
}

/// One thread's session, opened when it is first needed and again when it is no longer good.
pub(super) struct Worker {
    library: Arc<Library>,
    place: Place,
    open: Option<Open>,
}

impl Worker {
    pub(super) fn new(library: Arc<Library>, place: Place) -> Self {
        Self {
            library,
            place,
            open: None,
        }
    }

    /// Closes the session, if one is open.
    pub(super) fn reset(&mut self) {
        self.open = None;
    }

    /// Logs in with these credentials and finds the key.
    pub(super) fn connect(&mut self, credentials: &Credentials) -> Result<Found, KeyError> {
        self.twice(|worker| {
            let mut open = worker.session()?;
            let entered = worker.enter(&open, credentials, |login, desk| {
                login.enter(desk, credentials)
            });
            let claim = match entered {
                // A PIN that is refused is no fault of the session, which may be the last one, and
                // others' login ends with that.
                Err(refused @ Fault::Told(_)) => {
                    worker.open = Some(open);
                    return Err(refused);
                }
                entered => entered?,
            };
            let key = key::find(&open.session, &worker.place.key)?;
            open.check_mechanism(&worker.place.token, &key.public_key)?;
            let public_key = key.public_key.clone();
            open.key = Some(key);
            worker.open = Some(open);
            Ok(Found { public_key, claim })
        })
    }

    /// Signs these bytes with the key of the order, and no other.
    pub(super) fn sign(
        &mut self,
        order: &Order,
        algorithm: SignatureAlgorithm,
        message: &[u8],
    ) -> Result<Vec<u8>, KeyError> {
        let (mechanism, _, _) = mechanism::mechanism(algorithm);
        let input = mechanism::input(algorithm, message);
        let signature = self.twice(|worker| {
            let mut open = worker.opened(order)?;
            let key = open.key(&worker.place.key, &order.public_key)?;
            let signature = open.session.sign(&mechanism, key, &input)?;
            worker.open = Some(open);
            Ok(signature)
        })?;
        let signature = mechanism::output(algorithm, signature);
        let verifies = |signature: &Vec<u8>| {
            let key = &order.public_key;
            key.verify(algorithm, message, signature).is_ok()
        };
        if let Some(signature) = signature.filter(verifies) {
            return Ok(signature);
        }
        self.reset();
        // Which of the two it is, the key itself says.
        self.look(order)?;
        let sentence = format!(
            "the PKCS#11 module {} gave a signature that does not verify under the public key \
             beside the private key {}; see that both belong together, and look at the module's \
             log",
            self.place.module, self.place.key
        );
        Err(KeyError::new(ErrorClass::WrongAnswer, sentence))
    }

    /// Looks whether the key is there and is the one of the order.
    pub(super) fn look(&mut self, order: &Order) -> Result<(), KeyError> {
        self.twice(|worker| {
            let mut open = worker.opened(order)?;
            open.key = None;
            open.key(&worker.place.key, &order.public_key)?;
            worker.open = Some(open);
            Ok(())
        })
    }

    /// Does it; and once more in a new session if the old one was no longer good. Work takes the
    /// session and puts it back when all went well: after an error, an operation may still be
    /// active in it.
    fn twice<T>(
        &mut self,
        mut work: impl FnMut(&mut Self) -> Result<T, Fault>,
    ) -> Result<T, KeyError> {
        let mut result = work(self);
        if let Err(fault) = &result {
            if fault.is_not_initialized() {
                result = self
                    .library
                    .initialize()
                    .map_err(Fault::from)
                    .and_then(|()| work(self));
            } else if fault.is_stale() {
                result = work(self);
            }
        }
        result.map_err(|fault| fault.told(&self.place.module))
    }

    /// The session that is open, or a new one in which the token is logged in to again.
    fn opened(&mut self, order: &Order) -> Result<Open, Fault> {
        let credentials = &*order.credentials;
        let was_open = self.open.as_ref().is_some_and(Open::is_current);
        // A token that was there before was taken out, and may come back.
        let open = self.session().map_err(missing_for_now)?;
        if !was_open {
            self.enter(&open, credentials, |login, desk| {
                login.resume(desk, credentials)
            })?;
        } else if let Some(login) = &open.login
            && let Err(refusal) = login.permit(credentials)
        {
            self.open = Some(open);
            return Err(self.refused(refusal, credentials));
        }
        Ok(open)
    }

    /// The session that is open, or a new one.
    fn session(&mut self) -> Result<Open, Fault> {
        match self.open.take() {
            Some(open) if open.is_current() => Ok(open),
            _ => Open::new(&self.library, &self.place),
        }
    }

    /// Logs in, where the token wants that.
    fn enter<T>(
        &self,
        open: &Open,
        credentials: &Credentials,
        log_in: impl FnOnce(&Login, &Desk<'_>) -> Result<T, Refusal>,
    ) -> Result<Option<T>, Fault> {
        let Some(login) = &open.login else {
            return Ok(None);
        };
        let desk = Desk {
            session: &open.session,
            token: &|| open.token(),
        };
        match log_in(login, &desk) {
            Ok(entered) => Ok(Some(entered)),
            Err(refusal) => Err(self.refused(refusal, credentials)),
        }
    }

    fn refused(&self, refusal: Refusal, credentials: &Credentials) -> Fault {
        let Place { module, token, .. } = &self.place;
        let which = format!("the token {token} of the PKCS#11 module {module}");
        let sentence = match refusal {
            Refusal::Fault(fault) => return fault,
            Refusal::Refused => return credentials.refused(token, module).into(),
            Refusal::Differs => format!(
                "the PIN differs from the one with which {which} is logged in, and is not tried; \
                 if the PIN was changed, change it in the Secrets of all issuers of this token"
            ),
            Refusal::Guessed => format!(
                "several PINs of this namespace were not that of {which}; put the right one into \
                 the Secret {}, which is looked at after a while, within an hour",
                credentials.secret.name
            ),
            Refusal::Locked => format!(
                "{which} has locked itself; have its security officer unlock it, and put the \
                 right PIN into the Secret {}",
                credentials.secret.name
            ),
            Refusal::FinalTry => format!(
                "{which} locks itself after one more wrong PIN, so none is tried; log in once \
                 with the right one by the tool of the HSM"
            ),
            Refusal::LoggedOut => format!(
                "{which} is logged out, since the PIN in the Secrets of its issuers was changed; \
                 the issuer connects again"
            ),
        };
        Fault::new(ErrorClass::CredentialsRefused, sentence)
    }
}

/// A token that was there before and is not is one that is away.
fn missing_for_now(fault: Fault) -> Fault {
    match fault {
        Fault::Told(error) if error.class == ErrorClass::KeyNotFound => {
            Fault::new(ErrorClass::Unreachable, error.message)
        }
        other => other,
    }
}
