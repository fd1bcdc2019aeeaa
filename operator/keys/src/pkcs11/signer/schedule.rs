//! Which work of a module runs next, and in how many sessions. Pure.

mod key;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::error::Pkcs11Fault;
use crate::access::{ModuleConfig, TokenConfig};
use key::Key;

/// Identifies a key of a module while it has work, threads or users.
pub(super) type KeyId = u64;

/// The work of a module's keys. Each thread of a key has one session, so the threads of all keys
/// are at most `maxSessions`. Of these, one is kept for each token in the list, and one for keys of
/// ClusterIssuers. The threads of the keys that a namespace uses and no ClusterIssuer are at most
/// `maxSessionsPerNamespace`.
pub(super) struct Schedule<T> {
    module: Arc<ModuleConfig>,
    keys: BTreeMap<KeyId, Key<T>>,
    /// The last number of a key or of work.
    last: u64,
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

    /// Adds a call that finds another key of the token with the threads of this one: one that
    /// responds, if there is one. The tenant is a namespace, or empty for ClusterIssuers. One without
    /// threads must be the tenant's own: its namespaces may not be allowed any.
    pub(super) fn use_to_find(&mut self, token: &Arc<TokenConfig>, tenant: &str) -> KeyId {
        let keys = self.of_token(token);
        let keys = keys.filter(|(_, key)| key.threads > 0 || key.is_of(tenant));
        let first = keys.min_by_key(|(_, key)| (key.hangs(), key.threads == 0));
        let first = first.map(|(id, _)| *id);
        let id = first.unwrap_or_else(|| self.add(token, None));
        self.update(id, |key| key.enter_to_find(tenant));
        id
    }

    /// Removes a call that found another key.
    pub(super) fn found(&mut self, id: KeyId, tenant: &str) {
        self.update(id, |key| key.leave_after_find(tenant));
    }

    /// Adds a user of the key with this fingerprint, which the threads of another key found.
    /// Whatever an issuer calls a key, it is one.
    pub(super) fn use_key(
        &mut self,
        token: &Arc<TokenConfig>,
        fingerprint: String,
        found_by: KeyId,
        tenant: &str,
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
        self.update(id, |key| key.enter(tenant));
        Ok(id)
    }

    /// Removes a user of a key. Its threads end with the last one.
    pub(super) fn leave(&mut self, id: KeyId, tenant: &str) {
        self.update(id, |key| key.leave(tenant));
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
            && (first || !self.has_room_for_another())
            && self.has_room(key, None)
    }

    pub(super) fn add_thread(&mut self, id: KeyId) {
        self.update(id, |key| key.threads += 1);
    }

    /// Queues work of a tenant for a key. Returns its number.
    pub(super) fn push(&mut self, id: KeyId, tenant: &str, work: T) -> Result<u64, Pkcs11Fault> {
        let may_get_one = self.givers(id).next().is_some();
        let no_session = self.no_session(id);
        match self.keys.get_mut(&id) {
            Some(key) if key.hangs() => Err(Pkcs11Fault::Hangs),
            Some(key) if key.threads > 0 || may_get_one => {
                self.last += 1;
                key.queue.push(tenant, self.last, work);
                Ok(self.last)
            }
            _ => Err(no_session),
        }
    }

