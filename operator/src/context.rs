//! The context of every reconcile.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use kube::Client;
use kube::core::ObjectMeta;
use kube::runtime::reflector::Store;
use parking_lot::Mutex;
use signet_api::{
    ClusterIssuer, Issuer, IssuerKind, IssuerResource, IssuerSpec, IssuerStatus, MeshCA,
};
use signet_keys::{ApiServer, BlockingQueue, FairSemaphore, HttpProxy, Modules, Permit};
use tokio_util::sync::CancellationToken;

use crate::api_health::ApiHealth;
use crate::args::Run;
use crate::attempts::Attempts;
use crate::connections::Connections;
use crate::health::Health;
use crate::issuer_name::IssuerName;
use crate::issuers::Memory;
use crate::keyring::{IssuerLookup, Keyring, Version};
use crate::listings::Listings;
use crate::metrics::Metrics;
use crate::namespace_labels::{Cluster, NamespaceLabels};
use crate::publish::TrustBundles;
use crate::queue_lengths::QueueLengths;
use crate::requests::Reviews;
use crate::service_accounts::ServiceAccounts;
use crate::sharing::Sharing;
use crate::wakeups::Wakeups;
use crate::writer::Writer;

pub const DEADLINE: Duration = Duration::from_secs(60);

/// The caches of the issuers' watches.
#[derive(Clone, Debug)]
pub struct Issuers {
    pub issuers: Store<Issuer>,
    pub cluster_issuers: Store<ClusterIssuer>,
    pub mesh_cas: Store<MeshCA>,
}

/// The owner of a CA, as its watch has it.
#[derive(Clone, Debug)]
pub struct Cached<'a> {
    pub meta: &'a ObjectMeta,
    pub spec: Cow<'a, IssuerSpec>,
    pub status: Option<&'a IssuerStatus>,
}

impl<'a> Cached<'a> {
    fn of<K: IssuerResource>(issuer: &'a K) -> Self {
        Self {
            meta: issuer.meta(),
            spec: issuer.issuer_spec(),
            status: issuer.issuer_status(),
        }
    }
}

impl Issuers {
    /// Reads the owner of a CA in the cache of its kind, without a copy of it.
    pub fn read<T>(&self, name: &IssuerName, read: impl FnOnce(Cached<'_>) -> T) -> Option<T> {
        Some(match name.kind {
            IssuerKind::Issuer => read(Cached::of(&*self.issuers.get(&name.reference())?)),
            IssuerKind::ClusterIssuer => {
                read(Cached::of(&*self.cluster_issuers.get(&name.reference())?))
            }
            IssuerKind::MeshCA => read(Cached::of(&*self.mesh_cas.get(&name.reference())?)),
        })
    }

    pub fn names(&self) -> Vec<IssuerName> {
        let mut names = names_in(&self.issuers);
        names.extend(names_in(&self.cluster_issuers));
        names.extend(names_in(&self.mesh_cas));
        names
    }

    /// Returns how many Issuers and MeshCAs there are in the namespace of an Issuer or MeshCA; none for a
    /// ClusterIssuer, which tenants cannot create.
    pub fn count_beside(&self, name: &IssuerName) -> usize {
        match name.kind.is_namespaced() {
            true => {
                count_in(&self.issuers, &name.namespace) + count_in(&self.mesh_cas, &name.namespace)
            }
            false => 0,
        }
    }
}

fn names_in<K: IssuerResource>(store: &Store<K>) -> Vec<IssuerName> {
    let objects = store.state().into_iter();
    objects.map(|object| IssuerName::of(&*object)).collect()
}

fn count_in<K: IssuerResource>(store: &Store<K>, namespace: &str) -> usize {
    let objects = store.state().into_iter();
    let is_there = |object: &Arc<K>| object.meta().namespace.as_deref() == Some(namespace);
    objects.filter(is_there).count()
}

pub struct Context {
    pub client: Client,
    /// For writing; nothing else writes.
    pub writer: Writer,
    pub settings: Run,
    /// The API server's addresses, which no Issuer may name; none if the flags allow them.
    pub api_server: Option<Arc<ApiServer>>,
    pub modules: Arc<Modules>,
    /// For the servers of ClusterIssuers.
    pub proxy: Option<Arc<HttpProxy>>,
    pub wakeups: Wakeups,
    pub keyring: Keyring,
    pub connections: Connections,
    pub sharing: Sharing,
    pub labels: NamespaceLabels<Cluster>,
    pub issuers: Issuers,
    pub listings: Listings,
    /// The issuers that exist and do not match the schema.
    pub unreadable: Mutex<HashSet<IssuerName>>,
    pub attempts: Attempts,
    pub queued: QueueLengths,
    pub memory: Memory,
    pub trust_bundles: TrustBundles,
    /// For the requests of Issuers, which are made in the name of a tenant.
    pub service_accounts: Arc<ServiceAccounts>,
    pub metrics: Arc<Metrics>,
    pub health: Arc<Health>,
    pub api: Arc<ApiHealth>,
    /// Limits the issuers whose CA generations are read concurrently.
    pub reads: FairSemaphore,
    /// Whether requesters may use issuers.
    pub(crate) reviews: Reviews,
    /// Cancelled when the operator stops.
    pub stop: CancellationToken,
    /// Generates keys; a large one takes seconds.
    pub key_generation: BlockingQueue,
    /// Reads chains and verifies their signatures; a tenant's may take half a second.
    pub chain_parsing: BlockingQueue,
    /// Reads the keys of Secrets; a large RSA key is checked for milliseconds.
    pub key_loading: Arc<BlockingQueue>,
    /// Signs with the RSA keys of Secrets.
    pub signing: Arc<BlockingQueue>,
    pub now: fn() -> Timestamp,
}

impl Context {
    /// Looks up the issuer that a request names. An issuer whose key is unavailable is not ready,
    /// whatever its status.
    pub fn find(&self, name: &IssuerName) -> IssuerLookup {
        if self.unreadable.lock().contains(name) {
            return IssuerLookup::NotReady("it does not match the schema".to_owned());
        }
        // Before the cache, which has all of a kind once that was listed.
        let is_listed = self.listings.contains(name.kind);
        let found = self.keyring.find(name, self.version(name));
        if let Some(error) = found.unavailable_key() {
            return IssuerLookup::NotReady(error.message);
        }
        match found {
            IssuerLookup::Missing if !is_listed => IssuerLookup::NotObserved,
            found => found,
        }
    }

