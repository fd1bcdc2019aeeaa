//! One term of leadership: watches and controllers.

use std::sync::Arc;

use futures::StreamExt;
use futures::future::{join_all, pending};
use jiff::Timestamp;
use kube::runtime::controller::Controller;
use kube::runtime::reflector::store::Writer as Cache;
use kube::runtime::reflector::{self, Store};
use parking_lot::Mutex;
use signet_api::{IssuerKind, IssuerResource};
use signet_keys::{BlockingQueue, FairSemaphore, Limits};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::process::Process;
use super::startup::Setup;
use crate::attempts::Attempts;
use crate::connections::Connections;
use crate::context::{Context, Issuers};
use crate::keyring::Keyring;
use crate::listings::Listings;
use crate::namespace_labels::{Cluster, NamespaceLabels};
use crate::publish::{self, TrustBundles};
use crate::queue_lengths::QueueLengths;
use crate::requests::Reviews;
use crate::service_accounts::ServiceAccounts;
use crate::sharing::Sharing;
use crate::wakeups::Wakeups;
use crate::writer::Writer;
use crate::{issuers, requests};

/// The maximum number of issuers whose CA generations are read concurrently.
const MAX_CONCURRENT_READS: u16 = 16;

pub(super) struct Leader {
    controllers: JoinSet<()>,
    stop: CancellationToken,
}

impl Leader {
    pub(super) fn start(setup: &Setup, process: &Process) -> Self {
        let (issuers, issuer_cache) = reflector::store();
        let (cluster_issuers, cluster_issuer_cache) = reflector::store();
        let (mesh_cas, mesh_ca_cache) = reflector::store();
        let stores = Issuers {
            issuers: issuers.clone(),
            cluster_issuers: cluster_issuers.clone(),
            mesh_cas: mesh_cas.clone(),
        };
        let context = Arc::new(context(setup, process, stores));
        let mut controllers = JoinSet::new();
        let stores = (cluster_issuers, cluster_issuer_cache);
        controllers.spawn(issuers_of_kind(context.clone(), stores));
        if setup.settings.namespaced_issuers {
            let stores = (issuers, issuer_cache);
            controllers.spawn(issuers_of_kind(context.clone(), stores));
            let stores = (mesh_cas, mesh_ca_cache);
            controllers.spawn(issuers_of_kind(context.clone(), stores));
        } else {
            // None of them counts, so there is nothing to list.
            context.listed(IssuerKind::Issuer);
            context.listed(IssuerKind::MeshCA);
        }
        let (mut requests_listed, mut due) = (Vec::new(), Vec::new());
        for api in requests::controllers(&context) {
            requests_listed.push(api.listed);
            due.push(api.due);
            controllers.spawn(api.run);
        }
        process.begin_term(context.clone(), due);
        if let Some(api_server) = setup.api_server.clone() {
            controllers.spawn(
                api_server.follow(setup.settings.issuer_resync_interval, context.stop.clone()),
            );
        }
        if setup.settings.cluster_trust_bundles {
            controllers.spawn(publish::trust_bundle::watch(context.clone()));
        }
        controllers.spawn(sweep_orphans(context.clone()));
        let stop = context.stop.clone();
        controllers.spawn(observe_listings(context, requests_listed));
        Self { controllers, stop }
    }

    /// Waits for a controller to end, which only an error causes before the stop.
    pub(super) async fn ended(&mut self) -> anyhow::Result<()> {
        match self.controllers.join_next().await {
            Some(Err(error)) => Err(anyhow::anyhow!("a controller failed: {error}")),
            _ => Err(anyhow::anyhow!("a controller ended by itself")),
        }
    }

    /// Starts nothing new, and waits for what is in flight.
    pub(super) async fn stop(mut self) {
        self.stop.cancel();
        while let Some(ended) = self.controllers.join_next().await {
            if let Err(error) = ended {
                tracing::error!(%error, "a controller failed");
            }
        }
    }
}

fn context(setup: &Setup, process: &Process, issuers: Issuers) -> Context {
    let (client, settings) = (&setup.client, &setup.settings);
    let instance = Some(setup.identity.clone());
    let wakeups = Wakeups::default();
    let caps = Limits {
        per_second: settings.max_signatures_per_second,
        max_in_flight: settings.max_signatures_in_flight.unwrap_or(u16::MAX),
        per_tenant: None,
    };
    Context {
        client: client.clone(),
        writer: Writer::new(
            client.clone(),
            instance,
            settings.concurrency,
            process.api.clone(),
        ),
        settings: settings.clone(),
        api_server: setup.api_server.as_ref().map(|at| at.known.clone()),
        modules: setup.modules.clone(),
        proxy: setup.proxy.clone(),
        keyring: Keyring::new(wakeups.clone()),
        connections: Connections::new(caps, wakeups.clone()),
        sharing: Sharing::new(wakeups.clone()),
        labels: NamespaceLabels::new(Cluster {
            client: client.clone(),
            health: process.api.clone(),
        }),
        wakeups,
        reads: FairSemaphore::new(MAX_CONCURRENT_READS),
        reviews: Reviews::default(),
        stop: CancellationToken::new(),
        issuers,
        listings: Listings::default(),
        unreadable: Mutex::default(),
        attempts: Attempts::default(),
        queued: QueueLengths::default(),
        memory: issuers::Memory::default(),
        trust_bundles: TrustBundles::default(),
        service_accounts: Arc::new(ServiceAccounts::new(
            client.clone(),
            setup.anonymous.clone(),
        )),
        metrics: process.metrics.clone(),
        health: process.health.clone(),
        api: process.api.clone(),
        key_generation: BlockingQueue::default(),
        chain_parsing: BlockingQueue::default(),
        key_loading: Arc::default(),
        signing: Arc::new(BlockingQueue::new(super::processors())),
        now: Timestamp::now,
    }
}

async fn issuers_of_kind<K: IssuerResource>(
    context: Arc<Context>,
    (store, cache): (Store<K>, Cache<K>),
) {
    let woken = issuers::watch::woken(context.wakeups.issuers());
    let changed = issuers::watch::changed((store.clone(), cache), context.clone());
    Controller::for_stream(changed, store)
        .reconcile_on(woken)
        .graceful_shutdown_on(context.stop.clone().cancelled_owned())
        .run(issuers::reconcile, issuers::error_policy, context)
        .for_each(|_| std::future::ready(()))
        .await;
}

/// Looks for what deleted issuers left once those that exist are known.
async fn sweep_orphans(context: Arc<Context>) {
    let listed = context.listings.complete();
    if context.stop.run_until_cancelled(listed).await.is_some() {
        issuers::orphans::sweep_repeatedly(context).await;
    }
}

/// Starts the first pass over the issuers when they are listed, and reports the watches as complete
/// when the requests are listed too. Ends with the controllers.
async fn observe_listings(context: Arc<Context>, requests: Vec<CancellationToken>) {
    let observed = async {
        context.listings.complete().await;
        context.sharing.listed(context.issuers.names());
        join_all(requests.iter().map(CancellationToken::cancelled)).await;
        context.health.set_synced(true);
        pending::<()>().await;
    };
    context.stop.run_until_cancelled(observed).await;
}
