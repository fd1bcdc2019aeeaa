//! Schedules without threads: what is returned is what threads would do.

use serde_json::json;

use super::*;

/// A module with tokens of these names.
fn schedule(max_sessions: u16, per_key: u16, tokens: &[&str]) -> Schedule<&'static str> {
    schedule_of(max_sessions, per_key, max_sessions, tokens)
}

fn schedule_of(
    max_sessions: u16,
    per_key: u16,
    per_namespace: u16,
    tokens: &[&str],
) -> Schedule<&'static str> {
    let token = |name: &&str| json!({ "name": name, "label": name, "pin": { "env": "PIN" } });
    let tokens: Vec<_> = tokens.iter().map(token).collect();
    let module = json!({
        "name": "m", "path": "/m.so", "maxSessions": max_sessions, "maxSessionsPerKey": per_key,
        "maxSessionsPerNamespace": per_namespace, "tokens": tokens,
    });
    Schedule::new(Arc::new(serde_json::from_value(module).unwrap()))
}

impl<T> Schedule<T> {
    pub(in super::super) fn is_unused(&self) -> bool {
        self.keys.is_empty()
    }

    pub(in super::super) fn is_queued(&self, id: KeyId) -> bool {
        self.keys.get(&id).is_some_and(|key| !key.queue.is_empty())
    }
}

impl Schedule<&'static str> {
    fn token(&self, name: &str) -> Arc<TokenConfig> {
        let tokens = &self.module.tokens;
        Arc::new(tokens.iter().find(|it| it.name == name).unwrap().clone())
    }

    /// A key that a ClusterIssuer uses.
    fn key(&mut self, token: &str, fingerprint: &str) -> KeyId {
        self.key_of("", token, fingerprint)
    }

    /// A key that an Issuer of this namespace uses.
    fn key_of(&mut self, tenant: &str, token: &str, fingerprint: &str) -> KeyId {
        let token = self.token(token);
        let found_by = self.use_to_find(&token, tenant);
        let id = self.use_key(&token, fingerprint.to_owned(), found_by, tenant);
        self.found(found_by, tenant);
        id.unwrap()
    }

    /// Submits work, with a thread if it needs one.
    fn submit(&mut self, id: KeyId) -> Result<u64, Pkcs11Fault> {
        if self.needs_thread(id) {
            self.add_thread(id);
        }
        self.push(id, "", "work")
    }

    /// Has a thread run work.
    fn run(&mut self, id: KeyId) -> u64 {
        match self.next(id) {
            Next::Run(number, _) => number,
            other => panic!("{other:?}"),
        }
    }

    fn threads(&self, id: KeyId) -> usize {
        self.keys.get(&id).map_or(0, |key| key.threads)
    }
}

#[test]
fn each_token_has_a_session_that_others_cannot_take() {
    let mut schedule = schedule(5, 9, &["a", "b", "c"]);
    let [a, b, c] = ["a", "b", "c"].map(|token| schedule.key(token, token));
    for _ in 0..9 {
        schedule.submit(a).unwrap();
    }
    assert_eq!(schedule.threads(a), 3);
    for _ in 0..2 {
        schedule.submit(b).unwrap();
        schedule.submit(c).unwrap();
    }
    assert_eq!([b, c].map(|key| schedule.threads(key)), [1, 1]);
}

#[test]
fn a_key_gets_threads_only_for_work_that_waits() {
    let mut schedule = schedule(9, 2, &["a"]);
    let key = schedule.key("a", "1");
    schedule.submit(key).unwrap();
    let number = schedule.run(key);
    schedule.finish(key, number);
    schedule.submit(key).unwrap();
    assert_eq!(schedule.threads(key), 1);
    for _ in 0..9 {
        schedule.submit(key).unwrap();
    }
    assert_eq!(schedule.threads(key), 2);
}

