//! Starts the process of a module when it is needed, and again after it has stopped.

mod backoff;
mod logins;
mod output;
mod pins;
mod process;
mod record;
mod start;
mod time_limits;
mod wait;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use parking_lot::Mutex;

use super::error::Pkcs11Fault;
use super::wire::{Outcome, Task, Token};
use crate::access::ModuleProgram;
use process::Process;
pub(super) use record::Record;
use wait::Wait;

/// How the process of a module is started.
#[derive(Clone)]
pub(super) struct Launch {
    pub(super) module: String,
    /// The library.
    pub(super) path: PathBuf,
    /// The libraries of other modules. Two processes of one library would share its sessions
    /// without knowing of each other.
    pub(super) others: Vec<PathBuf>,
    /// The environment variables with PINs.
    pub(super) hidden: Vec<String>,
    pub(super) program: ModuleProgram,
}

/// The process of a module, which ends with this value.
pub(super) struct Supervisor {
    launch: Launch,
    record: Arc<Record>,
    /// Locked while a process is started.
    current: Mutex<Current>,
    sessions: AtomicU64,
}

#[derive(Default)]
struct Current {
    process: Option<Arc<Process>>,
    /// How often none could be started.
    failures: Wait,
}

impl Supervisor {
    pub(super) fn new(launch: Launch) -> Self {
        Self {
            record: Arc::new(Record::new(launch.module.clone())),
            launch,
            current: Mutex::default(),
            sessions: AtomicU64::new(0),
        }
    }

    /// The number of a session, which no other has.
    pub(super) fn next_session(&self) -> u64 {
        self.sessions.fetch_add(1, Ordering::Relaxed)
    }

    pub(super) fn record(&self) -> &Record {
        &self.record
    }

    /// Has the process do this. Blocks, up to the longest that a call may take; then the process is
    /// ended. A token in whose calls it keeps ending is kept from it for a while.
    pub(super) fn call(&self, session: u64, task: Task) -> Result<Outcome, Pkcs11Fault> {
        let held = |token: &Token| {
            let backoff = self.record.backoff.lock();
            backoff.holds(&token.name, Instant::now())
        };
        if let Some(stop) = task.token().and_then(held) {
            return Err(Pkcs11Fault::Stopped(stop));
        }
        self.running()?.call(session, task)
    }

    /// Closes a session, if there is a process that may have it open.
    pub(super) fn close(&self, session: u64) {
        let process = self.current.lock().process.clone();
        if let Some(process) = process {
            // If it fails, the process ends, and the session with it.
            let _ = process.call(session, Task::Close);
        }
    }

    /// Ends the process, if there is one. Calls that it does fail.
    pub(super) fn end(&self) {
        if let Some(process) = self.current.lock().process.take() {
            process.discard();
        }
    }

    /// The process that runs, or a new one.
    fn running(&self) -> Result<Arc<Process>, Pkcs11Fault> {
        let mut current = self.current.lock();
        let now = Instant::now();
        if let Some(process) = &current.process {
            let may_start = || self.record.backoff.lock().may_start(now);
            match process.stopped() {
                None => return Ok(process.clone()),
                // Until it has ended, and while it keeps stopping, there is not another.
                Some(stop) if !process.has_ended() || !may_start() => {
                    return Err(Pkcs11Fault::Stopped(stop));
                }
                Some(_) => {}
            }
        }
        if !current.failures.is_over(now) {
            return Err(Pkcs11Fault::NoProcess);
        }
        match start::start(&self.launch, &self.record) {
            Ok(process) => {
                current.failures = Wait::default();
                Ok(current.process.insert(process).clone())
            }
            Err(fault) => {
                if fault == Pkcs11Fault::NoProcess {
                    current.failures.failed(now, now, now);
                }
                Err(fault)
            }
        }
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        self.end();
    }
}