    /// What a thread of this key does next.
    pub(super) fn next(&mut self, id: KeyId) -> Next<T> {
        if self.has_most_to_spare(id)
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
            None if key.is_unused() => Next::Close,
            None => Next::Wait,
        }
    }

    /// What a thread does that has closed its session.
    pub(super) fn closed(&mut self, id: KeyId) -> Next<T> {
        match self.keys.get(&id) {
            Some(key) if !key.is_unused() => Next::Wait,
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
        key.queue.remove_of_any(number)
    }

    /// Why work of this key that was abandoned took too long.
    pub(super) fn why_late(&self, id: KeyId, number: u64) -> Pkcs11Fault {
        match self.keys.get(&id) {
            Some(key) if key.hangs() || key.hung.contains(&number) => Pkcs11Fault::Hangs,
            Some(key) if key.threads > 0 => Pkcs11Fault::NoSession(key.threads),
            _ => self.no_session(id),
        }
    }

    fn of_token(&self, token: &TokenConfig) -> impl Iterator<Item = (&KeyId, &Key<T>)> {
        let keys = self.keys.iter();
        keys.filter(|(_, key)| key.token.name == token.name)
    }

    fn add(&mut self, token: &Arc<TokenConfig>, fingerprint: Option<String>) -> KeyId {
        self.last += 1;
        let key = Key::new(token, fingerprint);
        self.keys.insert(self.last, key);
        self.last
    }

    /// Changes a key, and removes it if nothing uses it.
    fn update(&mut self, id: KeyId, change: impl FnOnce(&mut Key<T>)) {
        if let Some(key) = self.keys.get_mut(&id) {
            change(key);
            if key.is_unused() && key.threads == 0 {
                self.keys.remove(&id);
            }
        }
    }

    /// Gives the session of a thread to a key that waits for its first, if there is one.
    fn hand_over(&mut self, from: KeyId) -> Option<Next<T>> {
        let to = self.taker(from)?;
        self.update(to, |key| key.threads += 1);
        self.remove_thread(from);
        let token = self.keys.get(&to)?.token.clone();
        Some(Next::Serve(to, token))
    }

    /// The first key that waits for its first session, and may have it if this one gives one.
    fn taker(&self, from: KeyId) -> Option<KeyId> {
        let takes = |key: &Key<T>| key.waits_for_thread() && self.has_room(key, Some(from));
        let taker = self.keys.iter().find(|(_, key)| takes(key));
        taker.map(|(id, _)| *id)
    }

    /// Whether no other key could better give a session to the one that waits.
    fn has_most_to_spare(&self, id: KeyId) -> bool {
        let spare = self.keys.get(&id).map_or(0, Key::spare);
        let most = self.taker(id).map(|taker| self.givers(taker).max());
        spare > 0 && most == Some(Some(spare))
    }

    /// The keys with whose sessions this one could get its first: how many each has to spare.
    fn givers(&self, to: KeyId) -> impl Iterator<Item = usize> {
        let to = self.keys.get(&to);
        let gives = move |id| to.is_some_and(|key| self.has_room(key, Some(id)));
        let spare = self.keys.iter().map(|(id, key)| (*id, key.spare()));
        spare.filter_map(move |(id, spare)| (spare > 0 && gives(id)).then_some(spare))
    }

    /// Why a key has no session.
    fn no_session(&self, id: KeyId) -> Pkcs11Fault {
        let owners = self.keys.get(&id).into_iter().flat_map(|key| &key.owners);
        match owners.map(|owner| self.used_by(owner, None)).max() {
            Some(used) if used >= self.per_namespace() => Pkcs11Fault::NoSessionForNamespace(used),
            _ => Pkcs11Fault::NoSession(0),
        }
    }

    /// Whether a key waits for its first session, and there is one for it.
    fn has_room_for_another(&self) -> bool {
        let mut waiting = self.keys.values().filter(|key| key.waits_for_thread());
        waiting.any(|key| self.has_room(key, None))
    }

    /// Whether a key may have one more session, if this other one gives one: so that what is kept for
    /// others stays free, and its namespaces do not have too many.
    fn has_room(&self, key: &Key<T>, giver: Option<KeyId>) -> bool {
        let of_token = |token: &TokenConfig| -> usize {
            self.threads_of(giver, |key| key.token.name == token.name)
        };
        let others = self.module.tokens.iter();
        let others = others.filter(|other| other.name != key.token.name);
        let used: usize = others.map(|other| of_token(other).max(1)).sum();
        let of_token = of_token(&key.token);
        // The first session of a token is not refused for that of a ClusterIssuer.
        let keeps_one = of_token > 0
            && !key.owners.is_empty()
            && self.threads_of(giver, |key| key.owners.is_empty()) == 0;
        let is_in_budget = |owner: &String| self.used_by(owner, giver) < self.per_namespace();
        used + of_token + usize::from(keeps_one) < self.module.max_sessions.into()
            && key.owners.iter().all(is_in_budget)
    }

    /// How many sessions a namespace has, if this key gives one.
    fn used_by(&self, namespace: &str, giver: Option<KeyId>) -> usize {
        self.threads_of(giver, |key| key.owners.contains(namespace))
    }

    /// How many sessions such keys have, if this key gives one.
    fn threads_of(&self, giver: Option<KeyId>, is_counted: impl Fn(&Key<T>) -> bool) -> usize {
        let keys = self.keys.iter().filter(|(_, key)| is_counted(key));
        keys.map(|(id, key)| key.threads_without(*id, giver)).sum()
    }

    fn per_namespace(&self) -> usize {
        self.module.sessions_per_namespace().into()
    }
}
