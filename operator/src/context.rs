//! What every reconcile is given.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use kube::Client;
use kube::runtime::reflector::{ObjectRef, Store};
use signet_api::{ClusterIssuer, Issuer, IssuerKind};
use signet_core::request::ServiceAccount;
use signet_keys::{Addresses, ApiServer, FairSemaphore, Modules, Permit};
use tokio_util::sync::CancellationToken;

use crate::attempts::Attempts;
use crate::blocking::BlockingQueue;
use crate::connections::Connections;
use crate::issuer_name::IssuerName;
use crate::keyring::{IssuerLookup, Keyring, State, Version};
use crate::run::health::Health;
use crate::run::metrics::Metrics;
use crate::sharing::Sharing;
use crate::writer::Writer;

/// A reconcile that takes longer is given up and tried again.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// The settings that reconciles go by.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The namespace of a ClusterIssuer's Secrets and CA generations.
    pub cluster_resource_namespace: String,
    /// The ServiceAccount of the cert-manager controller.
    pub cert_manager: ServiceAccount,
    /// How often an issuer is reconciled again.
    pub issuer_resync_interval: Duration,
    /// Which kinds of issuers may use the operator's own credentials.
    pub ambient: Ambient,
    /// Where no Issuer may have anything called; none if the flags allow it.
    pub api_server: Option<Arc<ApiServer>>,
    /// The PKCS#11 modules that issuers may name.
    pub modules: Arc<Modules>,
}

/// Which kinds of issuers may use the operator's own credentials, such as its cloud identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ambient {
    /// ClusterIssuers may.
    pub cluster_issuers: bool,
    /// Issuers may: so may everybody who can create one.
    pub issuers: bool,
}

impl Settings {
    /// Whether an issuer of this kind may use the operator's own credentials.
    pub fn ambient_credentials(&self, kind: IssuerKind) -> bool {
        match kind {
            IssuerKind::Issuer => self.ambient.issuers,
            IssuerKind::ClusterIssuer => self.ambient.cluster_issuers,
        }
    }

    /// Which addresses may be called for an issuer of this kind.
    pub fn addresses(&self, kind: IssuerKind) -> Addresses {
        match (kind, &self.api_server) {
            (IssuerKind::Issuer, Some(api_server)) => Addresses::Outside {
                api_server: api_server.clone(),
            },
            _ => Addresses::Any,
        }
    }
}

/// The issuers, as their watches have them.
#[derive(Clone)]
pub struct Issuers {
    /// Namespaced.
    pub issuers: Store<Issuer>,
    /// Cluster-scoped.
    pub cluster_issuers: Store<ClusterIssuer>,
}

impl Issuers {
    /// The names of all issuers.
    pub fn names(&self) -> Vec<IssuerName> {
        let issuers = self.issuers.state();
        let cluster_issuers = self.cluster_issuers.state();
        let issuers = issuers.iter().map(|issuer| IssuerName::of(&**issuer));
        let cluster_issuers = cluster_issuers
            .iter()
            .map(|issuer| IssuerName::of(&**issuer));
        issuers.chain(cluster_issuers).collect()
    }
}

impl std::fmt::Debug for Issuers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Issuers")
            .field("issuers", &self.issuers.len())
            .field("cluster_issuers", &self.cluster_issuers.len())
            .finish()
    }
}

/// The operator is told to stop, and nothing new is begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stopping;

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
    /// The connections to their keys.
    pub connections: Connections,
    /// The issuers that share a CA.
    pub sharing: Sharing,
    /// The issuers that exist.
    pub issuers: Issuers,
    /// The back-off of each object.
    pub attempts: Attempts,
    /// The metrics of the process.
    pub metrics: Arc<Metrics>,
    /// The health of the process.
    pub health: Arc<Health>,
    /// How many issuers' CA generations are read at the same time.
    pub reads: FairSemaphore,
    /// Cancelled when the operator is told to stop.
    pub stop: CancellationToken,
    /// The making of keys: a large one takes seconds.
    pub key_generation: BlockingQueue,
    /// The reading of chains, whose signatures are verified: a tenant's may take half a second.
    pub chain_parsing: BlockingQueue,
    /// The clock.
    pub now: fn() -> Timestamp,
}

impl Context {
    /// Looks up the issuer that a request names. One whose key is away is not ready, also before
    /// its status says so.
    pub fn find(&self, name: &IssuerName) -> IssuerLookup {
        let found = self.keyring.find(name, self.version(name));
        match found.away() {
            Some(error) => IssuerLookup::Observed(State::NotReady(error.message)),
            None => found,
        }
    }

    /// Waits for the turn of a namespace at the key of an issuer; it is held until what comes of
    /// the request is written. None where nothing can be signed now: what is known of the issuer
    /// then says why.
    ///
    /// The wait has no end of its own, since a long queue is no fault. What was known of the
    /// issuer may have changed meanwhile.
    ///
    /// # Errors
    /// The operator is told to stop.
    pub async fn permit(
        &self,
        issuer: &IssuerName,
        tenant: &str,
    ) -> Result<Option<Permit>, Stopping> {
        let IssuerLookup::Observed(State::Ready(loaded)) = self.find(issuer) else {
            return Ok(None);
        };
        let started = Instant::now();
        let permit = tokio::select! {
            permit = loaded.guard.permit(tenant) => permit.ok(),
            () = self.stop.cancelled() => return Err(Stopping),
        };
        self.metrics
            .queued(loaded.backend, started.elapsed().as_secs_f64());
        Ok(permit)
    }

    /// Counts how long a certificate took from its approval, if that is known, until now.
    pub fn count_ready(&self, approved: Option<Timestamp>) {
        if let Some(approved) = approved {
            let waited = (self.now)().duration_since(approved);
            self.metrics.ready_after(waited.as_secs_f64().max(0.0));
        }
    }

    /// The namespace of an issuer's Secrets and CA generations.
    pub fn resource_namespace<'a>(&'a self, name: &'a IssuerName) -> &'a str {
        match name.kind {
            IssuerKind::Issuer => &name.namespace,
            IssuerKind::ClusterIssuer => &self.settings.cluster_resource_namespace,
        }
    }

    /// Whether there is such an issuer.
    pub fn exists(&self, name: &IssuerName) -> bool {
        self.version(name).is_some()
    }

    /// Forgets an issuer that is gone: its key must not stay in memory.
    pub fn forget(&self, name: &IssuerName) {
        self.keyring.remove(name);
        self.connections.forget(name);
        self.sharing.remove(name);
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
