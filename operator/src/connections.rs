//! The connections to the keys of each issuer: made once, checked again, dropped with the issuer.
//! One is for the key of the active CA generation, one for that of the next.

mod connection;
mod log;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use parking_lot::Mutex;
use signet_api::{IssuerKind, KeyLimits, NamespaceLimits};
use signet_keys::{
    Access, Breaker, KeyConfig, KeyError, KeyLimiters, KeyPin, KeyedSemaphore, Limits, TenantLimit,
};

pub use connection::Key;
use connection::{Connection, Notifier, Parameters};

use crate::deadline::queued;
use crate::issuer_name::IssuerName;
use crate::wakeups::Wakeups;

/// The maximum number of keys of one namespace that are checked or connected concurrently. A key
/// that hangs takes seconds, and one namespace must not exhaust the connection pool.
const MAX_CHECKS_PER_NAMESPACE: usize = 32;

/// Whose key a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The active generation's.
    Active,
    /// The next generation's.
    Next,
}

/// The connections of one issuer.
#[derive(Debug, Default)]
struct Slots {
    active: Option<Arc<Connection>>,
    next: Option<Arc<Connection>>,
}

impl Slots {
    fn of(&mut self, role: Role) -> &mut Option<Arc<Connection>> {
        match role {
            Role::Active => &mut self.active,
            Role::Next => &mut self.next,
        }
    }
}

#[derive(Debug)]
pub struct Connections {
    by_issuer: Mutex<HashMap<IssuerName, Slots>>,
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

    /// Returns a key of an issuer: the connected one if it is still valid, or a new connection. Where
    /// `creates_key`, a missing key is about to be created, and is not logged.
    ///
    /// # Errors
    /// The key cannot be used, or not now. An unavailable backend is not called: the last error is
    /// returned until the next probe.
    pub async fn key(
        &self,
        issuer: (&IssuerName, &str),
        role: Role,
        (config, key_limits): (&KeyConfig, Option<KeyLimits>),
        access: &Access,
        known: &KeyPin,
        creates_key: bool,
    ) -> Result<Key, KeyError> {
        let parameters = Parameters {
            uid: issuer.1.to_owned(),
            config: config.clone(),
            limits: limits((issuer.0.kind, config), key_limits, self.caps),
        };
        let connection = self.connection(issuer.0, role, parameters, known);
        let log = &connection.notifier.log;
        log.creates_key.store(creates_key, Ordering::Relaxed);
        let _permit = match &access.tenant {
            // The keys before it may be slow.
            Some(tenant) => queued(self.checks.enter(tenant.clone())).await,
            None => None,
        };
        let key = connection.key(config.backend(), (access, known), &self.limiters);
        // What the breaker adds for requests would make a condition's message flap.
        let key = key
            .await
            .map_err(|error| connection.breaker().last_error().unwrap_or(error));
        log.observe(issuer.0, key.as_ref().map(drop));
        key
    }

    /// Whether the key that signs is unavailable, or the one that is to sign if none does.
    pub fn is_unavailable(&self, issuer: &IssuerName) -> bool {
        self.breaker(issuer)
            .is_some_and(|breaker| breaker.is_open())
    }

    /// How long the unavailable backend of that key is not called; none if it may be called.
    pub fn rest(&self, issuer: &IssuerName) -> Option<Duration> {
        self.breaker(issuer)?.rest()
    }

    pub fn forget(&self, issuer: &IssuerName) {
        self.by_issuer.lock().remove(issuer);
    }

    /// Drops a connection that is not needed: an old key is no longer used or probed.
    pub fn forget_role(&self, issuer: &IssuerName, role: Role) {
        if let Some(slots) = self.by_issuer.lock().get_mut(issuer) {
            *slots.of(role) = None;
        }
    }

    pub fn issuers(&self) -> Vec<IssuerName> {
        self.by_issuer.lock().keys().cloned().collect()
    }

    fn breaker(&self, issuer: &IssuerName) -> Option<Arc<Breaker>> {
        let by_issuer = self.by_issuer.lock();
        let slots = by_issuer.get(issuer)?;
        let connection = slots.active.as_ref().or(slots.next.as_ref())?;
        Some(connection.breaker())
    }

    fn connection(
        &self,
        name: &IssuerName,
        role: Role,
        parameters: Parameters,
        known: &KeyPin,
    ) -> Arc<Connection> {
        let mut by_issuer = self.by_issuer.lock();
        let slots = by_issuer.entry(name.clone()).or_default();
        // The next generation was activated, and its key is connected.
        let is_promoted = |next: &mut Arc<Connection>| {
            role == Role::Active && next.parameters == parameters && next.is_to(known)
        };
        if let Some(next) = slots.next.take_if(is_promoted) {
            slots.active = Some(next);
        }
        let slot = slots.of(role);
        match slot {
            Some(connection) if connection.parameters == parameters => connection.clone(),
            _ => {
                let notifier = Notifier {
                    issuer: name.clone(),
                    wakeups: self.wakeups.clone(),
                    log: Arc::default(),
                };
                let connection = Arc::new(Connection::new(parameters, notifier));
                *slot = Some(connection.clone());
                connection
            }
        }
    }
}

/// Returns the spec's limits, or the backend's where the spec has none, under the caps.
fn limits(
    (kind, config): (IssuerKind, &KeyConfig),
    of_spec: Option<KeyLimits>,
    caps: Limits,
) -> Limits {
    let backend = config.backend().limits();
    let limits = of_spec.unwrap_or_default();
    let per_second = limits.signatures_per_second.or(backend.per_second);
    let max_in_flight = limits.max_in_flight.unwrap_or(backend.max_in_flight);
    let per_second = per_second.into_iter().chain(caps.per_second).min();
    Limits {
        per_second,
        max_in_flight: max_in_flight.min(caps.max_in_flight),
        per_tenant: match (limits.per_namespace, kind) {
            (Some(of_spec), _) => Some(of_namespace(of_spec)),
            (None, IssuerKind::ClusterIssuer) => per_second.map(half),
            (None, IssuerKind::Issuer | IssuerKind::MeshCA) => None,
        },
    }
}

fn of_namespace(limits: NamespaceLimits) -> TenantLimit {
    TenantLimit {
        per_second: limits.signatures_per_second,
        burst: limits.burst.unwrap_or(limits.signatures_per_second),
    }
}

/// Half of a key's rate, and of what it signs in a second.
fn half(per_second: u32) -> TenantLimit {
    let half = per_second.div_ceil(2);
    TenantLimit {
        per_second: half,
        burst: half,
    }
}
