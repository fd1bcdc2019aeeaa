//! The issuers that can sign now: one connected signer for each.

use std::collections::HashMap;
use std::sync::Arc;

use kube::core::ObjectMeta;
use signet_api::IssuerKind;
use signet_core::ca::{Bundle, CaChain};
use signet_core::issue::Authority;
use signet_core::policy::{Issuer, Rules};
use signet_keys::{GuardedSigner, KeyError};
use tokio::sync::broadcast;

use crate::issuer_name::IssuerName;
use crate::lock::Mutex;

/// How many changes may wait to be looked at. Who misses some looks at everything.
const MAX_CHANGES: usize = 1024;

/// An issuer that can sign, with all that signing for it needs.
#[derive(Debug)]
pub struct ReadyIssuer {
    /// What policy goes by.
    pub rules: Rules,
    /// The CA's chain.
    pub chain: CaChain,
    /// The key.
    pub guard: Arc<GuardedSigner>,
    /// Every root that is trusted now.
    pub bundle: Bundle,
    /// The key backend's name, for metrics.
    pub backend: &'static str,
}

impl ReadyIssuer {
    /// The CA under which certificates are built.
    pub fn authority(&self) -> Authority<'_> {
        Authority {
            chain: &self.chain,
            algorithm: self.guard.algorithm(),
        }
    }
}

/// The state of an issuer.
#[derive(Clone, Debug)]
pub enum State {
    /// It can sign.
    Ready(Arc<ReadyIssuer>),
    /// It cannot, and its Ready condition says this.
    NotReady(String),
}

/// Which form of which issuer object: a deleted and re-created one is another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// `metadata.uid`.
    pub uid: String,
    /// `metadata.generation`.
    pub generation: i64,
}

impl Version {
    /// The version of an object.
    pub fn of(meta: &ObjectMeta) -> Self {
        Self {
            uid: meta.uid.clone().unwrap_or_default(),
            generation: meta.generation.unwrap_or_default(),
        }
    }
}

#[derive(Clone, Debug)]
struct Entry {
    /// The version that was looked at.
    version: Version,
    state: State,
}

impl Entry {
    /// Whether a request that found this would find something else now.
    fn is_outdated_by(&self, other: &Self) -> bool {
        let same = match (&self.state, &other.state) {
            (State::Ready(own), State::Ready(other)) => {
                // Another guard has a breaker of its own, on which nobody waits yet.
                let same_key = Arc::ptr_eq(&own.guard, &other.guard);
                same_key && own.chain == other.chain && own.bundle == other.bundle
            }
            (State::NotReady(_), State::NotReady(_)) => true,
            _ => false,
        };
        !same || self.version != other.version
    }
}

/// The result of looking up the issuer of a request.
#[derive(Clone, Debug)]
pub enum IssuerLookup {
    /// The issuer does not exist.
    Missing,
    /// The issuer exists and was not observed in its present form yet; it is about to be.
    NotObserved,
    /// The issuer was observed.
    Observed(State),
}

impl IssuerLookup {
    /// Why the key of an issuer that is ready is not asked now: it is known to be away.
    pub fn away(&self) -> Option<KeyError> {
        match self {
            Self::Observed(State::Ready(loaded)) => loaded.guard.breaker().admit().err(),
            _ => None,
        }
    }

    /// The issuer as policy sees it; none while it is about to be looked at.
    pub fn for_policy<'a>(&'a self, name: &'a str) -> Option<Issuer<'a>> {
        Some(match self {
            Self::Missing => Issuer::Missing { name },
            Self::NotObserved => return None,
            Self::Observed(State::NotReady(message)) => Issuer::NotReady { name, message },
            Self::Observed(State::Ready(loaded)) => Issuer::Ready(&loaded.rules),
        })
    }
}

/// The issuer that changed; none for any of them.
pub type IssuerChange = Option<IssuerName>;

/// The keyring. Whoever waits for an issuer listens to [`changes`](Self::changes).
#[derive(Debug)]
pub struct Keyring {
    entries: Mutex<HashMap<IssuerName, Entry>>,
    changes: broadcast::Sender<IssuerChange>,
}

impl Default for Keyring {
    fn default() -> Self {
        Self {
            entries: Mutex::default(),
            changes: broadcast::channel(MAX_CHANGES).0,
        }
    }
}

impl Keyring {
    /// Puts in what was found out about a version of an issuer, and tells whoever waits if that
    /// is news.
    pub fn put(&self, name: &IssuerName, version: Version, state: State) {
        let entry = Entry { version, state };
        let before = self.entries.lock().insert(name.clone(), entry.clone());
        if before.is_none_or(|before| before.is_outdated_by(&entry)) {
            self.tell(Some(name.clone()));
        }
    }

    /// Has the requests that wait for an issuer looked at again.
    pub fn wake(&self, name: &IssuerName) {
        self.tell(Some(name.clone()));
    }

    /// Has every request that waits looked at again.
    pub fn wake_all(&self) {
        self.tell(None);
    }

