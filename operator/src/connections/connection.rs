//! One issuer's connection.

use std::sync::Arc;

use signet_keys::{
    Access, Backend, Breaker, BreakerEvent, Checked, Connected, GuardedSigner, KeyConfig, KeyError,
    KeyLimiter, KeyLimiters, KeyPin, Limits, SecretData, Signer, self_test,
};
use tokio::sync::broadcast;

use super::log::KeyLog;
use crate::issuer_name::IssuerName;
use crate::lock::Mutex;

/// A key as it was found in one round.
#[derive(Clone, Debug)]
pub struct Key {
    /// The key, with what protects it and others.
    pub guard: Arc<GuardedSigner>,
    /// What its reference was resolved to; see [`KeyPin::pin`].
    pub pin: Option<String>,
    /// The Secret in which a certificate may stand beside it.
    pub colocated_secret: Option<SecretData>,
    /// What a reader of the issuer's status should know.
    pub notices: Vec<String>,
}

/// A change of an issuer's key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The issuer.
    pub issuer: IssuerName,
    /// What changed.
    pub event: KeyEvent,
}

/// What changed about a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyEvent {
    /// It is unavailable.
    Unavailable,
    /// It is available again.
    Available,
    /// It signs again, after failures that did not make it unavailable.
    Recovered,
}

impl From<BreakerEvent<'_>> for KeyEvent {
    fn from(event: BreakerEvent<'_>) -> Self {
        match event {
            BreakerEvent::Opened(_) => Self::Unavailable,
            BreakerEvent::Closed => Self::Available,
            BreakerEvent::Recovered => Self::Recovered,
        }
    }
}

/// What a connection is made of. Another one of these is another connection, which knows nothing
/// of what went wrong with the one before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Made {
    pub(super) uid: String,
    pub(super) config: KeyConfig,
    pub(super) limits: Limits,
}

/// One issuer's connection.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) made: Made,
    alarm: Alarm,
    /// What was found at the last look.
    last: tokio::sync::Mutex<Last>,
    /// That of the key that is held. What was connected before has its own, so that it does not
    /// count against the key which came after it.
    breaker: Mutex<Arc<Breaker>>,
}

/// What was found at the last look.
#[derive(Debug, Default)]
struct Last {
    key: Option<Key>,
    /// What the reference was pinned to.
    pin: Option<String>,
    /// Whether the key has shown that it signs.
    tried: bool,
}

/// Tells that an issuer's backend went away or came back.
#[derive(Clone, Debug)]
pub(super) struct Alarm {
    pub(super) issuer: IssuerName,
    pub(super) changes: broadcast::Sender<Change>,
    pub(super) log: Arc<KeyLog>,
}

impl Connection {
    pub(super) fn new(made: Made, alarm: Alarm) -> Self {
        Self {
            made,
            breaker: Mutex::new(alarm.breaker()),
            alarm,
            last: tokio::sync::Mutex::default(),
        }
    }

    /// Logs how the key is, if that has changed.
    pub(super) fn observe(&self, state: Result<(), &KeyError>) {
        self.alarm.log.observe(&self.alarm.issuer, state);
    }

    /// What tells whether the key that is held is away.
    pub(super) fn breaker(&self) -> Arc<Breaker> {
        let breaker = self.breaker.lock();
        breaker.clone()
    }

    /// The key that is held, if it still holds, or a new connection.
    pub(super) async fn key(
        &self,
        backend: &(dyn Backend + Send + Sync),
        (access, known): (&Access, &KeyPin),
        limiters: &KeyLimiters,
    ) -> Result<Key, KeyError> {
        let mut last = self.last.lock().await;
        let breaker = self.breaker();
        // While it counts as dead, to look at it tells less than to have it sign.
        let tried = last.tried && !breaker.is_open();
        let look = async {
            if let Some(key) = look(last.held(known)).await? {
                let tried = tried || try_out(&**key.guard.signer(), known).await?;
                return Ok((key, tried));
            }
            let found = backend.connect(access, known).await?;
            // Before it takes the place of the one that was held.
            let tried = try_out(&*found.signer, known).await?;
            let fingerprint = found.signer.public_key().fingerprint();
            let scope = access.tenant.as_deref().unwrap_or_default();
            let limiter = limiters.limiter(scope, &fingerprint, self.made.limits);
            Ok((self.guarded(found, limiter), tried))
        };
        let (key, tried) = breaker.probe(look).await?;
        *last = Last {
            key: Some(key.clone()),
            pin: known.pin.clone(),
            tried,
        };
        Ok(key)
    }

    fn guarded(&self, found: Connected, limiter: Arc<KeyLimiter>) -> Key {
        let breaker = self.alarm.breaker();
        *self.breaker.lock() = breaker.clone();
        Key {
            guard: Arc::new(GuardedSigner::new(found.signer, limiter, breaker)),
            pin: found.pin,
            colocated_secret: found.colocated_secret,
            notices: found.notices,
        }
    }
}

/// Looks at the key that is held. None if there is none, or only connecting tells.
async fn look(held: Option<&Key>) -> Result<Option<Key>, KeyError> {
    let Some(key) = held else {
        return Ok(None);
    };
    match key.guard.signer().check().await {
        Ok(Checked::Unchanged { notices }) => Ok(Some(Key {
            notices,
            ..key.clone()
        })),
        Err(error) if error.class.is_transient() => Err(error),
        // The fault may be the connection's own, or the key another one by now.
        Ok(Checked::Reconnect) | Err(_) => Ok(None),
    }
}

/// Has a key sign, since that it is there is not enough; but not one that is another than the CA's.
/// Whether it has signed.
async fn try_out(signer: &dyn Signer, known: &KeyPin) -> Result<bool, KeyError> {
    let of_the_ca = |ca: &String| *ca == signer.public_key().fingerprint();
    let may = known.fingerprint.as_ref().is_none_or(of_the_ca);
    if may {
        self_test(signer).await?;
    }
    Ok(may)
}

impl Last {
    /// The key, if it is the one that is known. One that was pinned until now and is not any more
    /// is looked for anew: its CA is gone, and the reference may lead elsewhere.
    fn held(&self, known: &KeyPin) -> Option<&Key> {
        let held = self.key.as_ref()?;
        let never_pinned = known.pin.is_none() && self.pin.is_none();
        (never_pinned || known.pin == held.pin).then_some(held)
    }
}

impl Alarm {
    fn breaker(&self) -> Arc<Breaker> {
        let alarm = self.clone();
        let report = move |event: BreakerEvent<'_>| {
            alarm.log.observe(&alarm.issuer, event.into());
            let change = Change {
                issuer: alarm.issuer.clone(),
                event: event.into(),
            };
            // Without a receiver, the next reconcile of the issuer sees it.
            let _ = alarm.changes.send(change);
        };
        Arc::new(Breaker::new(Box::new(report)))
    }
}
