//! Which work of a module runs next, and in how many sessions. Pure.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::error::Pkcs11Fault;
use crate::access::{ModuleConfig, TokenConfig};
use crate::fair_queue::FairQueue;

/// Identifies a key of a module while it has work, threads or users.
pub(super) type KeyId = u64;

/// The work of a module's keys. Each thread of a key has one session, so the threads of all keys
/// are at most `maxSessions`, of which each token in the list can always have one.
pub(super) struct Schedule<T> {
    module: Arc<ModuleConfig>,
    keys: BTreeMap<KeyId, Key<T>>,
    /// The last number of a key or of work.
    last: u64,
}

struct Key<T> {
    token: Arc<TokenConfig>,
    /// Of the public key; none until it was found.
    fingerprint: Option<String>,
    /// How many signers and calls use the key.
    users: usize,
    queue: FairQueue<T>,
    threads: usize,
    /// The numbers of the work that threads are doing.
    running: BTreeSet<u64>,
    /// The same of work whose caller no longer waits.
    hung: BTreeSet<u64>,
}

/// What a thread does next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next<T> {
    /// This work, which has this number.
    Run(u64, T),
    /// Waits.
    Wait,
    /// Closes its session, and opens one for this key.
    Serve(KeyId, Arc<TokenConfig>),
    /// Closes its session, and ends if the key still has no users.
    Close,
    /// Ends.
    End,
}

impl<T> Schedule<T> {
    pub(super) fn new(module: Arc<ModuleConfig>) -> Self {
        Self {
            module,
            keys: BTreeMap::new(),
            last: 0,
        }
    }

    /// Adds a user of a key with whose threads another key of the token can be found: one that
    /// responds, if there is one.
    pub(super) fn use_to_find(&mut self, token: &Arc<TokenConfig>) -> KeyId {
        let first = self.of_token(token).min_by_key(|(_, key)| key.hangs());
        let first = first.map(|(id, _)| *id);
        let id = first.unwrap_or_else(|| self.add(token, None));
        self.update(id, |key| key.users += 1);
        id
    }

    /// Adds a user of the key with this fingerprint, which the threads of another key found.
    /// Whatever an issuer calls a key, it is one.
    pub(super) fn use_key(
        &mut self,
        token: &Arc<TokenConfig>,
        fingerprint: String,
        found_by: KeyId,
    ) -> Result<KeyId, Pkcs11Fault> {
        let fingerprint = Some(fingerprint);
        let is_known = |key: &Key<T>| key.fingerprint == fingerprint;
        let known = self.of_token(token).find(|(_, key)| is_known(key));
        let known = known.map(|(id, _)| *id);
        let hangs = self.of_token(token).any(|(_, key)| key.hangs());
        let id = match (known, self.keys.get_mut(&found_by)) {
            (Some(id), _) => id,
            (None, Some(key)) if key.fingerprint.is_none() => {
                key.fingerprint = fingerprint;
                found_by
            }
            // Each further key would get threads that hang.
            _ if hangs => return Err(Pkcs11Fault::Hangs),
            _ => self.add(token, fingerprint),
        };
        self.update(id, |key| key.users += 1);
        Ok(id)
    }

    /// Removes a user of a key. Its threads end with the last one.
    pub(super) fn leave(&mut self, id: KeyId) {
        self.update(id, |key| key.users -= 1);
    }

    /// Whether new work of a key needs a thread that the key may have.
    pub(super) fn needs_thread(&self, id: KeyId) -> bool {
        let Some(key) = self.keys.get(&id) else {
            return false;
        };
        let busy = key.queue.len() + key.running.len() + key.hung.len();
        let first = key.threads == 0;
        busy >= key.threads
            && key.threads < self.module.max_sessions_per_key.into()
            && (first || !self.keys.values().any(Key::waits_for_thread))
            && self.has_room(&key.token)
    }

    pub(super) fn add_thread(&mut self, id: KeyId) {
        self.update(id, |key| key.threads += 1);
    }

    /// Queues work of a tenant for a key. Returns its number.
    pub(super) fn push(&mut self, id: KeyId, tenant: &str, work: T) -> Result<u64, Pkcs11Fault> {
        let spare = self.keys.values().any(|key| key.spare() > 0);
        match self.keys.get_mut(&id) {
            Some(key) if key.hangs() => Err(Pkcs11Fault::Hangs),
            Some(key) if key.threads > 0 || spare => {
                self.last += 1;
                key.queue.push(tenant, self.last, work);
                Ok(self.last)
            }
            _ => Err(Pkcs11Fault::NoSession(0)),
        }
    }

