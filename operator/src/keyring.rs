//! The state of each issuer: one that can sign has a connected key.

mod records;

use std::collections::HashMap;
use std::sync::Arc;

use kube::core::ObjectMeta;
use parking_lot::Mutex;
use signet_core::ca::{Bundle, CaChain};
use signet_core::issue::{Authority, CaUrls};
use signet_core::policy::{Issuer, IssuerPolicy};
use signet_keys::{GuardedSigner, KeyError};

use crate::issuer_name::IssuerName;
use crate::wakeups::Wakeups;

pub use records::{RecordStore, Records};

/// An issuer that can sign.
#[derive(Debug)]
pub struct ReadyIssuer {
    /// The number of the CA generation that signs.
    pub number: u32,
    /// Its name.
    pub generation: String,
    pub policy: IssuerPolicy,
    pub chain: CaChain,
    /// The URLs that its certificates carry.
    pub urls: CaUrls,
    pub guard: Arc<GuardedSigner>,
    /// Every root that is trusted now.
    pub bundle: Bundle,
    /// The name of the key backend, for metrics.
    pub backend: &'static str,
    /// The longest lifetimes that may be granted without another record.
    pub records: Arc<Records>,
}

impl ReadyIssuer {
    /// The CA under which certificates are built.
    pub fn authority(&self) -> Authority<'_> {
        Authority {
            chain: &self.chain,
            algorithm: self.guard.algorithm(),
            urls: &self.urls,
        }
    }
}

/// The version of an issuer object. A recreated object has another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    pub uid: String,
    pub generation: i64,
}

impl Version {
    pub fn of(meta: &ObjectMeta) -> Self {
        Self {
            uid: meta.uid.clone().unwrap_or_default(),
            generation: meta.generation.unwrap_or_default(),
        }
    }
}

#[derive(Clone, Debug)]
struct Entry {
    version: Version,
    /// The issuer, or the message of its Ready condition.
    state: Result<Arc<ReadyIssuer>, String>,
}

impl Entry {
    /// Whether a request that found this entry would now find something else.
    fn is_outdated_by(&self, other: &Self) -> bool {
        let same = match (&self.state, &other.state) {
            (Ok(own), Ok(other)) => {
                // Another guard has its own breaker, on which no request waits yet.
                let same_key = Arc::ptr_eq(&own.guard, &other.guard);
                same_key && own.chain == other.chain && own.bundle == other.bundle
            }
            (Err(_), Err(_)) => true,
            _ => false,
        };
        !same || self.version != other.version
    }
}

/// The result of looking up the issuer of a request.
#[derive(Clone, Debug)]
pub enum IssuerLookup {
    Missing,
    /// The current version of the issuer is yet to be observed, or its kind is yet to be listed.
    NotObserved,
    /// The issuer cannot sign, with the message of its Ready condition.
    NotReady(String),
    Ready(Arc<ReadyIssuer>),
}

impl IssuerLookup {
    /// The error of a ready issuer's key that is known to be unavailable.
    pub fn unavailable_key(&self) -> Option<KeyError> {
        match self {
            Self::Ready(issuer) => issuer.guard.breaker().admit().err(),
            _ => None,
        }
    }

    /// The issuer as policy sees it; none while it is yet to be observed. `other` is one that a
    /// request may mean if this one does not exist.
    pub fn for_policy<'a>(&'a self, name: &'a str, other: Option<&'a str>) -> Option<Issuer<'a>> {
        Some(match self {
            Self::Missing => Issuer::Missing { name, other },
            Self::NotObserved => return None,
            Self::NotReady(message) => Issuer::NotReady { name, message },
            Self::Ready(issuer) => Issuer::Ready(&issuer.policy),
        })
    }
}

/// The keyring. It wakes the requests of an issuer that changes.
#[derive(Debug)]
pub struct Keyring {
    entries: Mutex<HashMap<IssuerName, Entry>>,
    wakeups: Wakeups,
}

impl Keyring {
    pub fn new(wakeups: Wakeups) -> Self {
        Self {
            entries: Mutex::default(),
            wakeups,
        }
    }

    /// Stores a version of an issuer, or the message of its Ready condition if it cannot sign, and
    /// wakes its requests if that has changed.
    pub fn put(
        &self,
        name: &IssuerName,
        version: Version,
        state: Result<Arc<ReadyIssuer>, String>,
    ) {
        let entry = Entry { version, state };
        let before = self.entries.lock().insert(name.clone(), entry.clone());
        if before.is_none_or(|before| before.is_outdated_by(&entry)) {
            self.wakeups.wake_requests(Some(name));
        }
    }

    pub fn remove(&self, name: &IssuerName) {
        self.entries.lock().remove(name);
    }

    /// Looks an issuer up. `current` is the version of the object in the watch's cache; none if
    /// there is no such object.
    pub fn find(&self, name: &IssuerName, current: Option<Version>) -> IssuerLookup {
        let Some(current) = current else {
            return IssuerLookup::Missing;
        };
        let is_current = |version: &Version| {
            version.uid == current.uid && version.generation >= current.generation
        };
        let entries = self.entries.lock();
        let entry = entries.get(name).filter(|it| is_current(&it.version));
        match entry.map(|entry| entry.state.clone()) {
            Some(Ok(issuer)) => IssuerLookup::Ready(issuer),
            Some(Err(message)) => IssuerLookup::NotReady(message),
            None => IssuerLookup::NotObserved,
        }
    }

    /// The number of requests that are queued at the key of each issuer that can sign.
    pub fn queues(&self) -> Vec<(IssuerName, usize)> {
        let entries = self.entries.lock();
        let queues = entries.iter().filter_map(|(name, entry)| {
            let issuer = entry.state.as_ref().ok()?;
            Some((name.clone(), issuer.guard.waiting()))
        });
        queues.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::corp;

    fn version(uid: &str, generation: i64) -> Version {
        Version {
            uid: uid.to_owned(),
            generation,
        }
    }

    /// CM-5.
    #[test]
    fn finds_only_the_current_version_of_an_issuer() {
        let keyring = Keyring::new(Wakeups::default());
        let find = |uid, generation| keyring.find(&corp(), Some(version(uid, generation)));
        assert!(matches!(keyring.find(&corp(), None), IssuerLookup::Missing));
        assert!(matches!(find("a", 1), IssuerLookup::NotObserved));
        keyring.put(&corp(), version("a", 1), Err("no key".to_owned()));
        assert!(matches!(find("a", 1), IssuerLookup::NotReady(_)));
        assert!(
            matches!(find("a", 2), IssuerLookup::NotObserved),
            "the spec changed"
        );
        assert!(
            matches!(find("b", 1), IssuerLookup::NotObserved),
            "recreated"
        );
        assert!(
            matches!(keyring.find(&corp(), None), IssuerLookup::Missing),
            "deleted"
        );
        keyring.remove(&corp());
        assert!(matches!(find("a", 1), IssuerLookup::NotObserved));
    }

    #[test]
    fn wakes_requests_when_an_issuer_changes() {
        let wakeups = Wakeups::default();
        let keyring = Keyring::new(wakeups.clone());
        let mut woken = wakeups.requests();
        let mut put = |generation| {
            let not_ready = Err("no key".to_owned());
            keyring.put(&corp(), version("a", generation), not_ready);
            woken.try_recv().ok().flatten()
        };
        assert_eq!(put(1), Some(corp()));
        assert_eq!(put(1), None, "nothing changed");
        assert_eq!(put(2), Some(corp()));
    }
}
