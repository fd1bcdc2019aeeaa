//! One term of leadership: watches and controllers.

use std::future;
use std::pin::pin;
use std::sync::Arc;

use futures::StreamExt;
use futures::future::join_all;
use jiff::Timestamp;
use kube::Client;
use kube::runtime::controller::Controller;
use kube::runtime::reflector::store::Writer as Cache;
use kube::runtime::reflector::{self, Store};
use signet_keys::FairSemaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::process::Process;
use super::startup::Startup;
use crate::args::Run;
use crate::attempts::Attempts;
use crate::blocking::BlockingQueue;
use crate::connections::{Caps, Connections, KeyEvent};
use crate::context::{Ambient, Context, Issuers, Settings};
use crate::keyring::Keyring;
use crate::sharing::Sharing;
use crate::watch::received;
use crate::writer::Writer;
use crate::{issuers, requests};

/// How many issuers' CA generations are read at the same time.
const MAX_CONCURRENT_READS: u16 = 16;

/// What every term of leadership begins with.
pub(super) struct Setup {
    pub(super) client: Client,
    pub(super) settings: Run,
    pub(super) identity: String,
    pub(super) startup: Startup,
}

/// The running controllers.
pub(super) struct Leader {
    controllers: JoinSet<()>,
    stop: CancellationToken,
}

/// What all controllers have in common.
#[derive(Clone)]
struct Common {
    context: Arc<Context>,
    listed: Listed,
}

/// Which watches have listed their objects; a token is cancelled when its watch has.
#[derive(Clone, Default)]
struct Listed {
    issuers: CancellationToken,
    cluster_issuers: CancellationToken,
    requests: Vec<CancellationToken>,
}

impl Leader {
    /// Starts the controllers.
    pub(super) fn start(setup: &Setup, process: &Process) -> Self {
        let (issuers, issuer_cache) = reflector::store();
        let (cluster_issuers, cluster_issuer_cache) = reflector::store();
        let stores = Issuers {
            issuers,
            cluster_issuers,
        };
        let context = Arc::new(context(setup, process, stores.clone()));
        let requests = requests::controllers(&context);
        let listed = Listed {
            requests: requests.iter().map(|api| api.listed.clone()).collect(),
            ..Listed::default()
        };
        let common = Common { context, listed };
        let listed = &common.listed;
        let mut controllers = JoinSet::new();
        if setup.settings.namespaced_issuers {
            controllers.spawn(issuers_of_kind(
                common.clone(),
                (stores.issuers, issuer_cache),
                listed.issuers.clone(),
            ));
        } else {
            // There are none, as far as this Signet is concerned.
            listed.issuers.cancel();
        }
        controllers.spawn(issuers_of_kind(
            common.clone(),
            (stores.cluster_issuers, cluster_issuer_cache),
            listed.cluster_issuers.clone(),
        ));
        let mut due = Vec::new();
        for api in requests {
            due.push(api.due);
            controllers.spawn(after_issuers(common.clone(), api.run));
        }
        let due = move || due.iter().map(|due| due()).sum();
        process.begin_term(common.context.clone(), Arc::new(due));
        if let Some(api_server) = setup.startup.api_server.clone() {
            controllers.spawn(api_server.follow(
                setup.client.clone(),
                setup.settings.issuer_resync_interval,
                common.context.stop.clone(),
            ));
        }
        controllers.spawn(wake_when_back(common.context.clone()));
        controllers.spawn(begin_first_pass(common.clone()));
        controllers.spawn(sync(common.clone()));
        Self {
            controllers,
            stop: common.context.stop.clone(),
        }
    }

    /// Waits for a controller to end, which none does by itself while it is not told to.
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
    Context {
        client: client.clone(),
        writer: Writer::new(client.clone(), instance, settings.concurrency),
        settings: Settings {
            cluster_resource_namespace: settings.cluster_resource_namespace.clone(),
            cert_manager: settings.cert_manager_service_account.clone(),
            issuer_resync_interval: settings.issuer_resync_interval,
            ambient: Ambient {
                cluster_issuers: settings.cluster_issuer_ambient_credentials,
                issuers: settings.issuer_ambient_credentials,
            },
            api_server: setup.startup.api_server.as_ref().map(|at| at.known.clone()),
            modules: setup.startup.modules.clone(),
        },
        keyring: Keyring::default(),
        connections: Connections::new(Caps {
            per_second: settings.max_signatures_per_second,
            max_in_flight: settings.max_signatures_in_flight,
        }),
        sharing: Sharing::default(),
        reads: FairSemaphore::new(MAX_CONCURRENT_READS),
        stop: CancellationToken::new(),
        issuers,
        attempts: Attempts::default(),
        metrics: process.metrics.clone(),
        health: process.health.clone(),
        key_generation: BlockingQueue::default(),
        chain_parsing: BlockingQueue::default(),
        now: Timestamp::now,
    }
}

/// Says so once every watch has listed its objects; after that it ends with the controllers.
async fn sync(common: Common) {
    let Common { context, listed } = &common;
    let all = async {
        tokio::join!(
            listed.issuers.cancelled(),
            listed.cluster_issuers.cancelled(),
            join_all(listed.requests.iter().map(CancellationToken::cancelled)),
        );
        context.health.set_synced(true);
        future::pending::<()>().await;
    };
    context.stop.run_until_cancelled(all).await;
}

/// Reconciles the requests of an issuer when its key signs again, also where the issuer never
/// became unready.
async fn wake_when_back(context: Arc<Context>) {
    let changes = received(context.connections.changes());
    let mut changes = pin!(changes.take_until(context.stop.cancelled()));
    while let Some(change) = changes.next().await {
        match change {
            Some(change) if change.event == KeyEvent::Unavailable => {}
            Some(change) => context.keyring.wake(&change.issuer),
            None => context.keyring.wake_all(),
        }
    }
}

/// Once all issuers are listed, it is known which are still to be observed; after that it ends with
/// the controllers.
async fn begin_first_pass(common: Common) {
    if issuers_listed(&common).await {
        let context = &common.context;
        context.sharing.listed(context.issuers.names());
        common.context.stop.cancelled().await;
    }
}

async fn issuers_of_kind<K>(
    common: Common,
    (store, cache): (Store<K>, Cache<K>),
    listed: CancellationToken,
) where
    K: issuers::Object + 'static,
{
    let (context, stop) = (common.context.clone(), common.context.stop.clone());
    let (keys, sharing) = (context.connections.changes(), context.sharing.changes());
    let changed = issuers::watch::changed(context.client.clone(), cache, context.clone(), listed);
    Controller::for_stream(changed, store)
        .reconcile_on(issuers::watch::woken(keys, sharing))
        .graceful_shutdown_on(stop.cancelled_owned())
        .run(issuers::reconcile, issuers::error_policy, context)
        .for_each(|_| future::ready(()))
        .await;
}

/// Requests are taken up when the issuers are listed: before that, one that is there would seem
/// to be missing. False if the operator was told to stop meanwhile.
async fn issuers_listed(common: &Common) -> bool {
    let listed = async {
        tokio::join!(
            common.listed.issuers.cancelled(),
            common.listed.cluster_issuers.cancelled()
        );
    };
    let stop = &common.context.stop;
    stop.run_until_cancelled(listed).await.is_some()
}

async fn after_issuers(common: Common, requests: impl Future<Output = ()>) {
    if issuers_listed(&common).await {
        requests.await;
    }
}
