//! Watches Signet's ClusterTrustBundles, so that one that is edited or deleted is repaired.

use std::collections::HashSet;
use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use kube::core::PartialObjectMeta;
use kube::runtime::watcher::{self, Event};
use kube::{Api, ResourceExt};

use super::object::{self, ClusterTrustBundle, Version};
use super::served::{Served, TrustBundles, discover};
use crate::context::Context;
use crate::discovery::NOT_FOUND;
use crate::issuer_name::IssuerName;
use crate::plan::managed_by;
use crate::watch::follow as follow_objects;

/// An object without its spec, as it is watched.
pub(super) type Metadata = PartialObjectMeta<ClusterTrustBundle>;

/// The resyncs of an issuer between two looks for an API that the cluster did not serve.
const RESYNCS: u32 = 10;

/// The time between two looks while the API server does not respond, or after a watch ended.
const RETRY: Duration = Duration::from_secs(5);

/// Watches until the operator stops.
pub(crate) async fn watch(context: Arc<Context>) {
    let stop = &context.stop;
    stop.run_until_cancelled(repeat(&context)).await;
}

async fn repeat(context: &Context) -> Infallible {
    loop {
        let served = discover(&context.client).await;
        let before = context.trust_bundles.set_served(served.clone());
        if before.as_ref() != Some(&served) {
            log(&served);
            if before.is_some() {
                wake(context.issuers.names(), context);
            }
        }
        let wait = match served {
            Served::Version(version) => {
                follow(version, context).await;
                RETRY
            }
            Served::No => context.settings.issuer_resync_interval * RESYNCS,
            Served::Unknown(_) => RETRY,
        };
        tokio::time::sleep(wait).await;
    }
}

fn log(served: &Served) {
    match served {
        Served::Version(version) => {
            tracing::info!(version = version.as_str(), "watching ClusterTrustBundles");
        }
        Served::No => tracing::info!(
            "the cluster serves ClusterTrustBundles neither as v1 nor as v1beta1, so none is \
             published"
        ),
        Served::Unknown(error) => {
            tracing::warn!(
                error,
                "cannot find out whether the cluster serves ClusterTrustBundles"
            );
        }
    }
}

fn wake(issuers: impl IntoIterator<Item = IssuerName>, context: &Context) {
    for name in issuers {
        context.wakeups.wake_issuer(&name);
    }
}

/// Follows the objects with Signet's label, until the cluster does not serve this version any more.
async fn follow(version: Version, context: &Context) {
    let client = context.client.clone();
    let api: Api<Metadata> = Api::all_with(client, &version.resource());
    let (label, value) = managed_by();
    let config = watcher::Config::default().labels(&format!("{label}={value}"));
    let mut events = pin!(follow_objects(api, config, context));
    let mut listed = HashSet::new();
    while let Some(event) = events.next().await {
        match event {
            Ok(event) => {
                wake(
                    changed(&event, &mut listed, &context.trust_bundles),
                    context,
                );
            }
            Err(error) if is_gone(&error) => break,
            // It is reported, and tried again.
            Err(_) => {}
        }
    }
    context.trust_bundles.replace(None);
}

fn is_gone(error: &watcher::Error) -> bool {
    match error {
        watcher::Error::InitialListFailed(kube::Error::Api(status))
        | watcher::Error::WatchStartFailed(kube::Error::Api(status)) => status.code == NOT_FOUND,
        _ => false,
    }
}

/// Notes an event, and returns the issuers whose object may not be as it should be. What another
/// list has is as old as the connection that broke, so all in it are.
pub(super) fn changed(
    event: &Event<Metadata>,
    listed: &mut HashSet<IssuerName>,
    bundles: &TrustBundles,
) -> Vec<IssuerName> {
    let issuer = |object: &Metadata| object::issuer(&object.name_any());
    match event {
        Event::Init => {
            listed.clear();
            Vec::new()
        }
        Event::InitApply(object) => {
            listed.extend(issuer(object));
            Vec::new()
        }
        Event::InitDone => {
            let now = std::mem::take(listed);
            let before = bundles.replace(Some(now.clone()));
            before.map_or_else(Vec::new, |before| before.union(&now).cloned().collect())
        }
        Event::Apply(object) => {
            let issuer = issuer(object);
            issuer.iter().for_each(|issuer| bundles.add(issuer.clone()));
            issuer.into_iter().collect()
        }
        Event::Delete(object) => {
            let issuer = issuer(object);
            issuer.iter().for_each(|issuer| bundles.remove(issuer));
            issuer.into_iter().collect()
        }
    }
}
