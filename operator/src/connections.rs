//! The connection to the key of each issuer: made once, checked again, dropped with the issuer.

mod connection;
mod limits;
mod log;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::{Arc, MutexGuard};
use std::time::Duration;

use signet_api::{IssuerKind, IssuerSpec};
use signet_keys::{Access, Breaker, KeyError, KeyLimiters, KeyPin, KeyedSemaphore};
use tokio::sync::broadcast;

use connection::{Connection, Notifier, Parameters};
pub use connection::{Key, KeyChange, KeyEvent};
pub use limits::Caps;
use limits::limits;

use crate::issuer_name::IssuerName;
use crate::lock::Mutex;

/// How many changes may be queued. The next resync makes up for a missed one.
const MAX_CHANGES: usize = 1024;

/// The maximum number of keys of one namespace that are checked or connected concurrently. A key
/// that hangs takes seconds, and one namespace must not exhaust the connection pool.
const MAX_CHECKS_PER_NAMESPACE: usize = 32;

/// The connections of all issuers.
#[derive(Debug)]
pub struct Connections {
    by_issuer: Mutex<HashMap<IssuerName, Arc<Connection>>>,
    limiters: KeyLimiters,
    checks: KeyedSemaphore<String>,
    caps: Caps,
    changes: broadcast::Sender<KeyChange>,
}

impl Connections {
    /// Returns an empty set of connections. The caps bound the limits of every issuer.
    pub fn new(caps: Caps) -> Self {
        Self {
            by_issuer: Mutex::default(),
            limiters: KeyLimiters::default(),
            checks: KeyedSemaphore::new(MAX_CHECKS_PER_NAMESPACE),
            caps,
            changes: broadcast::channel(MAX_CHANGES).0,
        }
    }

    /// Returns the key of an issuer: the connected one if it is still valid, or a new connection.
    ///
    /// # Errors
    /// The key cannot be used, or not now. An unavailable backend is not called: the last error is
    /// returned until the next probe.
    pub async fn key(
        &self,
        issuer: (&IssuerName, &str),
        spec: &IssuerSpec,
        access: &Access,
        known: &KeyPin,
    ) -> Result<Key, KeyError> {
        let connection = self.connection(issuer, spec);
        let _place = match &access.tenant {
            Some(tenant) => Some(self.checks.enter(tenant.clone()).await),
            None => None,
        };
        let key = connection.key(spec.key.backend(), (access, known), &self.limiters);
        // What the breaker adds for requests would make a condition's sentence go to and fro.
        let key = key
            .await
            .map_err(|error| connection.breaker().last_error().unwrap_or(error));
        connection.observe(key.as_ref().map(drop));
        key
    }

    /// Whether the backend of an issuer is known to be unavailable.
    pub fn is_away(&self, issuer: &IssuerName) -> bool {
        self.breaker(issuer)
            .is_some_and(|breaker| breaker.is_open())
    }

    /// How long an issuer's unavailable backend is not called; none if it may be called.
    pub fn rest(&self, issuer: &IssuerName) -> Option<Duration> {
        self.breaker(issuer)?.rest()
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

    /// Each change of an issuer's key.
    pub fn changes(&self) -> broadcast::Receiver<KeyChange> {
        self.changes.subscribe()
    }

    fn breaker(&self, issuer: &IssuerName) -> Option<Arc<Breaker>> {
        let connection = self.lock().get(issuer).cloned();
        connection.map(|connection| connection.breaker())
    }

    fn connection(&self, (name, uid): (&IssuerName, &str), spec: &IssuerSpec) -> Arc<Connection> {
        let parameters = Parameters {
            uid: uid.to_owned(),
            config: spec.key.clone(),
            limits: limits(spec, self.caps),
        };
        let mut by_issuer = self.lock();
        match by_issuer.get(name) {
            Some(connection) if connection.parameters == parameters => connection.clone(),
            _ => {
                let notifier = Notifier {
                    issuer: name.clone(),
                    changes: self.changes.clone(),
                    log: Arc::default(),
                };
                let connection = Arc::new(Connection::new(parameters, notifier));
                by_issuer.insert(name.clone(), connection.clone());
                connection
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<IssuerName, Arc<Connection>>> {
        self.by_issuer.lock()
    }
}
