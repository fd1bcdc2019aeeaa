//! The work of the replica that leads: watches and controllers.

use std::sync::Arc;

use futures::{FutureExt, StreamExt};
use jiff::Timestamp;
use kube::Client;
use kube::runtime::controller::{self, Controller};
use kube::runtime::reflector::{self, Store};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::shown::Process;
use crate::apply::Writer;
use crate::args::Run;
use crate::attempts::Attempts;
use crate::context::{Context, Issuers, Settings};
use crate::health::Health;
use crate::keyring::Keyring;
use crate::metrics::Metrics;
use crate::{certificate_request, issuer, signing_request};

/// How many issuers of a kind are looked at at the same time. One that hangs costs one of these.
const ISSUERS_AT_ONCE: u16 = 16;

/// The controllers at work.
pub(super) struct Leading {
    controllers: JoinSet<()>,
    stop: CancellationToken,
}

/// The parts of a controller that all have in common.
struct Common {
    client: Client,
    context: Arc<Context>,
    stop: CancellationToken,
}

impl Leading {
    /// Starts the controllers.
    pub(super) fn start(client: Client, settings: &Run, identity: &str, process: &Process) -> Self {
        let (issuers, issuer_writer) = reflector::store();
        let (cluster_issuers, cluster_issuer_writer) = reflector::store();
        let (requests, request_writer) = reflector::store();
        let (signing_requests, signing_request_writer) = reflector::store();
        let stores = Issuers {
            issuers,
            cluster_issuers,
        };
        let context = Arc::new(context(&client, settings, identity, stores.clone()));
        let common = Common {
            client,
            context: context.clone(),
            stop: CancellationToken::new(),
        };
        let mut controllers = JoinSet::new();
        controllers.spawn(issuers_of_kind(
            &common,
            stores.issuers.clone(),
            issuer_writer,
        ));
        controllers.spawn(issuers_of_kind(
            &common,
            stores.cluster_issuers.clone(),
            cluster_issuer_writer,
        ));
        let at_once = settings.concurrency;
        controllers.spawn(certificate_requests(
            &common,
            requests.clone(),
            request_writer,
            at_once,
        ));
        controllers.spawn(signing_requests_controller(
            &common,
            signing_requests.clone(),
            signing_request_writer,
            at_once,
        ));
        let waiting = {
            let (requests, signing_requests) = (requests.clone(), signing_requests.clone());
            move || {
                requests
                    .state_filter(certificate_request::watch::is_due)
                    .len()
                    + signing_requests
                        .state_filter(signing_request::watch::is_due)
                        .len()
            }
        };
        process.work(context.clone(), Arc::new(waiting));
        controllers.spawn(sync(
            context,
            stores,
            requests,
            signing_requests,
            common.stop.clone(),
        ));
        Self {
            controllers,
            stop: common.stop,
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

fn context(client: &Client, settings: &Run, identity: &str, issuers: Issuers) -> Context {
    Context {
        client: client.clone(),
        writer: Writer::new(client.clone(), Some(identity.to_owned())),
        settings: Settings {
            cluster_resource_namespace: settings.cluster_resource_namespace.clone(),
            cert_manager: settings.cert_manager_service_account.clone(),
            issuer_resync: settings.issuer_resync,
        },
        keyring: Keyring::default(),
        issuers,
        attempts: Attempts::default(),
        metrics: Metrics::default(),
        health: Health::default(),
        now: Timestamp::now,
    }
}

/// Ready once every watch has listed its objects; after that it ends with the controllers.
async fn sync(
    context: Arc<Context>,
    issuers: Issuers,
    requests: Store<signet_api::external::certificate_request::CertificateRequest>,
    signing_requests: Store<k8s_openapi::api::certificates::v1::CertificateSigningRequest>,
    stop: CancellationToken,
) {
    let listed = async {
        let all = tokio::join!(
            issuers.issuers.wait_until_ready(),
            issuers.cluster_issuers.wait_until_ready(),
            requests.wait_until_ready(),
            signing_requests.wait_until_ready(),
        );
        context
            .health
            .set_synced(all.0.is_ok() && all.1.is_ok() && all.2.is_ok() && all.3.is_ok());
    };
    tokio::select! {
        () = listed => stop.cancelled().await,
        () = stop.cancelled() => {}
    }
}

fn issuers_of_kind<K>(
    common: &Common,
    store: Store<K>,
    writer: reflector::store::Writer<K>,
) -> impl Future<Output = ()> + Send + 'static
where
    K: issuer::Object + 'static,
{
    let changed = issuer::watch::changed(common.client.clone(), writer, common.context.clone());
    let config = controller::Config::default().concurrency(ISSUERS_AT_ONCE);
    Controller::for_stream(changed, store)
        .with_config(config)
        .graceful_shutdown_on(common.stop.clone().cancelled_owned())
        .run(
            issuer::reconcile,
            issuer::error_policy,
            common.context.clone(),
        )
        .for_each(|_| std::future::ready(()))
}

/// Requests are taken up when the issuers are listed: before that, one that is there would seem
/// to be missing.
async fn issuers_listed(context: Arc<Context>) {
    let issuers = &context.issuers;
    let _ = tokio::join!(
        issuers.issuers.wait_until_ready(),
        issuers.cluster_issuers.wait_until_ready()
    );
}

fn certificate_requests(
    common: &Common,
    store: Store<signet_api::external::certificate_request::CertificateRequest>,
    writer: reflector::store::Writer<signet_api::external::certificate_request::CertificateRequest>,
    at_once: u16,
) -> impl Future<Output = ()> + Send + 'static {
    let (client, context, stop) = (
        common.client.clone(),
        common.context.clone(),
        common.stop.clone(),
    );
    let issuers = context.keyring.changes();
    async move {
        issuers_listed(context.clone()).await;
        let due = certificate_request::watch::due(client, writer).await;
        let set_free = certificate_request::watch::set_free(store.clone(), issuers);
        Controller::for_stream(due, store)
            .with_config(controller::Config::default().concurrency(at_once))
            .reconcile_on(set_free)
            .graceful_shutdown_on(stop.cancelled_owned())
            .run(
                certificate_request::reconcile,
                certificate_request::error_policy,
                context,
            )
            .for_each(|_| std::future::ready(()))
            .await;
    }
    .boxed()
}

fn signing_requests_controller(
    common: &Common,
    store: Store<k8s_openapi::api::certificates::v1::CertificateSigningRequest>,
    writer: reflector::store::Writer<k8s_openapi::api::certificates::v1::CertificateSigningRequest>,
    at_once: u16,
) -> impl Future<Output = ()> + Send + 'static {
    let (client, context, stop) = (
        common.client.clone(),
        common.context.clone(),
        common.stop.clone(),
    );
    let issuers = context.keyring.changes();
    async move {
        issuers_listed(context.clone()).await;
        let due = signing_request::watch::due(client, writer);
        let set_free = signing_request::watch::set_free(store.clone(), issuers);
        Controller::for_stream(due, store)
            .with_config(controller::Config::default().concurrency(at_once))
            .reconcile_on(set_free)
            .graceful_shutdown_on(stop.cancelled_owned())
            .run(
                signing_request::reconcile,
                signing_request::error_policy,
                context,
            )
            .for_each(|_| std::future::ready(()))
            .await;
    }
    .boxed()
}