/// The key with the most sessions closes one, and gets no more meanwhile.
#[test]
fn a_key_without_a_session_gets_one_of_another_key() {
    let mut schedule = schedule(4, 3, &["a"]);
    let [one, three, none] = ["1", "3", "0"].map(|key| schedule.key("a", key));
    schedule.submit(one).unwrap();
    let running = schedule.run(one);
    for _ in 0..3 {
        schedule.submit(three).unwrap();
        schedule.run(three);
    }
    schedule.submit(none).unwrap();
    schedule.finish(one, running);
    assert_eq!(schedule.next(one), Next::Wait);
    let token = schedule.token("a");
    assert_eq!(schedule.next(three), Next::Serve(none, token));
    assert_eq!(schedule.next(three), Next::Wait);
    schedule.run(none);
    assert_eq!(
        [one, three, none].map(|key| schedule.threads(key)),
        [1, 2, 1]
    );
}

#[test]
fn work_that_no_session_can_become_free_for_is_refused_immediately() {
    let mut schedule = schedule(1, 4, &["a"]);
    let [first, second] = ["1", "2"].map(|key| schedule.key("a", key));
    schedule.submit(first).unwrap();
    assert_eq!(schedule.submit(second), Err(Pkcs11Fault::NoSession(0)));
    let number = schedule.run(first);
    schedule.abandon(first, number);
    assert_eq!(schedule.why_late(first, number), Pkcs11Fault::Hangs);
    assert_eq!(schedule.submit(second), Err(Pkcs11Fault::NoSession(0)));
}

/// Its thread may be about to end when the next user comes.
#[test]
fn a_thread_ends_with_the_last_user_unless_another_comes() {
    let mut schedule = schedule(1, 4, &["a"]);
    let key = schedule.key("a", "1");
    schedule.submit(key).unwrap();
    let number = schedule.run(key);
    schedule.finish(key, number);
    schedule.leave(key, "");
    assert_eq!(schedule.next(key), Next::Close);
    assert_eq!(schedule.key("a", "1"), key);
    assert_eq!(schedule.closed(key), Next::Wait);
    schedule.leave(key, "");
    assert_eq!(schedule.next(key), Next::Close);
    assert_eq!(schedule.closed(key), Next::End);
    assert!(schedule.keys.is_empty());
}

#[test]
fn a_thread_that_ends_gives_its_session_to_a_key_that_waits() {
    let mut schedule = schedule(1, 4, &["a"]);
    let [first, second] = ["1", "2"].map(|key| schedule.key("a", key));
    schedule.submit(first).unwrap();
    let number = schedule.run(first);
    schedule.finish(first, number);
    schedule.leave(first, "");
    assert_eq!(schedule.next(first), Next::Close);
    schedule.submit(second).unwrap();
    let token = schedule.token("a");
    assert_eq!(schedule.closed(first), Next::Serve(second, token));
    assert_eq!(schedule.threads(second), 1);
    assert_eq!(schedule.keys.len(), 1);
}

/// A thread in a call that hangs is counted after its key has no more users.
#[test]
fn keys_that_hang_get_no_more_threads_than_sessions() {
    let mut schedule = schedule(9, 2, &["a"]);
    let token = schedule.token("a");
    for _ in 0..2 {
        let key = schedule.use_to_find(&token, "");
        let number = schedule.submit(key).unwrap();
        assert_eq!(schedule.run(key), number);
        schedule.abandon(key, number);
        schedule.found(key, "");
    }
    let key = schedule.use_to_find(&token, "");
    assert_eq!(schedule.submit(key), Err(Pkcs11Fault::Hangs));
    assert_eq!(schedule.threads(key), 2);
    let refused = schedule.use_key(&token, "new".to_owned(), key + 100, "");
    assert_eq!(refused, Err(Pkcs11Fault::Hangs));
}

