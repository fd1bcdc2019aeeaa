//! One process of a module: the calls that wait for it, and its reports.

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Instant;

use parking_lot::Mutex;

use super::backoff::Life;
use super::record::Record;
use super::time_limits::TimeLimits;
use crate::access::ModuleProgram;
use crate::pkcs11::signer::error::Pkcs11Fault;
use crate::pkcs11::signer::stop::ModuleStop;
use crate::pkcs11::signer::wire::{self, MAX_REPORT, MAX_REQUEST, Outcome, Report, Request, Task};

type Result<T> = std::result::Result<T, Pkcs11Fault>;

/// A process that was started.
pub(super) struct Process {
    stream: UnixStream,
    record: Arc<Record>,
    /// Held while a request is written.
    writing: Mutex<()>,
    calls: Mutex<Calls>,
}

struct Calls {
    started: Instant,
    /// The calls that wait for their results.
    waiting: HashMap<u64, Waiting>,
    time_limits: TimeLimits,
    /// Whether a call succeeded.
    has_worked: bool,
    /// In which calls it ended.
    suspects: Option<Suspects>,
    /// The number of the last call.
    last: u64,
    /// Why it stopped. No call is added from then on.
    stopped: Option<ModuleStop>,
    /// Whether it runs no more.
    has_ended: bool,
    /// Whether the module is no longer used.
    is_discarded: bool,
}

struct Waiting {
    sender: SyncSender<Result<Outcome>>,
    /// The name of the token in the operator's list; none for the end of a session.
    token: Option<String>,
    began: Instant,
}

struct Suspects {
    tokens: BTreeSet<String>,
    /// When the first of the calls began.
    since: Instant,
}

impl Process {
    pub(super) fn new(stream: UnixStream, program: &ModuleProgram, record: Arc<Record>) -> Self {
        let calls = Calls {
            started: Instant::now(),
            waiting: HashMap::new(),
            time_limits: TimeLimits::new(program),
            has_worked: false,
            suspects: None,
            last: 0,
            stopped: None,
            has_ended: false,
            is_discarded: false,
        };
        Self {
            stream,
            record,
            writing: Mutex::default(),
            calls: Mutex::new(calls),
        }
    }

    pub(super) fn stopped(&self) -> Option<ModuleStop> {
        self.calls.lock().stopped
    }

    pub(super) fn has_ended(&self) -> bool {
        self.calls.lock().has_ended
    }

    /// The process runs no more.
    pub(super) fn ended(&self) {
        self.calls.lock().has_ended = true;
    }

