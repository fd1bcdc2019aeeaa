//! Schedules without threads: what is returned is what threads would do.

use serde_json::json;

use super::*;

/// A module with tokens of these names.
fn schedule(max_sessions: u16, per_key: u16, tokens: &[&str]) -> Schedule<&'static str> {
    let token = |name: &&str| json!({ "name": name, "label": name, "pin": { "env": "PIN" } });
    let tokens: Vec<_> = tokens.iter().map(token).collect();
    let module = json!({
        "name": "m", "path": "/m.so", "maxSessions": max_sessions, "maxSessionsPerKey": per_key,
        "tokens": tokens,
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

    /// A key with a user.
    fn key(&mut self, token: &str, fingerprint: &str) -> KeyId {
        let token = self.token(token);
        let found_by = self.use_to_find(&token);
        let id = self.use_key(&token, fingerprint.to_owned(), found_by);
        self.leave(found_by);
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
    schedule.leave(key);
    assert_eq!(schedule.next(key), Next::Close);
    assert_eq!(schedule.key("a", "1"), key);
    assert_eq!(schedule.closed(key), Next::Wait);
    schedule.leave(key);
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
    schedule.leave(first);
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
        let key = schedule.use_to_find(&token);
        let number = schedule.submit(key).unwrap();
        assert_eq!(schedule.run(key), number);
        schedule.abandon(key, number);
        schedule.leave(key);
    }
    let key = schedule.use_to_find(&token);
    assert_eq!(schedule.submit(key), Err(Pkcs11Fault::Hangs));
    assert_eq!(schedule.threads(key), 2);
    let refused = schedule.use_key(&token, "new".to_owned(), key + 100);
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