#[test]
fn abandoned_work_is_not_run() {
    let mut schedule = schedule(1, 1, &["a"]);
    let key = schedule.key("a", "1");
    let first = schedule.submit(key).unwrap();
    let second = schedule.submit(key).unwrap();
    assert_eq!(schedule.run(key), first);
    assert_eq!(schedule.abandon(key, second), Some("work"));
    assert_eq!(schedule.why_late(key, second), Pkcs11Fault::NoSession(1));
    schedule.finish(key, first);
    assert_eq!(schedule.next(key), Next::Wait);
}

/// Its keys get one each, and then none, while those of others get theirs.
#[test]
fn a_namespace_with_many_keys_leaves_sessions_to_others() {
    let mut schedule = schedule_of(5, 4, 2, &["a"]);
    let keys = ["1", "2", "3"].map(|key| schedule.key_of("team", "a", key));
    assert_eq!(
        keys.map(|key| schedule.submit(key).is_ok()),
        [true, true, false]
    );
    let refused = schedule.submit(keys[2]);
    assert_eq!(refused, Err(Pkcs11Fault::NoSessionForNamespace(2)));
    for (tenant, key) in [("other", "4"), ("other", "5"), ("", "6")] {
        let key = schedule.key_of(tenant, "a", key);
        schedule.submit(key).unwrap();
        assert_eq!(schedule.threads(key), 1, "{tenant}");
    }
}

/// Of its own keys, not of another's that has more.
#[test]
fn a_key_of_a_namespace_gets_a_session_of_another_of_its_keys() {
    let mut schedule = schedule_of(9, 5, 2, &["a"]);
    let [own, waits] = ["1", "2"].map(|key| schedule.key_of("team", "a", key));
    let shared = schedule.key("a", "3");
    for key in [own, own, own, shared, shared, shared, shared, shared] {
        schedule.submit(key).unwrap();
    }
    assert_eq!([own, shared].map(|key| schedule.threads(key)), [2, 5]);
    schedule.submit(waits).unwrap();
    assert_eq!(schedule.threads(waits), 0);
    assert!(matches!(schedule.next(shared), Next::Run(..)));
    let token = schedule.token("a");
    assert_eq!(schedule.next(own), Next::Serve(waits, token));
    assert_eq!([own, waits].map(|key| schedule.threads(key)), [1, 1]);
}

#[test]
fn a_key_that_a_cluster_issuer_uses_too_is_not_counted() {
    let mut schedule = schedule_of(9, 9, 1, &["a"]);
    let key = schedule.key_of("team", "a", "1");
    for _ in 0..3 {
        schedule.submit(key).unwrap();
    }
    assert_eq!(schedule.threads(key), 1);
    assert_eq!(schedule.key("a", "1"), key);
    schedule.submit(key).unwrap();
    assert_eq!(schedule.threads(key), 2);
    let second = schedule.key_of("team", "a", "2");
    schedule.submit(second).unwrap();
    // When the ClusterIssuer leaves, all are the namespace's.
    schedule.leave(key, "");
    let third = schedule.key_of("team", "a", "3");
    let refused = schedule.submit(third);
    assert_eq!(refused, Err(Pkcs11Fault::NoSessionForNamespace(3)));
}

/// Two namespaces do not get more by using each other's keys.
#[test]
fn a_key_counts_for_each_namespace_that_uses_it() {
    let mut schedule = schedule_of(9, 9, 2, &["a"]);
    let key = schedule.key_of("team", "a", "1");
    assert_eq!(schedule.key_of("other", "a", "1"), key);
    for _ in 0..4 {
        schedule.submit(key).unwrap();
    }
    assert_eq!(schedule.threads(key), 2);
    for tenant in ["team", "other"] {
        let own = schedule.key_of(tenant, "a", tenant);
        // It waits until the first key gives one.
        schedule.submit(own).unwrap();
        assert_eq!(schedule.threads(own), 0, "{tenant}");
    }
}

