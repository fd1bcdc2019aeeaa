//! The connection to the key of each issuer: made once, checked again, dropped with the issuer.

mod connection;
mod log;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use parking_lot::Mutex;
use signet_api::IssuerSpec;
use signet_keys::{Access, Breaker, KeyError, KeyLimiters, KeyPin, KeyedSemaphore, Limits};

pub use connection::Key;
use connection::{Connection, Notifier, Parameters};

use crate::issuer_name::IssuerName;
use crate::wakeups::Wakeups;

/// The maximum number of keys of one namespace that are checked or connected concurrently. A key
/// that hangs takes seconds, and one namespace must not exhaust the connection pool.
const MAX_CHECKS_PER_NAMESPACE: usize = 32;

#[derive(Debug)]
pub struct Connections {
    by_issuer: Mutex<HashMap<IssuerName, Arc<Connection>>>,
    limiters: KeyLimiters,
    checks: KeyedSemaphore<String>,
    /// The upper bounds of every issuer's limits.
    caps: Limits,
    wakeups: Wakeups,
}

impl Connections {
    pub fn new(caps: Limits, wakeups: Wakeups) -> Self {
        Self {
            by_issuer: Mutex::default(),
            limiters: KeyLimiters::default(),
            checks: KeyedSemaphore::new(MAX_CHECKS_PER_NAMESPACE),
            caps,
            wakeups,
        }
    }

    /// Returns the key of an issuer: the connected one if it is still valid, or a new connection.
    /// Where `creates_key`, a missing key is about to be created, and is not logged.
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
        creates_key: bool,
    ) -> Result<Key, KeyError> {
        let connection = self.connection(issuer, spec);
        let log = &connection.notifier.log;
        log.creates_key.store(creates_key, Ordering::Relaxed);
        let _permit = match &access.tenant {
            Some(tenant) => self.checks.enter(tenant.clone()).await,
            None => None,
        };
        let key = connection.key(spec.key.backend(), (access, known), &self.limiters);
        // What the breaker adds for requests would make a condition's message flap.
        let key = key
            .await
            .map_err(|error| connection.breaker().last_error().unwrap_or(error));
        log.observe(issuer.0, key.as_ref().map(drop));
        key
    }

    pub fn is_unavailable(&self, issuer: &IssuerName) -> bool {
        self.breaker(issuer)
            .is_some_and(|breaker| breaker.is_open())
    }

    /// How long an issuer's unavailable backend is not called; none if it may be called.
    pub fn rest(&self, issuer: &IssuerName) -> Option<Duration> {
        self.breaker(issuer)?.rest()
    }

    pub fn forget(&self, issuer: &IssuerName) {
        self.by_issuer.lock().remove(issuer);
    }

    pub fn issuers(&self) -> Vec<IssuerName> {
        self.by_issuer.lock().keys().cloned().collect()
    }

    fn breaker(&self, issuer: &IssuerName) -> Option<Arc<Breaker>> {
        let connection = self.by_issuer.lock().get(issuer).cloned();
        connection.map(|connection| connection.breaker())
    }

    fn connection(&self, (name, uid): (&IssuerName, &str), spec: &IssuerSpec) -> Arc<Connection> {
        let parameters = Parameters {
            uid: uid.to_owned(),
            config: spec.key.clone(),
            limits: limits(spec, self.caps),
        };
        let mut by_issuer = self.by_issuer.lock();
        match by_issuer.get(name) {
            Some(connection) if connection.parameters == parameters => connection.clone(),
            _ => {
                let notifier = Notifier {
                    issuer: name.clone(),
                    wakeups: self.wakeups.clone(),
                    log: Arc::default(),
                };
                let connection = Arc::new(Connection::new(parameters, notifier));
                by_issuer.insert(name.clone(), connection.clone());
                connection
            }
        }
    }
}

/// Returns the spec's limits, or the backend's where the spec has none, under the caps.
fn limits(spec: &IssuerSpec, caps: Limits) -> Limits {
    let backend = spec.key.backend().limits();
    let limits = spec.key_limits.unwrap_or_default();
    let per_second = limits.signatures_per_second.or(backend.per_second);
    let max_in_flight = limits.max_in_flight.unwrap_or(backend.max_in_flight);
    Limits {
        per_second: per_second.into_iter().chain(caps.per_second).min(),
        max_in_flight: max_in_flight.min(caps.max_in_flight),
    }
}
