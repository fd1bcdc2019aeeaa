//! What every reconcile is given.

use std::time::Duration;

use jiff::Timestamp;
use kube::Client;
use kube::runtime::reflector::{ObjectRef, Store};
use signet_api::{ClusterIssuer, Issuer, IssuerKind};
use signet_core::request::ServiceAccount;
use tokio::sync::Semaphore;

use crate::apply::Writer;
use crate::attempts::Attempts;
use crate::health::Health;
use crate::keyring::{Found, IssuerName, Keyring, Version};
use crate::metrics::Metrics;

/// A reconcile that takes longer is given up and tried again.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// The settings that reconciles go by.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The namespace of a ClusterIssuer's Secrets and CA generations.
    pub cluster_resource_namespace: String,
    /// The ServiceAccount of the cert-manager controller.
    pub cert_manager: ServiceAccount,
    /// How often an issuer is looked at again.
    pub issuer_resync: Duration,
}

/// The issuers, as their watches have them.
#[derive(Clone)]
pub struct Issuers {
    /// Namespaced.
    pub issuers: Store<Issuer>,
    /// Cluster-scoped.
    pub cluster_issuers: Store<ClusterIssuer>,
}

impl std::fmt::Debug for Issuers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Issuers")
            .field("issuers", &self.issuers.len())
            .field("cluster_issuers", &self.cluster_issuers.len())
            .finish()
    }
}

/// What every reconcile is given.
pub struct Context {
    /// For reading.
    pub client: Client,
    /// For writing; nothing else writes.
    pub writer: Writer,
    /// The settings.
    pub settings: Settings,
    /// The issuers that can sign.
    pub keyring: Keyring,
    /// The issuers that exist.
    pub issuers: Issuers,
    /// The back-off of each object.
    pub attempts: Attempts,
    /// The metrics.
    pub metrics: Metrics,
    /// The probes' answers.
    pub health: Health,
    /// One key is made at a time: a large one takes seconds of arithmetic.
    pub key_making: Semaphore,
    /// The clock.
    pub now: fn() -> Timestamp,
}

impl Context {
    /// Looks up the issuer that a request names.
    pub fn find(&self, name: &IssuerName) -> Found {
        self.keyring.find(name, self.version(name))
    }

    /// Counts how long a certificate took from its approval, if that is known, until now.
    pub fn count_ready(&self, approved: Option<Timestamp>) {
        if let Some(approved) = approved {
            let waited = (self.now)().duration_since(approved);
            self.metrics.ready_after(waited.as_secs_f64().max(0.0));
        }
    }

    /// Whether there is such an issuer.
    pub fn exists(&self, name: &IssuerName) -> bool {
        self.version(name).is_some()
    }

    /// Forgets an issuer that is gone: its key must not stay in memory.
    pub fn forget(&self, name: &IssuerName) {
        self.keyring.remove(name);
        self.metrics.forget(name);
    }

    fn version(&self, name: &IssuerName) -> Option<Version> {
        match name.kind {
            IssuerKind::Issuer => {
                let reference = ObjectRef::new(&name.name).within(&name.namespace);
                self.issuers
                    .issuers
                    .get(&reference)
                    .map(|issuer| Version::of(&issuer.metadata))
            }
            IssuerKind::ClusterIssuer => {
                let reference = ObjectRef::new(&name.name);
                let found = self.issuers.cluster_issuers.get(&reference);
                found.map(|issuer| Version::of(&issuer.metadata))
            }
        }
    }
}

impl std::fmt::Debug for Context {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Context")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