/// It does not become one that others use.
#[test]
fn a_call_that_finds_another_key_lifts_no_maximum() {
    let mut schedule = schedule_of(9, 9, 1, &["a"]);
    let key = schedule.key_of("team", "a", "1");
    schedule.submit(key).unwrap();
    let token = schedule.token("a");
    for tenant in ["", "other"] {
        assert_eq!(schedule.use_to_find(&token, tenant), key);
        for _ in 0..3 {
            schedule.submit(key).unwrap();
        }
        assert_eq!(schedule.threads(key), 1, "{tenant}");
        schedule.found(key, tenant);
    }
}

/// A namespace that may have no session for its key is not in the way of who finds another.
#[test]
fn a_key_is_not_found_with_one_that_waits_for_a_session() {
    let mut schedule = schedule_of(9, 9, 1, &["a", "b"]);
    let first = schedule.key_of("team", "a", "1");
    schedule.submit(first).unwrap();
    let waits = schedule.key_of("team", "b", "2");
    assert!(schedule.submit(waits).is_err());
    let token = schedule.token("b");
    let to_find = schedule.use_to_find(&token, "");
    assert_ne!(to_find, waits);
    assert!(schedule.submit(to_find).is_ok());
}

#[test]
fn namespaces_leave_a_session_to_cluster_issuers() {
    let mut schedule = schedule_of(4, 4, 2, &["a"]);
    let keys = [("team", "1"), ("team", "2"), ("other", "3"), ("other", "4")];
    let keys = keys.map(|(tenant, key)| schedule.key_of(tenant, "a", key));
    let submitted = keys.map(|key| schedule.submit(key).is_ok());
    assert_eq!(submitted, [true, true, true, false]);
    let refused = schedule.submit(keys[3]);
    assert_eq!(refused, Err(Pkcs11Fault::NoSession(0)));
    let cluster = schedule.key("a", "5");
    schedule.submit(cluster).unwrap();
    assert_eq!(schedule.threads(cluster), 1);
}

/// With as many sessions as tokens.
#[test]
fn the_first_session_of_a_token_is_not_kept_for_cluster_issuers() {
    let mut schedule = schedule_of(2, 4, 1, &["a", "b"]);
    for (tenant, token) in [("team", "a"), ("other", "b")] {
        let key = schedule.key_of(tenant, token, "1");
        schedule.submit(key).unwrap();
        assert_eq!(schedule.threads(key), 1, "{tenant}");
    }
}

/// Its namespace has its maximum, so no session would go to it.
#[test]
fn a_key_that_waits_for_its_own_namespace_does_not_stop_others() {
    let mut schedule = schedule_of(9, 9, 2, &["a"]);
    let [own, waits] = ["1", "2"].map(|key| schedule.key_of("team", "a", key));
    for key in [own, own, waits] {
        schedule.submit(key).unwrap();
    }
    assert_eq!([own, waits].map(|key| schedule.threads(key)), [2, 0]);
    let others = schedule.key_of("other", "a", "3");
    for _ in 0..2 {
        schedule.submit(others).unwrap();
    }
    assert_eq!(schedule.threads(others), 2);
}

/// A namespace cannot use up the sessions by Issuers that come and go.
#[test]
fn a_thread_that_hangs_is_its_namespaces_after_the_issuer_left() {
    let mut schedule = schedule_of(9, 1, 1, &["a", "b"]);
    let key = schedule.key_of("team", "a", "1");
    let number = schedule.submit(key).unwrap();
    schedule.run(key);
    schedule.abandon(key, number);
    schedule.leave(key, "team");
    let other = schedule.key_of("team", "b", "2");
    let refused = schedule.submit(other);
    assert_eq!(refused, Err(Pkcs11Fault::NoSessionForNamespace(1)));
    let cluster = schedule.key("b", "2");
    assert_eq!(cluster, other);
    assert!(schedule.submit(cluster).is_ok());
}