    fn tell(&self, changed: IssuerChange) {
        // Nobody listening is no error: the requests are then looked at from the start.
        let _ = self.changes.send(changed);
    }

    /// Takes an issuer out: it is gone.
    pub fn remove(&self, name: &IssuerName) {
        self.entries.lock().remove(name);
    }

    /// Takes out the issuers of a kind that `exists` does not know, and names them.
    pub fn retain(
        &self,
        kind: IssuerKind,
        exists: impl Fn(&IssuerName) -> bool,
    ) -> Vec<IssuerName> {
        let mut entries = self.entries.lock();
        let gone: Vec<_> = entries
            .keys()
            .filter(|name| name.kind == kind && !exists(name))
            .cloned()
            .collect();
        for name in &gone {
            entries.remove(name);
        }
        gone
    }

    /// Looks an issuer up. `current` is the version of the object as the watch has it, none if
    /// there is no such object.
    pub fn find(&self, name: &IssuerName, current: Option<Version>) -> IssuerLookup {
        let Some(current) = current else {
            return IssuerLookup::Missing;
        };
        let entries = self.entries.lock();
        match entries.get(name) {
            Some(entry)
                if entry.version.uid == current.uid
                    && entry.version.generation >= current.generation =>
            {
                IssuerLookup::Observed(entry.state.clone())
            }
            _ => IssuerLookup::NotObserved,
        }
    }

    /// Whether this version of an issuer was looked at and cannot sign.
    pub fn is_not_ready(&self, name: &IssuerName, version: Version) -> bool {
        matches!(
            self.find(name, Some(version)),
            IssuerLookup::Observed(State::NotReady(_))
        )
    }

    /// How many requests wait for their turn at the key of each issuer that can sign.
    pub fn queues(&self) -> Vec<(IssuerName, usize)> {
        let entries = self.entries.lock();
        let ready = entries
            .iter()
            .filter_map(|(name, entry)| match &entry.state {
                State::Ready(loaded) => Some((name.clone(), loaded.guard.waiting())),
                State::NotReady(_) => None,
            });
        ready.collect()
    }

    /// Whose requests to look at again, as it comes.
    pub fn changes(&self) -> broadcast::Receiver<IssuerChange> {
        self.changes.subscribe()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name() -> IssuerName {
        IssuerName {
            kind: IssuerKind::ClusterIssuer,
            namespace: String::new(),
            name: "corp".to_owned(),
        }
    }

    fn version(uid: &str, generation: i64) -> Version {
        Version {
            uid: uid.to_owned(),
            generation,
        }
    }

    #[test]
    fn cm_5_an_issuer_counts_only_as_it_was_looked_at_last() {
        let keyring = Keyring::default();
        let find = |uid, generation| keyring.find(&name(), Some(version(uid, generation)));
        assert!(matches!(keyring.find(&name(), None), IssuerLookup::Missing));
        assert!(matches!(find("a", 1), IssuerLookup::NotObserved));
        keyring.put(
            &name(),
            version("a", 1),
            State::NotReady("no key".to_owned()),
        );
        assert!(matches!(
            find("a", 1),
            IssuerLookup::Observed(State::NotReady(_))
        ));
        assert!(
            matches!(find("a", 2), IssuerLookup::NotObserved),
            "the spec changed"
        );
        assert!(
            matches!(find("b", 1), IssuerLookup::NotObserved),
            "deleted and made anew"
        );
        assert!(
            matches!(keyring.find(&name(), None), IssuerLookup::Missing),
            "deleted"
        );
        keyring.remove(&name());
        assert!(matches!(find("a", 1), IssuerLookup::NotObserved));
    }

    #[test]
    fn whoever_waits_hears_of_each_change() {
        let keyring = Keyring::default();
        let mut changes = keyring.changes();
        keyring.put(
            &name(),
            version("a", 1),
            State::NotReady("no key".to_owned()),
        );
        assert_eq!(changes.try_recv().unwrap(), Some(name()));
        keyring.put(
            &name(),
            version("a", 1),
            State::NotReady("no key".to_owned()),
        );
        assert!(changes.try_recv().is_err(), "nothing changed");
        keyring.put(
            &name(),
            version("a", 2),
            State::NotReady("no key".to_owned()),
        );
        assert_eq!(changes.try_recv().unwrap(), Some(name()));
        keyring.wake_all();
        assert_eq!(changes.try_recv().unwrap(), None);
    }

    #[test]
    fn who_is_gone_is_taken_out() {
        let keyring = Keyring::default();
        keyring.put(
            &name(),
            version("a", 1),
            State::NotReady("no key".to_owned()),
        );
        assert_eq!(keyring.retain(IssuerKind::Issuer, |_| false), []);
        assert_eq!(keyring.retain(IssuerKind::ClusterIssuer, |_| true), []);
        assert_eq!(
            keyring.retain(IssuerKind::ClusterIssuer, |_| false),
            [name()]
        );
        assert!(matches!(
            keyring.find(&name(), Some(version("a", 1))),
            IssuerLookup::NotObserved
        ));
    }
}
