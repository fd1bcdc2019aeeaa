//! The connection to the key of each issuer: made once, looked at again, dropped with the issuer.

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

use connection::{Alarm, Connection, Made};
pub use connection::{Change, Key, KeyEvent};
pub use limits::Caps;
use limits::limits;

use crate::issuer_name::IssuerName;
use crate::lock::Mutex;

/// How many changes may wait to be looked at. Who misses one sees it at the next resync.
const MAX_CHANGES: usize = 1024;

/// How many keys of one namespace are looked at or connected to at the same time. One that hangs
/// takes seconds, and whoever makes a thousand Issuers shall not take everybody's connections.
const MAX_CHECKS_PER_NAMESPACE: usize = 32;

/// The connections of all issuers.
#[derive(Debug)]
pub struct Connections {
    by_issuer: Mutex<HashMap<IssuerName, Arc<Connection>>>,
    limiters: KeyLimiters,
    looks: KeyedSemaphore<String>,
    caps: Caps,
    changes: broadcast::Sender<Change>,
}

impl Connections {
    /// No connections yet. No issuer's limits exceed the caps.
    pub fn new(caps: Caps) -> Self {
        Self {
            by_issuer: Mutex::default(),
            limiters: KeyLimiters::default(),
            looks: KeyedSemaphore::new(MAX_CHECKS_PER_NAMESPACE),
            caps,
            changes: broadcast::channel(MAX_CHANGES).0,
        }
    }

    /// The key of an issuer: the one that is connected, if it still holds, or a new connection.
    ///
    /// # Errors
    /// The key cannot be used, or not now. A backend that is away is not called: the last error
    /// is told again until it is time to try.
    pub async fn key(
        &self,
        issuer: (&IssuerName, &str),
        spec: &IssuerSpec,
        access: &Access,
        known: &KeyPin,
    ) -> Result<Key, KeyError> {
        let connection = self.connection(issuer, spec);
        let _place = match &access.tenant {
            Some(tenant) => Some(self.looks.enter(tenant.clone()).await),
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

    /// Whether the backend of an issuer is known to be away.
    pub fn is_away(&self, issuer: &IssuerName) -> bool {
        self.breaker(issuer)
            .is_some_and(|breaker| breaker.is_open())
    }

    /// How long an issuer's backend that is away is left alone; none if it may be called.
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
    pub fn changes(&self) -> broadcast::Receiver<Change> {
        self.changes.subscribe()
    }

    fn breaker(&self, issuer: &IssuerName) -> Option<Arc<Breaker>> {
        let connection = self.lock().get(issuer).cloned();
        connection.map(|connection| connection.breaker())
    }

    fn connection(&self, (name, uid): (&IssuerName, &str), spec: &IssuerSpec) -> Arc<Connection> {
        let made = Made {
            uid: uid.to_owned(),
            config: spec.key.clone(),
            limits: limits(spec, self.caps),
        };
        let mut by_issuer = self.lock();
        match by_issuer.get(name) {
            Some(connection) if connection.made == made => connection.clone(),
            _ => {
                let alarm = Alarm {
                    issuer: name.clone(),
                    changes: self.changes.clone(),
                    log: Arc::default(),
                };
                let connection = Arc::new(Connection::new(made, alarm));
                by_issuer.insert(name.clone(), connection.clone());
                connection
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<IssuerName, Arc<Connection>>> {
        self.by_issuer.lock()
    }
}