    /// Blocks until the call has returned, or takes too long.
    pub(super) fn call(&self, session: u64, mut task: Task) -> Result<Outcome> {
        let began = Instant::now();
        self.record.sends(&mut task);
        let (number, result) = self.calls.lock().add(&task, began)?;
        let request = Request::Call {
            number,
            session,
            task,
        };
        if let Err(error) = self.send(&request) {
            match error.kind() {
                // It is about this request.
                io::ErrorKind::FileTooLarge => {
                    self.calls.lock().waiting.remove(&number);
                    return Err(Pkcs11Fault::InvalidResponse);
                }
                kind if is_end(kind) => {}
                // It reads no more, or has read a part of the request.
                _ => self.stop(ModuleStop::Hung),
            }
        }
        loop {
            let left = self.calls.lock().time_limits.left(began, Instant::now());
            let done = match left {
                Some(left) => result.recv_timeout(left),
                None => {
                    self.hangs(number);
                    result.recv().map_err(|_| RecvTimeoutError::Disconnected)
                }
            };
            match done {
                Ok(done) => return done,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(Pkcs11Fault::Stopped(ModuleStop::Hung));
                }
            }
        }
    }

    /// Stops because of this call, unless it has just returned.
    fn hangs(&self, number: u64) {
        let mut calls = self.calls.lock();
        if let Some(waiting) = calls.waiting.get(&number) {
            let suspects = Suspects::of([waiting].into_iter());
            if calls.suspects.is_none() {
                calls.suspects = suspects;
            }
            drop(calls);
            self.stop(ModuleStop::Hung);
        }
    }

    pub(super) fn send(&self, request: &Request) -> io::Result<()> {
        let _held = self.writing.lock();
        wire::write(&mut &self.stream, request, MAX_REQUEST)
    }

    /// Fails all calls, and closes the stream, upon which the thread that reads it ends the process.
    /// The first reason counts.
    pub(super) fn stop(&self, stop: ModuleStop) {
        let mut calls = self.calls.lock();
        calls.suspect();
        let stop = *calls.stopped.get_or_insert(stop);
        for (_, waiting) in calls.waiting.drain() {
            let _ = waiting.sender.try_send(Err(Pkcs11Fault::Stopped(stop)));
        }
        drop(calls);
        self.close();
    }

    /// Ends the process because its module is no longer used.
    pub(super) fn discard(&self) {
        self.calls.lock().is_discarded = true;
        self.close();
    }

    pub(super) fn is_discarded(&self) -> bool {
        self.calls.lock().is_discarded
    }

    /// Closes the stream. What was received before is still read.
    pub(super) fn close(&self) {
        // Fails if the other side did that.
        let _ = self.stream.shutdown(Shutdown::Both);
    }

    /// Its life, which ends now.
    pub(super) fn life(&self) -> Life {
        let mut calls = self.calls.lock();
        calls.suspect();
        let suspects = calls.suspects.as_ref();
        Life {
            started: calls.started,
            failed: suspects.map_or_else(Instant::now, |it| it.since),
            has_worked: calls.has_worked,
            suspects: suspects.map(|it| it.tokens.clone()).unwrap_or_default(),
        }
    }

    /// Reads reports until the stream ends. Returns why, if it is known. What it sends after it was
    /// stopped does not matter.
    pub(super) fn read(&self) -> Option<ModuleStop> {
        loop {
            match wire::read(&mut &self.stream, MAX_REPORT) {
                Ok(Some(report)) => {
                    if !self.take(report) {
                        return self.stopped().or(Some(ModuleStop::Invalid));
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                    return self.stopped().or(Some(ModuleStop::Invalid));
                }
                Ok(None) | Err(_) => return self.stopped(),
            }
        }
    }

    /// Takes a report. Returns false if it is not one that was expected.
    fn take(&self, report: Report) -> bool {
        match report {
            Report::Done { number, result } => self.done(number, result),
            Report::Login { id, pin, step } => {
                let mut calls = self.calls.lock();
                calls.time_limits.login(&id, step, Instant::now());
                drop(calls);
                self.record.login(id, pin, step)
            }
            Report::Warning(text) => {
                self.record.warn(&text);
                true
            }
        }
    }

    /// Hands a result over. Once the process was stopped, its calls wait no more.
    fn done(&self, number: u64, result: Result<Outcome>) -> bool {
        let mut calls = self.calls.lock();
        let Some(waiting) = calls.waiting.remove(&number) else {
            return calls.stopped.is_some();
        };
        if let Some(token) = &waiting.token {
            calls.time_limits.answered(Instant::now());
            if result.is_ok() {
                calls.has_worked = true;
                self.record.backoff.lock().worked(token);
            }
        }
        drop(calls);
        waiting.sender.try_send(result).is_ok()
    }
}

/// Whether a stream has ended that cannot be written to. Why is found out where it is read.
fn is_end(error: io::ErrorKind) -> bool {
    matches!(
        error,
        io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset
    )
}

impl Calls {
    /// Adds a call. Returns its number, and where its result comes.
    fn add(&mut self, task: &Task, began: Instant) -> Result<(u64, Receiver<Result<Outcome>>)> {
        if let Some(stop) = self.stopped {
            return Err(Pkcs11Fault::Stopped(stop));
        }
        self.last += 1;
        let (sender, result) = sync_channel(1);
        let waiting = Waiting {
            sender,
            token: task.token().map(|token| token.name.clone()),
            began,
        };
        self.waiting.insert(self.last, waiting);
        Ok((self.last, result))
    }

    /// It ends in the calls that wait now, unless it is known in which.
    fn suspect(&mut self) {
        if self.stopped.is_none() && self.suspects.is_none() {
            self.suspects = Suspects::of(self.waiting.values());
        }
    }
}

impl Suspects {
    /// The tokens of these calls, if there are any.
    fn of<'a>(calls: impl Iterator<Item = &'a Waiting>) -> Option<Self> {
        let calls = calls.filter_map(|call| Some((call.token.clone()?, call.began)));
        let (tokens, since): (BTreeSet<_>, Vec<_>) = calls.unzip();
        let since = since.into_iter().min()?;
        Some(Self { tokens, since })
    }
}

#[cfg(test)]
mod tests;
