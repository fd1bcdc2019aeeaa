//! The threads on which a module is called for one key.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use super::error::Pkcs11Error;
use super::module::{Module, SessionPermit};
use super::queue::FairQueue;
use super::token::ListedToken;
use super::worker::Worker;
use crate::lock::lock;

/// Work for a thread. It returns what hands its result over.
pub(super) type Work = Box<dyn FnOnce(&mut Worker) -> Reply + Send>;

/// Hands a result over, once the thread is free for other work.
pub(super) type Reply = Box<dyn FnOnce()>;

/// Threads that call a module for one key, each with its own session. There are as many as the
/// work needs, up to what the key and the module may have.
///
/// They end with the pool. Work that is under way keeps the pool, so that a thread that hangs is
/// counted for as long as it does: there are never more threads than sessions.
pub(super) struct Pool(Arc<Shared>);

struct Shared {
    module: Arc<Module>,
    token: Arc<ListedToken>,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    queue: FairQueue<Task>,
    threads: usize,
    /// The numbers of the work that threads are at.
    running: BTreeSet<u64>,
    /// The same of work whose caller does not wait any more.
    hung: BTreeSet<u64>,
    last_number: u64,
    /// Whether a thread should end, so that another key gets its session.
    shrink: bool,
    closed: bool,
}

struct Task {
    work: Work,
    pool: Arc<Pool>,
}

/// Work that was submitted. Dropping it gives the work up.
pub(super) struct Ticket {
    pool: Arc<Pool>,
    number: u64,
}

impl Pool {
    pub(super) fn new(module: &Arc<Module>, token: &Arc<ListedToken>) -> Arc<Self> {
        Arc::new(Self(Arc::new(Shared {
            module: module.clone(),
            token: token.clone(),
            state: Mutex::default(),
            changed: Condvar::new(),
        })))
    }

    /// Has a thread do this work for an Issuer of this namespace, or for a ClusterIssuer, which
    /// has none.
    pub(super) fn submit(
        self: &Arc<Self>,
        tenant: Option<&str>,
        work: Work,
    ) -> Result<Ticket, Pkcs11Error> {
        let submitted = self.try_submit(tenant.unwrap_or_default(), work);
        if let Err(Pkcs11Error::NoSession { .. }) = submitted {
            // Without the lock of this pool, since it looks at all.
            self.0.module.make_room();
        }
        submitted
    }

    fn try_submit(self: &Arc<Self>, tenant: &str, work: Work) -> Result<Ticket, Pkcs11Error> {
        let mut state = self.0.lock();
        let (module, token) = (&self.0.module, &self.0.token.name.token);
        if state.needs_thread() && state.threads < module.max_sessions_per_key() {
            match module.take_session(token, state.threads == 0) {
                Some(permit) => {
                    self.0.start_thread(permit)?;
                    state.threads += 1;
                }
                None if state.threads == 0 => return Err(module.no_session()),
                None => {}
            }
        }
        if state.hangs() {
            return Err(Pkcs11Error::Hangs(module.name().to_owned()));
        }
        state.last_number += 1;
        let number = state.last_number;
        let task = Task {
            work,
            pool: self.clone(),
        };
        state.queue.push(tenant, number, task);
        self.0.changed.notify_one();
        Ok(Ticket {
            pool: self.clone(),
            number,
        })
    }

    /// Whether all threads are at work whose callers do not wait any more.
    pub(super) fn hangs(&self) -> bool {
        self.0.lock().hangs()
    }

    /// How many sessions another key could have.
    pub(super) fn spare(&self) -> usize {
        self.0.lock().spare()
    }

    /// Ends a thread if there are others, once it has done what it is at.
    pub(super) fn shrink(&self) {
        self.0.lock().shrink = true;
        self.0.changed.notify_all();
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.0.lock().closed = true;
        self.0.changed.notify_all();
    }
}

impl State {
    /// Whether all threads have work already.
    fn needs_thread(&self) -> bool {
        self.queue.len() + self.running.len() + self.hung.len() >= self.threads
    }

    fn hangs(&self) -> bool {
        self.threads > 0 && self.hung.len() >= self.threads
    }

    fn spare(&self) -> usize {
        (self.threads - self.hung.len()).saturating_sub(1)
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    fn start_thread(self: &Arc<Self>, permit: SessionPermit) -> Result<(), Pkcs11Error> {
        let shared = self.clone();
        let serve = move || {
            shared.serve();
            // After the session is closed.
            drop(permit);
        };
        let spawned = thread::Builder::new()
            .name("pkcs11".to_owned())
            .spawn(serve);
        let failed = |_| Pkcs11Error::NoThread(self.module.name().to_owned());
        spawned.map(drop).map_err(failed)
    }

    fn serve(self: &Arc<Self>) {
        let mut worker = Worker::new(self.module.clone(), self.token.clone());
        while let Some((number, Task { work, pool })) = self.next() {
            // The bindings panic on some responses that no module should return.
            let done = catch_unwind(AssertUnwindSafe(|| work(&mut worker)));
            if done.is_err() {
                worker.reset();
            }
            self.finish(number);
            if let Ok(reply) = done {
                reply();
            }
            // The pool may end with it, so not under its lock.
            drop(pool);
        }
    }

    /// Waits for the next work of a thread. None when the thread is to end; it is not counted any
    /// more.
    fn next(&self) -> Option<(u64, Task)> {
        let mut state = self.lock();
        loop {
            if state.shrink && state.spare() > 0 {
                state.shrink = false;
                state.threads -= 1;
                // It may have been woken for work, which is another thread's now.
                self.changed.notify_one();
                return None;
            }
            if let Some((number, task)) = state.queue.pop() {
                state.running.insert(number);
                return Some((number, task));
            }
            if state.closed {
                state.threads -= 1;
                return None;
            }
            let woken = self.changed.wait(state);
            state = woken.unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn finish(&self, number: u64) {
        let mut state = self.lock();
        state.running.remove(&number);
        state.hung.remove(&number);
    }

    /// Gives work up that is not done. Returns whether a thread is at it.
    fn abandon(&self, number: u64) -> bool {
        let mut state = self.lock();
        if state.running.remove(&number) {
            state.hung.insert(number);
            return true;
        }
        let task = state.queue.remove(number);
        // The pool may end with it, so not under its lock.
        drop(state);
        drop(task);
        false
    }
}

impl Ticket {
    /// Gives the work up because it took too long. Returns why it did.
    pub(super) fn timed_out(self) -> Pkcs11Error {
        let shared = &self.pool.0;
        let module = shared.module.name().to_owned();
        if shared.abandon(self.number) || shared.lock().hangs() {
            return Pkcs11Error::Hangs(module);
        }
        Pkcs11Error::Busy {
            module,
            sessions: shared.lock().threads,
        }
    }

    /// The error of work that ended without a result.
    pub(super) fn aborted(self) -> Pkcs11Error {
        Pkcs11Error::Aborted(self.pool.0.module.name().to_owned())
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.pool.0.abandon(self.number);
    }
}
