//! Which issuers share a CA: an index from CA keys to issuers. Pure.

use std::collections::{BTreeSet, HashMap};

use signet_api::IssuerKind;
use signet_core::spiffe::TrustDomain;

use super::key_users::KeyUsers;
use super::shared_ca::{MAX_COUNTED, SharedCa};
use crate::issuer_name::IssuerName;

/// The CA keys of one issuer, each as the SHA-256 fingerprint of its SubjectPublicKeyInfo.
///
/// A certificate or root that two issuers share has one key, so keys are all there is to compare.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CaKeys {
    pub trust_domain: Option<TrustDomain>,
    /// The keys in the paths of its CA generations that have not expired, from the issuing CA to
    /// the trust anchor.
    pub path: BTreeSet<String>,
    pub roots: BTreeSet<String>,
}

impl CaKeys {
    /// The roles in which the issuer uses each key.
    fn uses(&self) -> Vec<(Role, String)> {
        if self.trust_domain.is_none() {
            return with(Role::Plain, &self.path);
        }
        let trusted = with(Role::Trusts, self.path.union(&self.roots));
        [with(Role::TrustDomain, &self.path), trusted].concat()
    }

    /// The uses by which other issuers share a CA with this one, as its own message reports it.
    ///
    /// A root that an issuer only trusts counts for the issuer that trusts it. Otherwise a tenant
    /// could list any root, and have every issuer below it warn of them.
    fn shared_by(&self) -> Vec<(Role, String)> {
        match self.trust_domain.is_some() {
            true => with(Role::Plain, self.path.union(&self.roots)),
            false => with(Role::TrustDomain, &self.path),
        }
    }

    /// The uses by which other issuers' messages depend on this one.
    fn reported_by(&self) -> Vec<(Role, String)> {
        match self.trust_domain.is_some() {
            true => with(Role::Plain, &self.path),
            false => with(Role::Trusts, &self.path),
        }
    }
}

/// What an issuer uses a CA key for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Role {
    /// It issues under the key, without a trust domain.
    Plain,
    /// It issues under the key, for a trust domain.
    TrustDomain,
    /// It has a trust domain and trusts the key.
    Trusts,
}

/// The issuers by their CA keys.
#[derive(Debug, Default)]
pub struct CaIndex {
    issuers: HashMap<IssuerName, CaKeys>,
    users: HashMap<(Role, String), BTreeSet<IssuerName>>,
}

impl CaIndex {
    /// Sets the keys of an issuer, none if it is gone, and returns the other issuers whose
    /// [`shared`](Self::shared) has changed.
    pub fn set(&mut self, name: &IssuerName, keys: Option<CaKeys>) -> Vec<IssuerName> {
        let old = self.issuers.get(name).cloned();
        if old == keys {
            return Vec::new();
        }
        let reported_by = [&old, &keys].into_iter().flatten();
        let dependents: BTreeSet<_> = reported_by
            .flat_map(CaKeys::reported_by)
            .flat_map(|of| self.users.get(&of).into_iter().flatten().cloned())
            .filter(|other| other != name)
            .collect();
        let before: Vec<_> = dependents.iter().map(|other| self.shared(other)).collect();
        self.replace(name, old, keys);
        let changed = dependents.into_iter().zip(before);
        changed
            .filter(|(other, before)| self.shared(other) != *before)
            .map(|(other, _)| other)
            .collect()
    }

    fn replace(&mut self, name: &IssuerName, old: Option<CaKeys>, new: Option<CaKeys>) {
        for of in old.iter().flat_map(CaKeys::uses) {
            if let Some(users) = self.users.get_mut(&of) {
                users.remove(name);
                if users.is_empty() {
                    self.users.remove(&of);
                }
            }
        }
        for of in new.iter().flat_map(CaKeys::uses) {
            self.users.entry(of).or_default().insert(name.clone());
        }
        match new {
            Some(keys) => self.issuers.insert(name.clone(), keys),
            None => self.issuers.remove(name),
        };
    }

    /// Returns the other issuers that issue under this key.
    pub fn key_users(&self, reader: &IssuerName, key: &str) -> Option<KeyUsers> {
        let issuers = self.issuers.iter();
        let users = issuers.filter(|(name, keys)| *name != reader && keys.path.contains(key));
        KeyUsers::new(key, reader, users.map(|(name, _)| name))
    }

    /// Returns the trust domains whose IDs an issuer without one must not issue: those of
    /// ClusterIssuers and of Issuers in its own namespace under its keys, or that trust them.
    ///
    /// An Issuer elsewhere does not count, because its owner chooses its trust domain, and could
    /// have the requests of others refused.
    pub fn served(&self, name: &IssuerName) -> BTreeSet<TrustDomain> {
        let keys = self.issuers.get(name);
        let plain = keys.filter(|keys| keys.trust_domain.is_none());
        let trusted = plain.map(|keys| with(Role::Trusts, &keys.path));
        let users = trusted.into_iter().flatten();
        let users = users.filter_map(|of| self.users.get(&of)).flatten();
        let counted = users.filter(|user| {
            user.kind == IssuerKind::ClusterIssuer
                || (name.kind.is_namespaced() && user.namespace == name.namespace)
        });
        let served = counted.filter_map(|user| self.issuers.get(user)?.trust_domain.clone());
        served.collect()
    }

    /// Returns with which issuers of the other sort an issuer shares a CA: those without a trust
    /// domain if it has one, and those with one if it has none.
    pub fn shared(&self, name: &IssuerName) -> Option<SharedCa> {
        let keys = self.issuers.get(name)?;
        let uses = keys.shared_by();
        let users: Vec<_> = uses.iter().filter_map(|of| self.users.get(of)).collect();
        let count = users
            .iter()
            .flat_map(|users| users.iter().take(MAX_COUNTED + 1))
            .collect::<BTreeSet<_>>()
            .len();
        if count == 0 {
            return None;
        }
        let named = users.iter().filter_map(|users| nameable(users, name)).min();
        Some(SharedCa {
            has_trust_domain: keys.trust_domain.is_some(),
            named: named.cloned(),
            count: count.min(MAX_COUNTED + 1),
        })
    }
}

/// Returns the first of these issuers that the status of `reader` may name: one of its own
/// namespace, or a ClusterIssuer.
fn nameable<'a>(users: &'a BTreeSet<IssuerName>, reader: &IssuerName) -> Option<&'a IssuerName> {
    let first = |kind, namespace: &str| {
        let lowest = IssuerName {
            kind,
            namespace: namespace.to_owned(),
            name: String::new(),
        };
        let first = users.range(lowest..).next()?;
        (first.kind == kind && first.namespace == namespace).then_some(first)
    };
    // The namespace of a ClusterIssuer is empty, and nothing else is in it.
    first(IssuerKind::Issuer, &reader.namespace)
        .or_else(|| first(IssuerKind::MeshCA, &reader.namespace))
        .or_else(|| first(IssuerKind::ClusterIssuer, ""))
}

fn with<'a>(role: Role, keys: impl IntoIterator<Item = &'a String>) -> Vec<(Role, String)> {
    keys.into_iter().map(|key| (role, key.clone())).collect()
}
