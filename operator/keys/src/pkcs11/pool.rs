//! The threads on which a module is called for one key.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicI32, AtomicU8, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;

use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

use super::error::Pkcs11Error;
use super::fault::lock;
use super::library::Library;
use super::worker::{Target, Worker};
use crate::guard::{ATTEMPT, FairSemaphore};

/// Threads that call a module for one key, each with a session of its own.
///
/// They end when nobody holds the pool any more. A task that is being worked on holds it, so that
/// a thread that hangs is found again, and counted, by whoever connects to the key next: there are
/// never more threads than sessions, however often that is tried.
pub(super) struct Pool {
    tasks: Sender<Task>,
    /// So many tasks at a time that each thread has the next one at hand. Others wait here, where
    /// turns go around between the tenants that share the key.
    turns: FairSemaphore,
    module: String,
    sessions: u16,
    /// How many threads are at a task that nobody waits for any more.
    hung: AtomicI32,
}

struct Task {
    pool: Arc<Pool>,
    progress: Arc<AtomicU8>,
    work: Box<dyn FnOnce(&mut Worker) + Send>,
}

/// Where a task is.
const QUEUED: u8 = 0;
const STARTED: u8 = 1;
const ABANDONED: u8 = 2;
const DONE: u8 = 3;

impl Pool {
    pub(super) fn start(
        library: &Arc<Library>,
        target: &Target,
        sessions: u16,
    ) -> Result<Arc<Self>, Pkcs11Error> {
        let (tasks, queue) = channel();
        let queue = Arc::new(Mutex::new(queue));
        for _ in 0..sessions {
            let (library, own, queue) = (library.clone(), target.clone(), queue.clone());
            let spawned = thread::Builder::new()
                .name("pkcs11".to_owned())
                .spawn(move || serve(&queue, &mut Worker::new(library, own)));
            // The threads that there are already end, since nobody has the sender.
            spawned.map_err(|_| Pkcs11Error::NoThread(target.token.name.module.clone()))?;
        }
        Ok(Arc::new(Self {
            tasks,
            turns: FairSemaphore::new(sessions.saturating_mul(2)),
            module: target.token.name.module.clone(),
            sessions,
            hung: AtomicI32::new(0),
        }))
    }

    /// Whether all threads are at tasks that nobody waits for any more.
    pub(super) fn hangs(&self) -> bool {
        self.hung.load(Ordering::Acquire) >= i32::from(self.sessions)
    }

    /// Has a thread do this for an Issuer of this namespace or a ClusterIssuer, and waits for it
    /// for as long as one call may take.
    pub(super) async fn run<T: Send + 'static>(
        self: &Arc<Self>,
        tenant: Option<&str>,
        work: impl FnOnce(&mut Worker) -> Result<T, Pkcs11Error> + Send + 'static,
    ) -> Result<T, Pkcs11Error> {
        if self.hangs() {
            return Err(self.unreachable());
        }
        let deadline = Instant::now() + ATTEMPT;
        let turn = self.turns.acquire(tenant.unwrap_or_default());
        let Ok(_turn) = timeout_at(deadline, turn).await else {
            return Err(match self.hangs() {
                true => self.unreachable(),
                false => self.busy(),
            });
        };
        let (reply, answer) = oneshot::channel();
        let progress = Arc::new(AtomicU8::new(QUEUED));
        let mut waiting = Waiting {
            pool: self,
            progress: progress.clone(),
            settled: false,
        };
        let task = Task {
            pool: self.clone(),
            progress,
            work: Box::new(move |worker| {
                // If nobody waits any more, it was counted, and is no longer.
                let _ = reply.send(work(worker));
            }),
        };
        // The receiver lives as long as a thread does; without one, `reply` is dropped.
        let _ = self.tasks.send(task);
        match timeout_at(deadline, answer).await {
            Ok(Ok(result)) => {
                waiting.settled = true;
                result
            }
            Ok(Err(_)) => Err(Pkcs11Error::Aborted(self.module.clone())),
            Err(_) => Err(if waiting.give_up() || self.hangs() {
                self.unreachable()
            } else {
                self.busy()
            }),
        }
    }

    pub(super) fn unreachable(&self) -> Pkcs11Error {
        Pkcs11Error::Hangs(self.module.clone())
    }

    fn busy(&self) -> Pkcs11Error {
        Pkcs11Error::Busy {
            module: self.module.clone(),
            sessions: self.sessions,
        }
    }
}

/// Somebody who waits for a task. When it is dropped before the answer is there, the task is
/// taken back; or if a thread is at it already, that thread is counted.
struct Waiting<'a> {
    pool: &'a Pool,
    progress: Arc<AtomicU8>,
    /// The answer is there, or was given up.
    settled: bool,
}

impl Waiting<'_> {
    /// Whether a thread was at it.
    fn give_up(&mut self) -> bool {
        if self.settled {
            return false;
        }
        self.settled = true;
        let started = self.progress.swap(ABANDONED, Ordering::AcqRel) == STARTED;
        if started {
            self.pool.hung.fetch_add(1, Ordering::AcqRel);
        }
        started
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.give_up();
    }
}

impl Task {
    fn run(self, worker: &mut Worker) {
        let started =
            self.progress
                .compare_exchange(QUEUED, STARTED, Ordering::AcqRel, Ordering::Acquire);
        if started.is_err() {
            return;
        }
        let work = self.work;
        // The bindings panic on some answers that no module should give. It costs this call.
        if catch_unwind(AssertUnwindSafe(|| work(worker))).is_err() {
            worker.reset();
        }
        if self.progress.swap(DONE, Ordering::AcqRel) == ABANDONED {
            self.pool.hung.fetch_sub(1, Ordering::AcqRel);
        }
    }
}

fn serve(queue: &Mutex<Receiver<Task>>, worker: &mut Worker) {
    loop {
        let next = lock(queue).recv();
        match next {
            Ok(task) => task.run(worker),
            Err(_) => return,
        }
    }
}
