//! The connection to the key of each issuer: made once, looked at again, dropped with the issuer.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::{Arc, Mutex as SyncMutex, PoisonError};

use signet_api::{IssuerKind, IssuerSpec};
use signet_keys::{
    Breaker, Checked, Connected, Gates, Guard, KeyConfig, KeyError, Known, Limits, Reach,
    SecretData,
};
use tokio::sync::{Mutex, broadcast};

use crate::keyring::IssuerName;

/// How many changes may wait to be looked at. Who misses one sees it at the next resync.
const CHANGES: usize = 1024;

/// A key as it was found in one round.
#[derive(Clone, Debug)]
pub struct Key {
    /// The key, with what protects it and others.
    pub guard: Arc<Guard>,
    /// What its reference was resolved to; see [`Known::pin`].
    pub pin: Option<String>,
    /// The Secret in which a certificate may stand beside it.
    pub beside: Option<SecretData>,
    /// What a reader of the issuer's status should know.
    pub notices: Vec<String>,
}

/// What a connection is made of. Another one of these is another connection, which knows nothing
/// of what went wrong with the one before.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Made {
    uid: String,
    config: KeyConfig,
    limits: Limits,
}

/// One issuer's connection, and what it was when it was looked at last.
#[derive(Debug)]
struct Connection {
    made: Made,
    breaker: Arc<Breaker>,
    key: Mutex<Option<Key>>,
}

/// The connections of all issuers.
#[derive(Debug)]
pub struct Connections {
    by_issuer: SyncMutex<HashMap<IssuerName, Arc<Connection>>>,
    gates: Gates,
    changes: broadcast::Sender<IssuerName>,
}

impl Default for Connections {
    fn default() -> Self {
        Self {
            by_issuer: SyncMutex::default(),
            gates: Gates::default(),
            changes: broadcast::channel(CHANGES).0,
        }
    }
}

impl Connections {
    /// The key of an issuer: the one that is connected, if it still holds, or a new connection.
    ///
    /// # Errors
    /// The key cannot be used, or not now. A backend that is away is not called: the last error
    /// is told again until it is time to try.
    pub async fn key(
        &self,
        issuer: (&IssuerName, &str),
        spec: &IssuerSpec,
        reach: &Reach,
        known: &Known,
    ) -> Result<Key, KeyError> {
        let connection = self.connection(issuer, spec);
        let key = Self::look(&connection, reach, known, &self.gates).await;
        // What the breaker adds for requests would make a condition's sentence go to and fro.
        key.map_err(|error| connection.breaker.last_error().unwrap_or(error))
    }

    async fn look(
        connection: &Connection,
        reach: &Reach,
        known: &Known,
        gates: &Gates,
    ) -> Result<Key, KeyError> {
        let mut connected = connection.key.lock().await;
        if let Some(key) = connected.as_mut()
            && (known.pin.is_none() || known.pin == key.pin)
        {
            match key.guard.check().await? {
                Checked::Same { notices } => {
                    key.notices = notices;
                    return Ok(key.clone());
                }
                Checked::ConnectAgain => {}
            }
        }
        let backend = connection.made.config.backend();
        let found = connection
            .breaker
            .probe(backend.connect(reach, known))
            .await?;
        let scope = reach.tenant.as_deref().unwrap_or_default();
        let key = guarded(found, (gates, scope), connection);
        *connected = Some(key.clone());
        Ok(key)
    }

    /// Whether the backend of an issuer is known to be away.
    pub fn is_away(&self, issuer: &IssuerName) -> bool {
        let connection = self.lock().get(issuer).cloned();
        connection.is_some_and(|connection| connection.breaker.is_open())
    }

    /// Drops the connection of an issuer that is gone.
    pub fn forget(&self, issuer: &IssuerName) {
        self.lock().remove(issuer);
    }

    /// Drops the connections of a kind's issuers that `exists` does not know.
    pub fn retain(&self, kind: IssuerKind, exists: impl Fn(&IssuerName) -> bool) {
        self.lock()
            .retain(|name, _| name.kind != kind || exists(name));
    }

    /// Names each issuer whose backend went away or came back.
    pub fn changes(&self) -> broadcast::Receiver<IssuerName> {
        self.changes.subscribe()
    }

    fn connection(&self, (name, uid): (&IssuerName, &str), spec: &IssuerSpec) -> Arc<Connection> {
        let made = Made {
            uid: uid.to_owned(),
            config: spec.key.clone(),
            limits: limits(spec),
        };
        let mut by_issuer = self.lock();
        match by_issuer.get(name) {
            Some(connection) if connection.made == made => connection.clone(),
            _ => {
                let connection = Arc::new(self.new_connection(name, made));
                by_issuer.insert(name.clone(), connection.clone());
                connection
            }
        }
    }

    fn new_connection(&self, name: &IssuerName, made: Made) -> Connection {
        let (changes, issuer) = (self.changes.clone(), name.clone());
        let told = move |_open| {
            // Nobody listening is no error: the issuer is looked at again in any case.
            let _ = changes.send(issuer.clone());
        };
        Connection {
            made,
            breaker: Arc::new(Breaker::new(Box::new(told))),
            key: Mutex::default(),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<IssuerName, Arc<Connection>>> {
        self.by_issuer
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

fn guarded(found: Connected, (gates, scope): (&Gates, &str), connection: &Connection) -> Key {
    let fingerprint = found.signer.public_key().fingerprint();
    let gate = gates.gate(scope, &fingerprint, connection.made.limits);
    Key {
        guard: Arc::new(Guard::new(found.signer, gate, connection.breaker.clone())),
        pin: found.pin,
        beside: found.beside,
        notices: found.notices,
    }
}

/// The backend's own limits, where the spec does not say.
fn limits(spec: &IssuerSpec) -> Limits {
    let own = spec.key.backend().limits();
    let said = spec.key_limits.unwrap_or_default();
    Limits {
        per_second: said.signatures_per_second.or(own.per_second),
        at_once: said.at_once.unwrap_or(own.at_once),
    }
}
