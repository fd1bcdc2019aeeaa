//! Which issuers are watched and looked at.

use std::fmt::Debug;
use std::sync::Arc;

use futures::{Stream, StreamExt, future};
use kube::core::DeserializeGuard;
use kube::runtime::reflector::ObjectRef;
use kube::runtime::reflector::store::Writer;
use kube::runtime::watcher::Event;
use kube::runtime::{PredicateConfig, WatchStreamExt, predicates, watcher};
use kube::{Api, Client};
use signet_api::IssuerKind;
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;

use super::object::Object;
use crate::connections::{KeyChange, KeyEvent};
use crate::context::Context;
use crate::issuer_name::IssuerName;
use crate::watch::{filter_map, received, when_listed};

/// The stream of issuers whose spec changed, and the cache behind it.
///
/// An object that does not match its own schema (the CRD was changed by hand) fails alone: it is
/// logged, and its last readable form stays in force. Our own status writes change no `metadata.generation`.
pub fn changed<K>(
    client: Client,
    writer: Writer<K>,
    context: Arc<Context>,
    listed: CancellationToken,
) -> impl Stream<Item = watcher::Result<K>> + Send
where
    K: Object + Debug + 'static,
{
    let api: Api<DeserializeGuard<K>> = Api::all(client);
    let gone = context.clone();
    let config = PredicateConfig::default();
    let cached = filter_map(watcher(api, watcher::Config::default()), readable::<K>)
        .default_backoff()
        .reflect(writer)
        // Once the cache has forgotten it, so that whoever finds it there is not too late.
        .inspect(move |event| {
            if let Ok(Event::Delete(object)) = event {
                gone.forget(&IssuerName::of(object));
            }
        });
    // A deletion that the watch missed shows in the next listing.
    let listed = move || {
        for name in context.keyring.retain(K::KIND, |name| context.exists(name)) {
            context.sharing.remove(&name);
        }
        context.metrics.retain(K::KIND, |name| context.exists(name));
        context
            .connections
            .retain(K::KIND, |name| context.exists(name));
        listed.cancel();
    };
    when_listed(cached, listed)
        .applied_objects()
        .predicate_filter(predicates::generation, config)
}

/// The issuers of a kind whose key's backend went away or came back, or whose message changes with
/// that of another issuer.
pub fn woken<K>(
    keys: broadcast::Receiver<KeyChange>,
    sharing: broadcast::Receiver<IssuerName>,
) -> impl Stream<Item = ObjectRef<K>> + Send
where
    K: Object + 'static,
{
    // After a mere recovery, the issuer is as ready as it was.
    let keys = received(keys).map(|change| {
        let change = change.filter(|change| change.event != KeyEvent::Recovered)?;
        Some(change.issuer)
    });
    // The next resync makes up for a missed one.
    futures::stream::select(keys, received(sharing)).filter_map(|name| {
        let name = name.filter(|name| name.kind == K::KIND);
        future::ready(name.map(|name| {
            let reference = ObjectRef::new(&name.name);
            match name.kind {
                IssuerKind::Issuer => reference.within(&name.namespace),
                IssuerKind::ClusterIssuer => reference,
            }
        }))
    })
}

fn readable<K: Object>(object: DeserializeGuard<K>) -> Option<K> {
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
                "an issuer cannot be read; correct it, or apply the CRDs of this version"
            );
            None
        }
    }
}
