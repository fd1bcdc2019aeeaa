//! One issuer's connection.

use std::sync::Arc;

use parking_lot::Mutex;
use signet_keys::{
    Access, Backend, Breaker, BreakerEvent, Checked, Connected, GuardedSigner, KeyConfig, KeyError,
    KeyLimiter, KeyLimiters, KeyPin, Limits, SecretData, Signer, self_test,
};

use super::log::KeyLog;
use crate::issuer_name::IssuerName;
use crate::wakeups::Wakeups;

/// An issuer's connected key, as one reconcile observes it.
#[derive(Clone, Debug)]
pub struct Key {
    /// The key, with what protects it and others.
    pub guard: Arc<GuardedSigner>,
    /// The key that its reference resolved to; see [`KeyPin::pin`].
    pub pin: Option<String>,
    /// The Secret in which a certificate may stand beside it.
    pub colocated_secret: Option<SecretData>,
    pub notices: Vec<String>,
}

impl Key {
    /// The SHA-256 of its SubjectPublicKeyInfo, in hex.
    pub fn fingerprint(&self) -> String {
        self.guard.public_key().fingerprint()
    }
}

/// The parameters of a connection. Other parameters make a new connection, without the failures of
/// the one before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Parameters {
    pub(super) uid: String,
    pub(super) config: KeyConfig,
    pub(super) limits: Limits,
}

#[derive(Debug)]
pub(super) struct Connection {
    pub(super) parameters: Parameters,
    pub(super) notifier: Notifier,
    last: tokio::sync::Mutex<LastCheck>,
    /// The circuit breaker of the current key. Each key has its own, so that failures of an earlier
    /// one do not count.
    breaker: Mutex<Arc<Breaker>>,
}

#[derive(Debug, Default)]
struct LastCheck {
    key: Option<Key>,
    /// What the reference was pinned to.
    pin: Option<String>,
    self_tested: bool,
}

/// Logs the changes of an issuer's key, and wakes what depends on it.
#[derive(Clone, Debug)]
pub(super) struct Notifier {
    pub(super) issuer: IssuerName,
    pub(super) wakeups: Wakeups,
    pub(super) log: Arc<KeyLog>,
}

impl Connection {
    pub(super) fn new(parameters: Parameters, notifier: Notifier) -> Self {
        Self {
            parameters,
            breaker: Mutex::new(notifier.breaker()),
            notifier,
            last: tokio::sync::Mutex::default(),
        }
    }

    pub(super) fn breaker(&self) -> Arc<Breaker> {
        self.breaker.lock().clone()
    }

    /// Whether it is connected to the key of this fingerprint. One that is being checked is not.
    pub(super) fn is_to(&self, known: &KeyPin) -> bool {
        let Ok(last) = self.last.try_lock() else {
            return false;
        };
        let key = last.key.as_ref();
        key.is_some_and(|key| Some(key.fingerprint()) == known.fingerprint)
    }

    /// Returns the current key if it is still valid, or connects again.
    pub(super) async fn key(
        &self,
        backend: &(dyn Backend + Send + Sync),
        (access, known): (&Access, &KeyPin),
        limiters: &KeyLimiters,
    ) -> Result<Key, KeyError> {
        let mut last = self.last.lock().await;
        let breaker = self.breaker();
        // While the breaker is open, only a signature shows that the key is back.
        let self_tested = last.self_tested && !breaker.is_open();
        let check = async {
            if let Some(key) = check_held(last.held(known)).await? {
                let self_tested =
                    self_tested || self_test_of_ca_key(&**key.guard.signer(), known).await?;
                return Ok((key, self_tested));
            }
            let found = backend
                .connect(self.parameters.config.rsa_hash, access, known)
                .await?;
            // Before it replaces the current one.
            let self_tested = self_test_of_ca_key(&*found.signer, known).await?;
            let fingerprint = found.signer.public_key().fingerprint();
            let scope = access.tenant.as_deref().unwrap_or_default();
            let limiter = limiters.limiter(scope, &fingerprint, self.parameters.limits);
            Ok((self.guarded(found, limiter), self_tested))
        };
        let (key, self_tested) = breaker.probe(check).await?;
        *last = LastCheck {
            key: Some(key.clone()),
            pin: known.pin.clone(),
            self_tested,
        };
        Ok(key)
    }

    fn guarded(&self, found: Connected, limiter: Arc<KeyLimiter>) -> Key {
        let breaker = self.notifier.breaker();
        *self.breaker.lock() = breaker.clone();
        Key {
            guard: Arc::new(GuardedSigner::new(found.signer, limiter, breaker)),
            pin: found.pin,
            colocated_secret: found.colocated_secret,
            notices: found.notices,
        }
    }
}

/// Checks the current key. Returns none if there is none, or if it has to be connected again.
async fn check_held(held: Option<&Key>) -> Result<Option<Key>, KeyError> {
    let Some(key) = held else {
        return Ok(None);
    };
    match key.guard.signer().check().await {
        Ok(Checked::Unchanged { notices }) => Ok(Some(Key {
            notices,
            ..key.clone()
        })),
        Err(error) if error.class.is_transient() => Err(error),
        // The connection may be broken, or the key may have changed.
        Ok(Checked::Reconnect) | Err(_) => Ok(None),
    }
}

/// Runs the self-test of a key, unless it is not the CA's key. Returns whether it ran.
async fn self_test_of_ca_key(signer: &dyn Signer, known: &KeyPin) -> Result<bool, KeyError> {
    let of_the_ca = |ca: &String| *ca == signer.public_key().fingerprint();
    let may = known.fingerprint.as_ref().is_none_or(of_the_ca);
    if may {
        self_test(signer).await?;
    }
    Ok(may)
}

impl LastCheck {
    /// Returns the key if it is the pinned one. A key that is no longer pinned is resolved again: its
    /// CA is gone, and the reference may lead elsewhere.
    fn held(&self, known: &KeyPin) -> Option<&Key> {
        let held = self.key.as_ref()?;
        let never_pinned = known.pin.is_none() && self.pin.is_none();
        (never_pinned || known.pin == held.pin).then_some(held)
    }
}

impl Notifier {
    fn breaker(&self) -> Arc<Breaker> {
        let notifier = self.clone();
        let report = move |event: BreakerEvent<'_>| {
            let (issuer, wakeups) = (&notifier.issuer, &notifier.wakeups);
            let state = match event {
                BreakerEvent::Opened(error) => Err(error),
                BreakerEvent::Closed | BreakerEvent::Recovered => Ok(()),
            };
            notifier.log.observe(issuer, state);
            // A key that recovers without having been unavailable leaves its issuer ready.
            if event != BreakerEvent::Recovered {
                wakeups.wake_issuer(issuer);
            }
            if state.is_ok() {
                wakeups.wake_requests(Some(issuer));
            }
        };
        Arc::new(Breaker::new(Box::new(report)))
    }
}
