//! Threads under load, on work that calls no module.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, channel};

use serde_json::json;

use super::*;

/// Longer than any of these tests takes on a busy machine.
const DEADLINE: std::time::Duration = std::time::Duration::from_secs(60);

/// A module with one token. Its process is never started.
fn module(max_sessions: u16, per_key: u16) -> Arc<Module> {
    let module = json!({
        "name": "hsm", "path": "/none.so",
        "maxSessions": max_sessions, "maxSessionsPerKey": per_key,
        "tokens": [token()],
    });
    let config = serde_json::from_value(module).unwrap();
    let program = ModuleProgram::default();
    Arc::new(Module::new(&config, Vec::new(), Vec::new(), &program))
}

fn token() -> serde_json::Value {
    json!({ "name": "t", "label": "t", "pin": { "env": "PIN" } })
}

fn pool(module: &Arc<Module>, fingerprint: usize) -> Arc<Pool> {
    let token = serde_json::from_value(token()).unwrap();
    let found_by = Pool::to_find(module.clone(), &Arc::new(token), None);
    found_by.of_key(fingerprint.to_string()).unwrap()
}

/// Submits work. What it returns can be received, unless it panics.
fn submit<T: Send + 'static>(
    pool: &Arc<Pool>,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<(Ticket, Receiver<T>), Pkcs11Fault> {
    let (sender, receiver) = channel();
    let work = move |_: &mut Worker| -> Reply {
        let result = work();
        Box::new(move || drop(sender.send(result)))
    };
    Ok((pool.submit(Box::new(work))?, receiver))
}

/// Waits until the module has no threads.
fn wait_until_unused(module: &Module) {
    let mut schedule = module.schedule.lock();
    while !schedule.is_unused() {
        module.changed.wait_for(&mut schedule, DEADLINE);
    }
}

#[test]
fn work_that_panics_does_not_cost_a_session() {
    let module = module(1, 1);
    let pool = pool(&module, 1);
    for _ in 0..3 {
        let (_ticket, panicked) = submit(&pool, || panic!("the bindings")).unwrap();
        let panicked: Result<(), _> = panicked.recv_timeout(DEADLINE);
        assert!(panicked.is_err());
        let (_ticket, done) = submit(&pool, || 7).unwrap();
        assert_eq!(done.recv_timeout(DEADLINE), Ok(7));
    }
    drop(pool);
    wait_until_unused(&module);
}

#[test]
fn abandoned_work_is_not_started() {
    let module = module(1, 1);
    let pool = pool(&module, 1);
    let (release, released) = channel::<()>();
    let (_running, blocked) = submit(&pool, move || released.recv().is_ok()).unwrap();
    let (ticket, abandoned) = submit(&pool, || ()).unwrap();
    assert_eq!(ticket.timed_out(), Pkcs11Fault::NoSession(1));
    assert!(abandoned.recv_timeout(DEADLINE).is_err());
    release.send(()).unwrap();
    assert_eq!(blocked.recv_timeout(DEADLINE), Ok(true));
}

#[test]
fn a_thread_that_hangs_is_counted_until_it_returns() {
    let module = module(4, 1);
    let stuck = pool(&module, 1);
    let (release, released) = channel::<()>();
    let (running, returned) = submit(&stuck, move || released.recv().is_ok()).unwrap();
    // Until a thread runs it, it would only leave the queue.
    while stuck.module.schedule.lock().is_queued(stuck.key) {
        thread::yield_now();
    }
    assert_eq!(running.timed_out(), Pkcs11Fault::Hangs);
    let refused = submit(&stuck, || ()).map(drop);
    assert_eq!(refused, Err(Pkcs11Fault::Hangs));
    release.send(()).unwrap();
    assert_eq!(returned.recv_timeout(DEADLINE), Ok(true));
    let (_ticket, done) = submit(&stuck, || 7).unwrap();
    assert_eq!(done.recv_timeout(DEADLINE), Ok(7));
}

/// More keys than sessions, each with more work than its sessions, and issuers that come and go.
/// All work is done, on no more threads than sessions, and no thread is left.
#[test]
fn keys_that_compete_for_sessions_all_finish() {
    static RUNNING: AtomicUsize = AtomicUsize::new(0);
    let module = module(3, 2);
    thread::scope(|scope| {
        for key in 0..6 {
            let module = &module;
            scope.spawn(move || {
                for _ in 0..20 {
                    let pool = pool(module, key);
                    let mut left = 10;
                    while left > 0 {
                        let work = || RUNNING.fetch_add(1, Ordering::SeqCst);
                        let end = || RUNNING.fetch_sub(1, Ordering::SeqCst);
                        let submitted: Vec<_> = (0..left)
                            .filter_map(|_| {
                                let work = move || {
                                    let before = work();
                                    thread::yield_now();
                                    end();
                                    before
                                };
                                submit(&pool, work).ok()
                            })
                            .collect();
                        for (_ticket, done) in submitted {
                            assert!(done.recv_timeout(DEADLINE).unwrap() < 3);
                            left -= 1;
                        }
                        thread::yield_now();
                    }
                }
            });
        }
    });
    wait_until_unused(&module);
}
