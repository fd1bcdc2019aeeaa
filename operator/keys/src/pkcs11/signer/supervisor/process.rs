//! One process of a module: the calls that wait for it, and its reports.

use std::collections::HashMap;
use std::io;
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use parking_lot::Mutex;

use super::record::Record;
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

#[derive(Default)]
struct Calls {
    /// The calls that wait for their results.
    waiting: HashMap<u64, SyncSender<Result<Outcome>>>,
    /// The number of the last call.
    last: u64,
    /// Why it stopped. No call is added from then on.
    stopped: Option<ModuleStop>,
    /// Whether it runs no more.
    has_ended: bool,
    /// Whether the module is no longer used.
    is_discarded: bool,
}

impl Process {
    pub(super) fn new(stream: UnixStream, record: Arc<Record>) -> Self {
        Self {
            stream,
            record,
            writing: Mutex::default(),
            calls: Mutex::default(),
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

    pub(super) fn call(&self, session: u64, mut task: Task, max_call: Duration) -> Result<Outcome> {
        self.record.sends(&mut task);
        let (number, result) = self.calls.lock().add()?;
        let request = Request::Call {
            number,
            session,
            task,
        };
        match self.send(&request) {
            // It is about this request.
            Err(error) if error.kind() == io::ErrorKind::FileTooLarge => {
                self.calls.lock().waiting.remove(&number);
                return Err(Pkcs11Fault::InvalidResponse);
            }
            // It reads no more.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.stop(ModuleStop::Hung),
            // Why the stream has ended is found out where it is read.
            Err(_) | Ok(()) => {}
        }
        let done = result.recv_timeout(max_call).or_else(|error| {
            if error == RecvTimeoutError::Timeout {
                self.stop(ModuleStop::Hung);
            }
            result.recv()
        });
        done.unwrap_or(Err(Pkcs11Fault::Stopped(ModuleStop::Hung)))
    }

    pub(super) fn send(&self, request: &Request) -> io::Result<()> {
        let _held = self.writing.lock();
        wire::write(&mut &self.stream, request, MAX_REQUEST)
    }

    /// Fails all calls, and closes the stream, upon which the thread that reads it ends the process.
    /// The first reason counts.
    pub(super) fn stop(&self, stop: ModuleStop) {
        let mut calls = self.calls.lock();
        let stop = *calls.stopped.get_or_insert(stop);
        for (_, waiting) in calls.waiting.drain() {
            let _ = waiting.try_send(Err(Pkcs11Fault::Stopped(stop)));
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

    fn close(&self) {
        // Fails if the other side did that.
        let _ = self.stream.shutdown(Shutdown::Both);
    }

    /// Reads reports until the stream ends. Returns why, if it is known.
    pub(super) fn read(&self, record: &Record) -> Option<ModuleStop> {
        loop {
            match wire::read(&mut &self.stream, MAX_REPORT) {
                Ok(Some(report)) => {
                    if !self.take(report, record) {
                        return Some(ModuleStop::Invalid);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                    return Some(ModuleStop::Invalid);
                }
                Ok(None) | Err(_) => return self.stopped(),
            }
        }
    }

    /// Takes a report. Returns false if it is not one that was expected.
    fn take(&self, report: Report, record: &Record) -> bool {
        match report {
            Report::Done { number, result } => {
                let waiting = self.calls.lock().waiting.remove(&number);
                waiting.is_some_and(|waiting| waiting.try_send(result).is_ok())
            }
            Report::Login { id, pin, step } => record.login(id, pin, step),
            Report::Warning(text) => {
                record.warn(&text);
                true
            }
        }
    }
}

impl Calls {
    /// Adds a call. Returns its number, and where its result comes.
    fn add(&mut self) -> Result<(u64, Receiver<Result<Outcome>>)> {
        if let Some(stop) = self.stopped {
            return Err(Pkcs11Fault::Stopped(stop));
        }
        self.last += 1;
        let (sender, result) = sync_channel(1);
        self.waiting.insert(self.last, sender);
        Ok((self.last, result))
    }
}