    /// Waits for a permit to use the key of an issuer, which is held until the outcome is written.
    /// Returns none if the issuer cannot sign now.
    ///
    /// The wait has no timeout, since a long queue is not an error. The issuer may have changed
    /// meanwhile. The time since the request was queued is counted.
    pub async fn permit(
        &self,
        issuer: &IssuerName,
        tenant: &str,
        queued: Instant,
    ) -> Option<Permit> {
        let IssuerLookup::Ready(issuer) = self.find(issuer) else {
            return None;
        };
        let permit = issuer.guard.permit(tenant).await;
        let seconds = queued.elapsed().as_secs_f64();
        self.metrics.queued(issuer.backend, seconds);
        permit.ok()
    }

    /// The namespace of an issuer's Secrets and CA generations.
    pub fn resource_namespace<'a>(&'a self, name: &'a IssuerName) -> &'a str {
        match name.kind {
            IssuerKind::Issuer | IssuerKind::MeshCA => &name.namespace,
            IssuerKind::ClusterIssuer => &self.settings.cluster_resource_namespace,
        }
    }

    pub fn exists(&self, name: &IssuerName) -> bool {
        self.version(name).is_some()
    }

    /// Whether an issuer exists, even if it cannot be read.
    pub fn is_known(&self, name: &IssuerName) -> bool {
        self.exists(name) || self.unreadable.lock().contains(name)
    }

    /// Forgets an issuer that is gone: its key must not stay in memory.
    pub fn forget(&self, name: &IssuerName) {
        self.keyring.remove(name);
        self.connections.forget(name);
        self.sharing.remove(name);
        self.memory.forget(name);
        self.metrics.forget(name);
    }

    /// Takes note that the cache of a kind has all that exist. Requests to those that do not were left
    /// alone until then.
    pub fn listed(&self, kind: IssuerKind) {
        self.forget_missing(kind);
        if self.listings.insert(kind) {
            self.wakeups.wake_requests(None);
        }
    }

    /// Forgets the issuers of a kind that no longer exist: a watch may have missed a deletion.
    fn forget_missing(&self, kind: IssuerKind) {
        let known = [
            self.metrics.issuers(),
            self.connections.issuers(),
            self.memory.issuers(),
            self.sharing.remaining(),
        ]
        .concat();
        for name in missing(&known, kind, |name| self.exists(name)) {
            self.forget(name);
        }
    }

    fn version(&self, name: &IssuerName) -> Option<Version> {
        self.issuers.read(name, |found| Version::of(found.meta))
    }
}

fn missing(
    known: &[IssuerName],
    kind: IssuerKind,
    exists: impl Fn(&IssuerName) -> bool,
) -> impl Iterator<Item = &IssuerName> {
    let of_kind = known.iter().filter(move |name| name.kind == kind);
    of_kind.filter(move |name| !exists(name))
}

impl std::fmt::Debug for Context {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Context")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use axum::Router;

    use super::*;
    use crate::fixtures::{context, corp, issuer, shop_ca};

    /// A ClusterIssuer needs the listing of ClusterIssuers, and no other.
    #[tokio::test]
    async fn an_issuer_is_missing_once_its_own_kind_was_listed() {
        let mut context = context::with_api(Router::new());
        context.listings = Listings::default();
        let mut woken = context.wakeups.requests();
        let is_missing = |name: &IssuerName| matches!(context.find(name), IssuerLookup::Missing);
        let is_left_alone =
            |name: &IssuerName| matches!(context.find(name), IssuerLookup::NotObserved);
        assert!(is_left_alone(&corp()) && is_left_alone(&shop_ca()));
        context.listed(IssuerKind::ClusterIssuer);
        assert!(is_missing(&corp()) && is_left_alone(&shop_ca()));
        assert_eq!(woken.try_recv().ok(), Some(None), "all requests");
        context.listed(IssuerKind::ClusterIssuer);
        assert!(woken.try_recv().is_err(), "the watch listed them again");
        context.listed(IssuerKind::Issuer);
        assert!(is_missing(&shop_ca()));
        assert_eq!(woken.try_recv().ok(), Some(None));
    }

    /// The key of an issuer whose deletion a watch missed must not stay in memory.
    #[test]
    fn finds_issuers_of_a_kind_that_no_longer_exist() {
        let gone = issuer("shop", "gone");
        let known = [corp(), shop_ca(), gone.clone()];
        let of_kind = |kind, existing: &[IssuerName]| {
            let exists = |name: &IssuerName| existing.contains(name);
            missing(&known, kind, exists).cloned().collect::<Vec<_>>()
        };
        assert_eq!(of_kind(IssuerKind::Issuer, &[shop_ca()]), [gone]);
        assert_eq!(of_kind(IssuerKind::ClusterIssuer, &[corp()]), []);
        assert_eq!(of_kind(IssuerKind::ClusterIssuer, &[]), [corp()]);
    }
}
