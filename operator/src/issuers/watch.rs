//! Watches the issuers.

use std::sync::Arc;

use futures::{Stream, StreamExt, future};
use kube::Api;
use kube::core::DeserializeGuard;
use kube::runtime::reflector::ObjectRef;
use kube::runtime::reflector::store::Writer;
use kube::runtime::watcher::Event;
use kube::runtime::{PredicateConfig, WatchStreamExt, predicates, watcher};
use signet_api::{IssuerKind, IssuerResource};
use tokio::sync::broadcast::Receiver;
use tokio_util::sync::CancellationToken;

use crate::context::Context;
use crate::issuer_name::IssuerName;
use crate::wakeups::{Wakeup, stream};
use crate::watch::{filter_map, when_listed};

/// The stream of issuers whose spec changed, and the cache behind it.
///
/// An object that does not match the schema is logged, and its last readable version stays in use.
/// Signet's own status writes do not change `metadata.generation`.
pub fn changed<K>(
    cache: Writer<K>,
    context: Arc<Context>,
    listed: CancellationToken,
) -> impl Stream<Item = watcher::Result<K>> + Send
where
    K: IssuerResource,
{
    let api: Api<DeserializeGuard<K>> = Api::all(context.client.clone());
    let gone = context.clone();
    let config = PredicateConfig::default();
    let cached = filter_map(watcher(api, watcher::Config::default()), readable::<K>)
        .default_backoff()
        .reflect(cache)
        // After the cache, so that a reconcile that finds it there is not too late.
        .inspect(move |event| {
            if let Ok(Event::Delete(object)) = event {
                gone.forget(&IssuerName::of(object));
            }
        });
    let listed = move || {
        context.forget_missing(K::KIND);
        listed.cancel();
    };
    when_listed(cached, listed)
        .applied_objects()
        .predicate_filter(predicates::generation, config)
}

/// The issuers of a kind that are woken. One that is missed is reconciled at its next resync.
pub fn woken<K: IssuerResource>(
    wakeups: Receiver<Wakeup>,
) -> impl Stream<Item = ObjectRef<K>> + Send {
    let woken = stream(wakeups).filter_map(future::ready);
    woken.filter_map(|name| {
        let reference = ObjectRef::new(&name.name);
        let reference = match name.kind {
            IssuerKind::Issuer => reference.within(&name.namespace),
            IssuerKind::ClusterIssuer => reference,
        };
        future::ready((name.kind == K::KIND).then_some(reference))
    })
}

fn readable<K: IssuerResource>(object: DeserializeGuard<K>) -> Option<K> {
    match object.0 {
        Ok(mut object) => {
            object.meta_mut().managed_fields = None;
            Some(object)
        }
        Err(error) => {
            tracing::error!(
                kind = %K::KIND,
                name = error.metadata.name,
                namespace = error.metadata.namespace,
                error = error.error,
                "an issuer does not match the schema; correct it, or apply the CRDs of this version"
            );
            None
        }
    }
}