    /// What a thread of this key does next.
    pub(super) fn next(&mut self, id: KeyId) -> Next<T> {
        let most = self.keys.values().map(Key::spare).max();
        let spare = self.keys.get(&id).map_or(0, Key::spare);
        if spare > 0
            && Some(spare) == most
            && let Some(next) = self.hand_over(id)
        {
            return next;
        }
        let Some(key) = self.keys.get_mut(&id) else {
            return Next::End;
        };
        match key.queue.pop() {
            Some((number, work)) => {
                key.running.insert(number);
                Next::Run(number, work)
            }
            None if key.users == 0 => Next::Close,
            None => Next::Wait,
        }
    }

    /// What a thread does that has closed its session.
    pub(super) fn closed(&mut self, id: KeyId) -> Next<T> {
        match self.keys.get(&id) {
            Some(key) if key.users > 0 => Next::Wait,
            _ => self.hand_over(id).unwrap_or_else(|| {
                self.remove_thread(id);
                Next::End
            }),
        }
    }

    /// Removes a thread that ended.
    pub(super) fn remove_thread(&mut self, id: KeyId) {
        self.update(id, |key| key.threads -= 1);
    }

    /// Marks work as done.
    pub(super) fn finish(&mut self, id: KeyId, number: u64) {
        self.update(id, |key| {
            key.running.remove(&number);
            key.hung.remove(&number);
        });
    }

    /// Removes work from the queue. If a thread is doing it, that thread counts as hung.
    pub(super) fn abandon(&mut self, id: KeyId, number: u64) -> Option<T> {
        let key = self.keys.get_mut(&id)?;
        if key.running.remove(&number) {
            key.hung.insert(number);
        }
        key.queue.remove(number)
    }

    /// Why work of this key that was abandoned took too long.
    pub(super) fn why_late(&self, id: KeyId, number: u64) -> Pkcs11Fault {
        match self.keys.get(&id) {
            Some(key) if key.hangs() || key.hung.contains(&number) => Pkcs11Fault::Hangs,
            key => Pkcs11Fault::NoSession(key.map_or(0, |key| key.threads)),
        }
    }

    fn of_token(&self, token: &TokenConfig) -> impl Iterator<Item = (&KeyId, &Key<T>)> {
        let keys = self.keys.iter();
        keys.filter(|(_, key)| key.token.name == token.name)
    }

    fn add(&mut self, token: &Arc<TokenConfig>, fingerprint: Option<String>) -> KeyId {
        self.last += 1;
        let key = Key {
            token: token.clone(),
            fingerprint,
            users: 0,
            queue: FairQueue::default(),
            threads: 0,
            running: BTreeSet::new(),
            hung: BTreeSet::new(),
        };
        self.keys.insert(self.last, key);
        self.last
    }

    /// Changes a key, and removes it if nothing uses it.
    fn update(&mut self, id: KeyId, change: impl FnOnce(&mut Key<T>)) {
        if let Some(key) = self.keys.get_mut(&id) {
            change(key);
            if key.users + key.threads == 0 {
                self.keys.remove(&id);
            }
        }
    }

    /// Gives the session of a thread to a key that waits for its first, if there is one.
    fn hand_over(&mut self, from: KeyId) -> Option<Next<T>> {
        self.keys.get_mut(&from)?.threads -= 1;
        let waits = |key: &Key<T>| key.waits_for_thread() && self.has_room(&key.token);
        let waiting = self.keys.iter().find(|(_, key)| waits(key));
        let to = waiting.map(|(id, key)| (*id, key.token.clone()));
        let thread_of = to.as_ref().map_or(from, |(id, _)| *id);
        self.update(thread_of, |key| key.threads += 1);
        self.update(from, |_| ());
        to.map(|(id, token)| Next::Serve(id, token))
    }

    /// Whether the token may have one more session, so that each other one in the list can still
    /// have its first.
    fn has_room(&self, token: &TokenConfig) -> bool {
        let threads = |token| -> usize { self.of_token(token).map(|(_, key)| key.threads).sum() };
        let others = self.module.tokens.iter();
        let others = others.filter(|other| other.name != token.name);
        let used: usize = others.map(|other| threads(other).max(1)).sum();
        used + threads(token) < self.module.max_sessions.into()
    }
}

impl<T> Key<T> {
    /// Whether all threads do work whose callers no longer wait.
    fn hangs(&self) -> bool {
        self.threads > 0 && self.hung.len() >= self.threads
    }

    fn waits_for_thread(&self) -> bool {
        self.threads == 0 && !self.queue.is_empty()
    }

    /// How many sessions another key could have.
    fn spare(&self) -> usize {
        let responding = self.threads.saturating_sub(self.hung.len());
        responding.saturating_sub(self.users.min(1))
    }
}
