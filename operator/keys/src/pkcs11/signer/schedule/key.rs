//! One key of a module: who uses it, whose its sessions are, and what its threads do. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::KeyId;
use crate::access::TokenConfig;
use crate::fair_queue::FairQueue;

/// How often a key is used by each tenant: a namespace, or empty for ClusterIssuers.
type Tenants = BTreeMap<String, usize>;

/// A key while it has work, threads or users.
pub(super) struct Key<T> {
    pub(super) token: Arc<TokenConfig>,
    /// Of the public key; none until it was found.
    pub(super) fingerprint: Option<String>,
    /// How many signers of each tenant use the key.
    users: Tenants,
    /// How many calls of each tenant find another key with its threads.
    finders: Tenants,
    /// The namespaces whose sessions those of the key are, also after its last user left; none for a
    /// key that a ClusterIssuer uses.
    pub(super) owners: BTreeSet<String>,
    pub(super) queue: FairQueue<T>,
    pub(super) threads: usize,
    /// The numbers of the work that threads are doing.
    pub(super) running: BTreeSet<u64>,
    /// The same of work whose caller no longer waits.
    pub(super) hung: BTreeSet<u64>,
}

impl<T> Key<T> {
    /// A key that nothing uses yet.
    pub(super) fn new(token: &Arc<TokenConfig>, fingerprint: Option<String>) -> Self {
        Self {
            token: token.clone(),
            fingerprint,
            users: Tenants::new(),
            finders: Tenants::new(),
            owners: BTreeSet::new(),
            queue: FairQueue::default(),
            threads: 0,
            running: BTreeSet::new(),
            hung: BTreeSet::new(),
        }
    }

    /// Whether all threads do work whose callers no longer wait.
    pub(super) fn hangs(&self) -> bool {
        self.threads > 0 && self.hung.len() >= self.threads
    }

    pub(super) fn waits_for_thread(&self) -> bool {
        self.threads == 0 && !self.queue.is_empty()
    }

    /// How many sessions another key could have.
    pub(super) fn spare(&self) -> usize {
        let responding = self.threads.saturating_sub(self.hung.len());
        responding.saturating_sub(usize::from(!self.is_unused()))
    }

    /// The threads of this key, which has this number, after that one gave one.
    pub(super) fn threads_without(&self, id: KeyId, giver: Option<KeyId>) -> usize {
        self.threads.saturating_sub(usize::from(giver == Some(id)))
    }

    pub(super) fn is_unused(&self) -> bool {
        self.users.is_empty() && self.finders.is_empty()
    }

    pub(super) fn is_of(&self, tenant: &str) -> bool {
        self.users.contains_key(tenant) || self.finders.contains_key(tenant)
    }

    pub(super) fn enter(&mut self, tenant: &str) {
        enter(&mut self.users, tenant);
        self.update_owners();
    }

    pub(super) fn leave(&mut self, tenant: &str) {
        leave(&mut self.users, tenant);
        self.update_owners();
    }

    pub(super) fn enter_to_find(&mut self, tenant: &str) {
        enter(&mut self.finders, tenant);
        self.update_owners();
    }

    pub(super) fn leave_after_find(&mut self, tenant: &str) {
        leave(&mut self.finders, tenant);
        self.update_owners();
    }

    /// The sessions of a key without users are still its last owners'. A user that finds another key
    /// changes nothing, except where the key is there for that only and has no session yet.
    fn update_owners(&mut self) {
        let tenants = match (self.users.is_empty(), self.finders.is_empty()) {
            (false, _) => &self.users,
            (true, false) if self.threads == 0 => &self.finders,
            (true, _) => return,
        };
        self.owners = match tenants.contains_key("") {
            true => BTreeSet::new(),
            false => tenants.keys().cloned().collect(),
        };
    }
}

fn enter(tenants: &mut Tenants, tenant: &str) {
    *tenants.entry(tenant.to_owned()).or_default() += 1;
}

fn leave(tenants: &mut Tenants, tenant: &str) {
    if let Some(uses) = tenants.get_mut(tenant) {
        *uses -= 1;
        if *uses == 0 {
            tenants.remove(tenant);
        }
    }
}
