//! Watches the issuers.

mod bundles;

use std::sync::Arc;

use futures::{Stream, StreamExt, future};
use kube::api::{ApiResource, DynamicObject};
use kube::runtime::reflector::store::Writer;
use kube::runtime::reflector::{ObjectRef, Store};
use kube::runtime::watcher::Event;
use kube::runtime::{PredicateConfig, WatchStreamExt, predicates, watcher};
use kube::{Api, ResourceExt};
use signet_api::IssuerResource;
use tokio::sync::broadcast::Receiver;

use super::parents::Family;
use super::{deletion, unreadable};
use crate::context::Context;
use crate::issuer_name::IssuerName;
use crate::wakeups::{Wakeup, stream};
use crate::watch::{follow, when_listed};
use crate::without_times::WithoutTimes;
use bundles::Bundles;

/// The stream of issuers whose spec changed, and the cache behind it.
///
/// An object that does not match the schema is not in the cache, so it signs nothing. Signet's own
/// status writes do not change `metadata.generation`.
pub fn changed<K>(
    (store, cache): (Store<K>, Writer<K>),
    context: Arc<Context>,
) -> impl Stream<Item = watcher::Result<K>> + Send
where
    K: IssuerResource,
{
    let resource = ApiResource::erase::<K>(&());
    let api: Api<WithoutTimes<DynamicObject>> = Api::all_with(context.client.clone(), &resource);
    let (observing, reading) = (context.clone(), context.clone());
    let mut bundles = Bundles::default();
    let config = PredicateConfig::default();
    let events = follow(api, watcher::Config::default(), &context);
    let cached = events
        .filter_map(move |event| {
            let read = event.map(|event| read(event, &store, &reading)).transpose();
            future::ready(read)
        })
        .reflect(cache)
        // After the cache, so that a reconcile that finds it there is not too late.
        .inspect(move |event| {
            let Ok(event) = event else { return };
            if let Event::Delete(object) = event {
                observing.forget(&IssuerName::of(object));
            }
            if let Some(parent) = bundles.changed(event) {
                wake_below(&parent, &observing);
            }
        });
    when_listed(cached, move || context.listed(K::KIND))
        .applied_objects()
        .predicate_filter(predicates::generation, config)
}

/// Wakes the issuers below one whose bundle changed: they publish its roots, too.
fn wake_below(parent: &IssuerName, context: &Context) {
    let family = Family {
        issuers: &context.issuers,
        cluster_resource_namespace: &context.settings.cluster_resource_namespace,
    };
    for name in family.below(parent) {
        context.wakeups.wake_issuer(&name);
    }
}

/// Reads the object of an event. One that cannot be read leaves the cache.
fn read<K: IssuerResource>(
    event: Event<WithoutTimes<DynamicObject>>,
    store: &Store<K>,
    context: &Arc<Context>,
) -> Option<Event<K>> {
    let stop = |object: DynamicObject, error: String| {
        let name = unreadable::name::<K>(&object);
        unreadable::stop::<K>(object, &error, context);
        store.get(&name.reference())
    };
    match event {
        Event::Init => {
            context
                .unreadable
                .lock()
                .retain(|name| name.kind != K::KIND);
            Some(Event::Init)
        }
        Event::InitDone => Some(Event::InitDone),
        Event::InitApply(WithoutTimes(object)) => match unreadable::read::<K>(&object) {
            Ok(read) => Some(Event::InitApply(read)),
            Err(error) => {
                stop(object, error);
                None
            }
        },
        Event::Apply(WithoutTimes(object)) => match unreadable::read::<K>(&object) {
            Ok(read) => {
                context.unreadable.lock().remove(&IssuerName::of(&read));
                Some(Event::Apply(read))
            }
            Err(error) => stop(object, error).map(|before| Event::Delete((*before).clone())),
        },
        Event::Delete(WithoutTimes(object)) => {
            let name = unreadable::name::<K>(&object);
            context.unreadable.lock().remove(&name);
            let read = unreadable::read::<K>(&object).ok()?;
            report_deletion(read.clone(), &name, context);
            Some(Event::Delete(read))
        }
    }
}

/// Writes the event of an issuer that was deleted, for those who read the events of its
/// namespace.
fn report_deletion<K: IssuerResource>(object: K, name: &IssuerName, context: &Arc<Context>) {
    let namespace = context.resource_namespace(name);
    let event = deletion::deleted(&object, namespace, (context.now)());
    if let Some(event) = event {
        let context = context.clone();
        tokio::spawn(async move {
            let (namespace, reference) = (object.namespace(), object.object_ref(&()));
            let tenant = namespace.unwrap_or_default();
            context.writer.event(&tenant, &reference, event).await;
        });
    }
}

/// The issuers of a kind that are woken. One that is missed is reconciled at its next resync.
pub fn woken<K: IssuerResource>(
    wakeups: Receiver<Wakeup>,
) -> impl Stream<Item = ObjectRef<K>> + Send {
    let woken = stream(wakeups).filter_map(future::ready);
    woken.filter_map(|name| future::ready((name.kind == K::KIND).then(|| name.reference())))
}
