//! The requests that wait for an answer or for an approver, as the watch of their API delivers them.
//!
//! What is finished, or for another signer, is not in it: a cluster may keep a hundred thousand of
//! them. What waits is small, because a backlog may be as long.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::Resource;
use kube::core::ObjectMeta;
use kube::runtime::watcher::Event;
use parking_lot::Mutex;
use signet_core::request::Requester;

use super::kind::RequestKind;
use super::object::{Observed, State};
use super::shared::Shared;
use crate::issuer_name::IssuerName;

/// How many requests are due to each issuer.
pub(crate) type DueByIssuer = HashMap<IssuerName, usize>;

/// A request, wherever one is referred to.
pub(super) type Key = Arc<Name>;

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Name {
    /// None for a cluster-scoped request.
    pub(super) namespace: Option<Box<str>>,
    pub(super) name: Box<str>,
}

#[derive(Debug)]
pub(super) struct Cache<K: RequestKind>(Mutex<Inner<K>>);

#[derive(Debug)]
struct Inner<K: RequestKind> {
    entries: HashMap<Key, Entry<K>>,
    requesters: Shared<Requester>,
    /// The number of the last listing.
    listing: u32,
}

/// What is kept of an object: the metadata that a write or an event carries, and the state.
#[derive(Debug)]
struct Entry<K: RequestKind> {
    uid: Box<str>,
    resource_version: Box<str>,
    created: Option<Timestamp>,
    /// Ignored once this version has its final answer.
    state: State<K>,
    /// The last listing that had it, or during which it changed.
    listing: u32,
}

impl<K: RequestKind> Default for Cache<K> {
    fn default() -> Self {
        Self(Mutex::new(Inner {
            entries: HashMap::new(),
            requesters: Shared::default(),
            listing: 0,
        }))
    }
}

impl<K: RequestKind> Cache<K> {
    /// Takes an event of the watch, and returns the request that is to be reconciled because of it: it
    /// is new, or an approver has decided. Signet's own writes about a request that waits change
    /// neither.
    pub(super) fn take(&self, event: Event<Observed<K>>) -> Option<Key> {
        let mut inner = self.0.lock();
        match event {
            Event::Apply(object) | Event::InitApply(object) => inner.put(object),
            Event::Delete(object) => inner.remove(&name(object.meta())),
            Event::Init => {
                inner.listing = inner.listing.wrapping_add(1);
                None
            }
            Event::InitDone => {
                let listing = inner.listing;
                inner.entries.retain(|_, entry| entry.listing == listing);
                inner.shrink();
                None
            }
        }
    }

    pub(super) fn get(&self, key: &Key) -> Option<Observed<K>> {
        let inner = self.0.lock();
        let entry = inner.entries.get(key)?;
        Some(Observed::new(entry.metadata(key), entry.state.clone()))
    }

    /// Returns the state of a request, without the metadata that a write needs.
    pub(super) fn state(&self, key: &Key) -> Option<State<K>> {
        Some(self.0.lock().entries.get(key)?.state.clone())
    }

    /// Takes note that a request has its final answer, which was decided on this version of it. It is
    /// not due any more, before the watch delivers what was written.
    pub(super) fn answered(&self, key: &Key, version: &ObjectMeta) {
        let mut inner = self.0.lock();
        if let Some(entry) = inner.entries.get_mut(key)
            && entry.is_of(version)
        {
            entry.state = State::Ignored;
        }
    }

    /// Returns the requests that are due to an issuer, or to any.
    pub(super) fn due(&self, issuer: Option<&IssuerName>) -> Vec<Key> {
        let inner = self.0.lock();
        let is_due = |state: &State<K>| {
            let due = state.due();
            due.is_some_and(|due| issuer.is_none_or(|issuer| due.issuer == *issuer))
        };
        let due = inner.entries.iter().filter(|(_, it)| is_due(&it.state));
        due.map(|(key, _)| key.clone()).collect()
    }

    /// Counts the requests that are due to each issuer.
    pub(super) fn count_due(&self, counts: &mut DueByIssuer) {
        let inner = self.0.lock();
        for due in inner.entries.values().filter_map(|it| it.state.due()) {
            match counts.get_mut(&due.issuer) {
                Some(count) => *count += 1,
                None => {
                    counts.insert(due.issuer.clone(), 1);
                }
            }
        }
    }
}

impl<K: RequestKind> Inner<K> {
    fn put(&mut self, object: Observed<K>) -> Option<Key> {
        let (metadata, state) = object.into_parts();
        let name = name(&metadata);
        if matches!(state, State::Ignored) {
            return self.remove(&name);
        }
        let mut entry = Entry {
            uid: metadata.uid.unwrap_or_default().into(),
            resource_version: metadata.resource_version.unwrap_or_default().into(),
            created: metadata.creation_timestamp.map(|time| time.0),
            state: state.sharing(&mut self.requesters),
            listing: self.listing,
        };
        if let Some((key, before)) = self.entries.get_key_value(&name) {
            let answered = before.is_answered() && before.has_version_of(&entry);
            let is_like = before.uid == entry.uid && before.state.is_like(&entry.state);
            let wakes = !answered && !is_like;
            if answered {
                entry.state = State::Ignored;
            }
            let key = key.clone();
            self.entries.insert(key.clone(), entry);
            return wakes.then_some(key);
        }
        let key = Arc::new(name);
        self.entries.insert(key.clone(), entry);
        Some(key)
    }

    fn remove(&mut self, name: &Name) -> Option<Key> {
        self.entries.remove(name);
        self.shrink();
        None
    }

    /// A backlog that was answered leaves no empty table behind.
    fn shrink(&mut self) {
        if self.entries.len() < self.entries.capacity() / 4 {
            self.entries.shrink_to(self.entries.len() * 2);
        }
    }
}

impl<K: RequestKind> Entry<K> {
    fn is_of(&self, version: &ObjectMeta) -> bool {
        version.uid.as_deref() == Some(&*self.uid)
            && version.resource_version.as_deref() == Some(&*self.resource_version)
    }

    fn is_answered(&self) -> bool {
        matches!(self.state, State::Ignored)
    }

    fn has_version_of(&self, other: &Self) -> bool {
        self.uid == other.uid && self.resource_version == other.resource_version
    }

    fn metadata(&self, key: &Name) -> ObjectMeta {
        ObjectMeta {
            name: Some(key.name.to_string()),
            namespace: key.namespace.as_deref().map(str::to_owned),
            uid: Some(self.uid.to_string()),
            resource_version: Some(self.resource_version.to_string()),
            creation_timestamp: self.created.map(Time),
            ..ObjectMeta::default()
        }
    }
}

fn name(metadata: &ObjectMeta) -> Name {
    Name {
        namespace: metadata.namespace.as_deref().map(Into::into),
        name: metadata.name.as_deref().unwrap_or_default().into(),
    }
}

#[cfg(test)]
mod tests;
