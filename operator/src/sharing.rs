//! Issuers that share a CA although only one of them has a trust domain.
//!
//! An issuer without a trust domain signs any `spiffe://` URI that is requested. Where it shares a
//! CA certificate, key or root with an issuer that has one, the identity rules of the latter hold
//! nothing back. Their Ready messages report it, but not that of an issuer whose root another one
//! only trusts.

mod index;
mod key_users;
mod shared_ca;
#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, HashSet};

use parking_lot::Mutex;
use signet_core::policy::ServedTrustDomains;
use signet_core::spiffe::TrustDomain;

pub use index::{CaIndex, CaKeys};
pub use key_users::KeyUsers;
pub use shared_ca::{MAX_COUNTED, SharedCa};

use crate::issuer_name::IssuerName;
use crate::wakeups::Wakeups;

/// Keeps the index, and wakes the issuers whose message it changes.
#[derive(Debug)]
pub struct Sharing {
    state: Mutex<State>,
    wakeups: Wakeups,
}

#[derive(Debug, Default)]
struct State {
    index: CaIndex,
    first_pass: FirstPass,
}

/// What an issuer shares, looked up when it is asked for.
#[derive(Debug)]
struct ServedWith<'a> {
    state: &'a Mutex<State>,
    issuer: &'a IssuerName,
}

impl ServedTrustDomains for ServedWith<'_> {
    fn list(&self) -> Option<BTreeSet<TrustDomain>> {
        let state = self.state.lock();
        let is_complete = state.first_pass.is_complete();
        is_complete.then(|| state.index.served(self.issuer))
    }
}

/// After a start, the issuers are observed one after another, and what they share is not known
/// before the last one was. Until then a message that is there already stays.
#[derive(Debug, Default)]
struct FirstPass {
    /// The issuers that were observed, or could not be.
    observed: HashSet<IssuerName>,
    /// The issuers that are still to be observed; none before all are listed.
    remaining: Option<HashSet<IssuerName>>,
    /// The issuers whose message was left as it is.
    held: HashSet<IssuerName>,
}

impl FirstPass {
    fn is_complete(&self) -> bool {
        self.remaining.as_ref().is_some_and(HashSet::is_empty)
    }

    fn observed(&mut self, name: &IssuerName) {
        match &mut self.remaining {
            Some(remaining) => drop(remaining.remove(name)),
            None => drop(self.observed.insert(name.clone())),
        }
    }

    /// Takes the issuers that were held, once the pass is complete.
    fn release(&mut self) -> HashSet<IssuerName> {
        match self.is_complete() {
            true => std::mem::take(&mut self.held),
            false => HashSet::new(),
        }
    }
}

impl Sharing {
    pub fn new(wakeups: Wakeups) -> Self {
        Self {
            state: Mutex::default(),
            wakeups,
        }
    }

    pub fn set(&self, name: &IssuerName, keys: CaKeys) {
        self.update(name, |index| index.set(name, Some(keys)));
    }

    /// Returns the issuers that are still to be observed.
    pub fn remaining(&self) -> Vec<IssuerName> {
        let state = self.state.lock();
        let remaining = state.first_pass.remaining.iter().flatten();
        remaining.cloned().collect()
    }

    pub fn remove(&self, name: &IssuerName) {
        self.update(name, |index| index.set(name, None));
    }

    /// Records that an issuer was reconciled, also where that failed.
    pub fn observed(&self, name: &IssuerName) {
        self.update(name, |_| Vec::new());
    }

    /// Begins the first pass over the issuers that exist.
    pub fn listed(&self, existing: impl IntoIterator<Item = IssuerName>) {
        let held = {
            let pass = &mut self.state.lock().first_pass;
            let observed = std::mem::take(&mut pass.observed);
            let remaining = existing.into_iter().filter(|name| !observed.contains(name));
            pass.remaining = Some(remaining.collect());
            pass.release()
        };
        self.announce(held);
    }

    /// Whether the message of an issuer must stay as it is, because the first pass is not complete.
    /// The issuer is announced when it is.
    pub fn holds(&self, name: &IssuerName) -> bool {
        let pass = &mut self.state.lock().first_pass;
        let holds = !pass.is_complete();
        if holds {
            pass.held.insert(name.clone());
        }
        holds
    }

    pub fn shared(&self, name: &IssuerName) -> Option<SharedCa> {
        self.state.lock().index.shared(name)
    }

    /// Returns the trust domains whose IDs an issuer without one must not issue. They are collected
    /// when they are listed, and not known before every issuer was observed once.
    pub fn served_with<'a>(&'a self, issuer: &'a IssuerName) -> impl ServedTrustDomains {
        ServedWith {
            state: &self.state,
            issuer,
        }
    }

    /// Returns the other issuers whose chains have this key; none if there are none.
    pub fn users(&self, name: &IssuerName, key: &str) -> Option<KeyUsers> {
        self.state.lock().index.key_users(name, key)
    }

    fn update(&self, name: &IssuerName, change: impl FnOnce(&mut CaIndex) -> Vec<IssuerName>) {
        let changed = {
            let state = &mut *self.state.lock();
            let mut changed = change(&mut state.index);
            state.first_pass.observed(name);
            changed.extend(state.first_pass.release());
            changed
        };
        self.announce(changed);
    }

    fn announce(&self, changed: impl IntoIterator<Item = IssuerName>) {
        for name in changed {
            self.wakeups.wake_issuer(&name);
        }
    }
}
