//! What is known of a module beyond the life of one process.

use std::fs;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Instant;

use parking_lot::Mutex;

use super::backoff::{Backoff, Life};
use super::logins::Logins;
use super::output::{Budget, Line};
use super::pins::{Pins, Sent};
use crate::access::ModuleProcess;
use crate::pkcs11::signer::stop::ModuleStop;
use crate::pkcs11::signer::wire::{LoginRecord, LoginStep, Task, TokenId};

/// What is known of a module.
pub(in super::super) struct Record {
    pub(super) module: String,
    /// The PINs, and what is known of them. Locked in this order.
    pins: Mutex<Pins>,
    logins: Mutex<Logins>,
    pub(super) backoff: Mutex<Backoff>,
    /// The process that runs; 0 for none.
    pid: AtomicU32,
    /// How many processes stopped, by reason.
    stops: [AtomicU64; ModuleStop::REASONS.len()],
    /// Warnings that may be logged, and lines that the library wrote.
    warnings: Mutex<Budget>,
    lines: Mutex<Budget>,
}

impl Record {
    pub(super) fn new(module: String) -> Self {
        Self {
            module,
            pins: Mutex::default(),
            logins: Mutex::default(),
            backoff: Mutex::default(),
            pid: AtomicU32::new(0),
            stops: Default::default(),
            warnings: Mutex::new(Budget::new(Instant::now())),
            lines: Mutex::new(Budget::new(Instant::now())),
        }
    }

    pub(super) fn started(&self, pid: u32) {
        self.pid.store(pid, Ordering::Release);
    }

    /// The process, which had this life, stopped and runs no more.
    pub(super) fn stopped(&self, life: &Life, stop: ModuleStop) {
        self.backoff.lock().ended(life, stop, Instant::now());
        let reasons = ModuleStop::REASONS.iter().zip(&self.stops);
        for (_, stops) in reasons.filter(|(reason, _)| **reason == stop.reason()) {
            stops.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// No process runs.
    pub(super) fn ended(&self) {
        self.pid.store(0, Ordering::Release);
    }

    /// A task is about to be sent. From now on its PIN is not shown.
    pub(super) fn sends(&self, task: &mut Task) {
        if let Some((token, pin)) = task.pin_mut() {
            self.pins.lock().sends(&token.name, pin);
        }
    }

    /// What a new process should know of logins, which is about to be sent.
    pub(super) fn known_logins(&self) -> Vec<LoginRecord> {
        let mut pins = self.pins.lock();
        let mut records = self.logins.lock().records(Instant::now());
        for record in &mut records {
            pins.sends(&record.entry, &mut record.pin);
        }
        records
    }

    /// Records a step of a login. Returns false if it cannot be one.
    pub(super) fn login(&self, id: TokenId, pin: u64, step: LoginStep) -> bool {
        let pins = self.pins.lock();
        let now = Instant::now();
        let record = |sent: &Sent| {
            let mut logins = self.logins.lock();
            logins.record(id, &sent.entry, &sent.pin, step, now)
        };
        pins.get(pin).is_some_and(record)
    }

    /// Logs a warning of the process.
    pub(super) fn warn(&self, text: &str) {
        if self.warnings.lock().takes(Instant::now()) {
            let (module, text) = (&self.module, self.shown(&Line::whole(text)));
            tracing::warn!(module, text, "a PKCS#11 module reported a problem");
        }
    }

    /// Logs what the library wrote.
    pub(super) fn wrote(&self, line: &Line) {
        if self.lines.lock().takes(Instant::now()) {
            let (module, text) = (&self.module, self.shown(line));
            tracing::info!(module, text, "a PKCS#11 module wrote");
        }
    }

    fn shown(&self, line: &Line) -> String {
        self.pins.lock().redact(line)
    }

    pub(in super::super) fn observe(&self) -> ModuleProcess {
        let pid = self.pid.load(Ordering::Acquire);
        let pid = (pid != 0).then_some(pid);
        let stops = ModuleStop::REASONS.iter().zip(&self.stops);
        ModuleProcess {
            module: self.module.clone(),
            pid,
            resident_bytes: pid.and_then(resident_bytes),
            restarts: stops
                .map(|(reason, stops)| (*reason, stops.load(Ordering::Relaxed)))
                .collect(),
        }
    }
}

/// The resident memory of a process.
fn resident_bytes(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1024)
}
