//! The threads that wait for a module. Each has one session, and works for one key.

#[cfg(test)]
mod tests;

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;

use parking_lot::{Condvar, Mutex};

use super::error::Pkcs11Fault;
use super::schedule::{KeyId, Next, Schedule};
use super::supervisor::{Launch, Supervisor};
use super::worker::Worker;
use crate::access::{ModuleConfig, ModuleProcess, ModuleProgram, TokenConfig};

/// Work for a thread. It returns what hands its result over.
pub(super) type Work = Box<dyn FnOnce(&mut Worker) -> Reply + Send>;

/// Hands a result over, when the thread is free for other work.
pub(super) type Reply = Box<dyn FnOnce()>;

/// A module in the operator's list. Its process ends with it, or before.
pub(crate) struct Module {
    schedule: Mutex<Schedule<Work>>,
    changed: Condvar,
    process: Arc<Supervisor>,
}

/// The threads of a key, for as long as they are used. A thread in a call that hangs is counted
/// until the call returns, so there are never more threads than sessions.
pub(super) struct Pool {
    module: Arc<Module>,
    token: Arc<TokenConfig>,
    key: KeyId,
    /// The namespace of the Issuer that uses the key; empty for a ClusterIssuer.
    tenant: String,
    /// Whether another key is found with the threads.
    finds: bool,
}

/// Work that was submitted. Dropping it abandons the work.
pub(super) struct Ticket {
    pool: Arc<Pool>,
    number: u64,
}

impl Pool {
    /// A pool with whose threads a key of the token can be found, for an Issuer of this namespace or
    /// for a ClusterIssuer, which has none.
    pub(super) fn to_find(
        module: Arc<Module>,
        token: &Arc<TokenConfig>,
        tenant: Option<&str>,
    ) -> Arc<Self> {
        let (token, tenant) = (token.clone(), tenant.unwrap_or_default().to_owned());
        let key = module.schedule.lock().use_to_find(&token, &tenant);
        Arc::new(Self {
            module,
            token,
            key,
            tenant,
            finds: true,
        })
    }

    /// The pool of the key with this fingerprint, which a thread of this pool found.
    pub(super) fn of_key(&self, fingerprint: String) -> Result<Arc<Self>, Pkcs11Fault> {
        let (module, token) = (self.module.clone(), self.token.clone());
        let tenant = self.tenant.clone();
        let key = module
            .schedule
            .lock()
            .use_key(&token, fingerprint, self.key, &tenant)?;
        Ok(Arc::new(Self {
            module,
            token,
            key,
            tenant,
            finds: false,
        }))
    }

    /// Has a thread do this work.
    pub(super) fn submit(self: &Arc<Self>, work: Work) -> Result<Ticket, Pkcs11Fault> {
        let mut schedule = self.module.schedule.lock();
        let mut started = Ok(());
        if schedule.needs_thread(self.key) {
            started = self.start_thread();
            if started.is_ok() {
                schedule.add_thread(self.key);
            }
        }
        let pushed = schedule.push(self.key, &self.tenant, work);
        let number = pushed.map_err(|fault| started.err().unwrap_or(fault))?;
        self.module.changed.notify_all();
        Ok(Ticket {
            pool: self.clone(),
            number,
        })
    }

    /// Starts a thread, which waits for the lock of the schedule.
    fn start_thread(&self) -> Result<(), Pkcs11Fault> {
        let (module, token, mut key) = (self.module.clone(), self.token.clone(), self.key);
        let serve = move || {
            let serving = AssertUnwindSafe(|| module.serve(&mut key, token));
            if catch_unwind(serving).is_err() {
                module.schedule.lock().remove_thread(key);
            }
            module.changed.notify_all();
        };
        let named = thread::Builder::new().name("pkcs11".to_owned());
        named.spawn(serve).map(drop).map_err(|error| {
            tracing::warn!(%error, "cannot start a thread for a PKCS#11 module");
            Pkcs11Fault::NoThread
        })
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        let mut schedule = self.module.schedule.lock();
        match self.finds {
            true => schedule.found(self.key, &self.tenant),
            false => schedule.leave(self.key, &self.tenant),
        }
        drop(schedule);
        self.module.changed.notify_all();
    }
}

impl Module {
    /// A module of the list, whose other modules have these libraries. Its process is started
    /// when it is needed, without these environment variables.
    pub(crate) fn new(
        config: &ModuleConfig,
        others: Vec<PathBuf>,
        hidden: Vec<String>,
        program: &ModuleProgram,
    ) -> Self {
        let launch = Launch {
            module: config.name.clone(),
            path: config.path.clone(),
            others,
            hidden,
            program: program.clone(),
        };
        Self {
            schedule: Mutex::new(Schedule::new(Arc::new(config.clone()))),
            changed: Condvar::new(),
            process: Arc::new(Supervisor::new(launch)),
        }
    }

    /// The process of the module, as it is now.
    pub(crate) fn observe(&self) -> ModuleProcess {
        self.process.record().observe()
    }

    /// Ends the process.
    pub(crate) fn end(&self) {
        self.process.end();
    }

    /// Works for a key, and then for others that need the session more.
    fn serve(&self, key: &mut KeyId, token: Arc<TokenConfig>) {
        let mut worker = Worker::new(&self.process, &token);
        let mut next = Next::Wait;
        loop {
            next = match next {
                Next::Wait => self.next(*key),
                Next::Run(number, work) => {
                    let done = catch_unwind(AssertUnwindSafe(|| work(&mut worker)));
                    self.schedule.lock().finish(*key, number);
                    match done {
                        Ok(reply) => reply(),
                        Err(_) => worker.reset(),
                    }
                    Next::Wait
                }
                Next::Serve(other, token) => {
                    *key = other;
                    worker.serve(&token);
                    Next::Wait
                }
                Next::Close => {
                    worker.reset();
                    self.schedule.lock().closed(*key)
                }
                Next::End => return,
            }
        }
    }

    /// Waits until there is something to do.
    fn next(&self, key: KeyId) -> Next<Work> {
        let mut schedule = self.schedule.lock();
        loop {
            match schedule.next(key) {
                Next::Wait => self.changed.wait(&mut schedule),
                next => return next,
            }
        }
    }
}

impl Ticket {
    /// Abandons the work because it took too long. Returns why it did.
    pub(super) fn timed_out(self) -> Pkcs11Fault {
        self.abandon();
        let Pool { module, key, .. } = &*self.pool;
        module.schedule.lock().why_late(*key, self.number)
    }

    fn abandon(&self) {
        let Pool { module, key, .. } = &*self.pool;
        let abandoned = module.schedule.lock().abandon(*key, self.number);
        // Not under the lock: it may own anything.
        drop(abandoned);
        // A key that hangs has no session to spare, but perhaps another one has.
        module.changed.notify_all();
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.abandon();
    }
}

impl fmt::Debug for Module {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Module").field(&self.observe()).finish()
    }
}
