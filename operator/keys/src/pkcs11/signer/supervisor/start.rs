//! Starts a process, and sees to its end.

use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};

use super::Launch;
use super::output;
use super::process::Process;
use super::record::Record;
use crate::pkcs11::signer::error::Pkcs11Fault;
use crate::pkcs11::signer::stop::ModuleStop;
use crate::pkcs11::signer::wire::Request;

/// The operator's own settings, which may have passwords in them, begin with this.
const OWN_SETTINGS: &str = "SIGNET_";

/// Starts a process. Fails if the library is that of another module.
pub(super) fn start(launch: &Launch, record: &Arc<Record>) -> Result<Arc<Process>, Pkcs11Fault> {
    if launch
        .others
        .iter()
        .any(|other| is_same(other, &launch.path))
    {
        return Err(Pkcs11Fault::SameFile);
    }
    let (sender, started) = sync_channel(1);
    let (of_thread, record) = (launch.clone(), record.clone());
    // The process ends with the thread that started it, so this one waits for its end.
    let named = thread::Builder::new().name("pkcs11-process".to_owned());
    let spawned = named.spawn(move || attend(&of_thread, &record, &sender));
    let process = spawned.and_then(|_| {
        let gone = |_| io::Error::from(io::ErrorKind::BrokenPipe);
        started.recv().map_err(gone).flatten()
    });
    process.map_err(|error| {
        let module = &launch.module;
        tracing::warn!(module, %error, "cannot start the process of a PKCS#11 module");
        Pkcs11Fault::NoProcess
    })
}

/// Whether both are one file, if they exist.
fn is_same(one: &Path, other: &Path) -> bool {
    let file = |path| fs::metadata(path).map(|it| (it.dev(), it.ino())).ok();
    file(one).is_some_and(|one| file(other) == Some(one))
}

type Started = SyncSender<io::Result<Arc<Process>>>;

/// Starts a process, reads what it reports, and waits for its end.
fn attend(launch: &Launch, record: &Arc<Record>, started: &Started) {
    let (mut child, process) = match spawn(launch, record) {
        Ok(spawned) => spawned,
        Err(error) => {
            let _ = started.send(Err(error));
            return;
        }
    };
    let (module, pid) = (&launch.module, child.id());
    let path = launch.path.display();
    tracing::info!(module, %path, pid, "started the process of a PKCS#11 module");
    record.started(pid);
    output::log(record, child.stderr.take());
    close_at_exit(&child, &process);
    let mut running = Running {
        child,
        process: process.clone(),
        record: record.clone(),
        known: None,
    };
    let begin = Request::Begin {
        path: launch.path.clone(),
        logins: record.known_logins(),
    };
    begin_with(&process, &begin);
    let _ = started.send(Ok(process.clone()));
    running.known = process.read();
}

/// Closes the stream when the process exits. A library may have forked a child that holds the other
/// end open, so that the stream would not end by itself.
fn close_at_exit(child: &Child, process: &Arc<Process>) {
    let process = process.clone();
    let watched = pidfd_open(Pid::from_child(child), PidfdFlags::empty()).map_err(io::Error::from);
    let watched = watched.and_then(|exit| {
        let named = thread::Builder::new().name("pkcs11-exit".to_owned());
        named.spawn(move || {
            let mut exit = [PollFd::new(&exit, PollFlags::IN)];
            while poll(&mut exit, None) == Err(Errno::INTR) {}
            process.close();
        })
    });
    if let Err(error) = watched {
        // Without it, an exit shows when the stream ends, or a call takes too long.
        tracing::debug!(%error, "cannot watch the process of a PKCS#11 module");
    }
}

/// A process, which ends with this value, also when its thread panics: otherwise there would never be
/// another.
struct Running {
    child: Child,
    process: Arc<Process>,
    record: Arc<Record>,
    /// Why it stopped, if it is known.
    known: Option<ModuleStop>,
}

impl Running {
    /// Ends the process and its own children, and waits for it.
    fn end(&mut self) -> io::Result<ExitStatus> {
        // A process that crashed has its status already. Until it is read, no other has its number.
        let _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
        self.child.wait()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if thread::panicking() {
            self.known = Some(ModuleStop::Invalid);
        }
        let life = self.process.life();
        if let Some(stop) = self.known {
            // Calls need not wait for its end.
            self.process.stop(stop);
        }
        let pid = self.child.id();
        let status = self.end();
        self.record.ended();
        let stop = self.known.or_else(|| status.ok().map(ModuleStop::from));
        let stop = stop.unwrap_or(ModuleStop::Invalid);
        if !self.process.is_discarded() {
            let module = &self.record.module;
            tracing::warn!(module, pid, reason = %stop, "a PKCS#11 module stopped");
            self.record.stopped(&life, stop);
        }
        self.process.ended();
        self.process.stop(stop);
    }
}

/// Sends the first request. Without it, the process is of no use.
fn begin_with(process: &Process, begin: &Request) {
    match process.send(begin) {
        // Why the stream has ended is found out where it is read.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => process.stop(ModuleStop::Hung),
        Err(error) => {
            tracing::warn!(%error, "cannot tell the process of a PKCS#11 module what it is for");
            process.stop(ModuleStop::Invalid);
        }
        Ok(()) => {}
    }
}

fn spawn(launch: &Launch, record: &Arc<Record>) -> io::Result<(Child, Arc<Process>)> {
    let (ours, theirs) = UnixStream::pair()?;
    ours.set_write_timeout(Some(launch.program.max_call))?;
    let mut command = Command::new(&launch.program.program);
    command
        .args(&launch.program.arguments)
        .stdin(Stdio::from(OwnedFd::from(theirs)))
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        // What a terminal sends to the operator is not for it.
        .process_group(0);
    let own = std::env::vars_os().map(|(name, _)| name);
    let own = own.filter(|name| name.to_string_lossy().starts_with(OWN_SETTINGS));
    for name in own.chain(launch.hidden.iter().map(Into::into)) {
        command.env_remove(name);
    }
    // The other end of the stream is dropped with the command, so that the process has the only one.
    let process = Process::new(ours, &launch.program, record.clone());
    Ok((command.spawn()?, Arc::new(process)))
}

#[cfg(test)]
mod tests;
