//! Child processes, each with a log: started, awaited, stopped, and ended with this process.

mod log;
mod proc;

use std::fs::File;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Error, Result, bail};
use rustix::process::Signal;

use crate::wait::{MAX_STALL, Observation, Stall, until_blocking};
use log::Log;

pub use proc::{command_line, parent, processes, running, stop_process, terminate_children};

const POLL_INTERVAL: Duration = Duration::from_millis(25);

/// Becomes the program, unless the parent died before the kernel was set to kill the program
/// with it. Its `$0` is the process id of the parent.
const BECOME: &str = r#"[ "$PPID" = "$0" ] || exit 1; exec "$@""#;

/// Environment variables that a bound child inherits.
const INHERITED: [&str; 3] = ["PATH", "HOME", "TMPDIR"];

/// Whether a child outlives this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// The kernel kills it when this process ends, however that happens.
    Bound,
    /// It lives on.
    Detached,
}

/// A program that runs. Dropping it kills it, unless it was [left](Self::leave).
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    log: Log,
    /// By the length of the log.
    stall: Stall<usize>,
    left: bool,
}

impl Process {
    /// Starts a program whose output goes to a log; a further start appends.
    ///
    /// A bound child has only the command's own environment beside [`INHERITED`]. Neither kind
    /// belongs to this process's group, so Ctrl-C does not reach it.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn spawn(name: &str, command: &Command, log: &Path, life: Life) -> Result<Self> {
        let (log, output) = Log::open(log)?;
        let mut command = match life {
            Life::Bound => bound(command),
            Life::Detached => copy(command, Command::new(command.get_program())),
        };
        command
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .process_group(0);
        let child = match life {
            Life::Bound => spawn_on_lasting_thread(command),
            Life::Detached => command.spawn(),
        };
        Ok(Self {
            name: name.to_owned(),
            child: child.with_context(|| format!("cannot start {name}; setpriv is needed too"))?,
            log,
            stall: Stall::new(MAX_STALL),
            left: false,
        })
    }

    /// Lets it live when this value is dropped.
    pub fn leave(&mut self) {
        self.left = true;
    }

    /// The name that it was started under.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits for a moment, as long as it may still get ready: to be called while something that it
    /// should do is `missing`.
    ///
    /// # Errors
    /// The process ended, or its log does not grow any more. The error has the end of the log.
    pub async fn await_more(&mut self, missing: &Error) -> Result<()> {
        self.check(missing)?;
        tokio::time::sleep(POLL_INTERVAL).await;
        Ok(())
    }

    /// Waits until the condition holds, blocking; its error describes what is missing.
    ///
    /// # Errors
    /// Those of [`await_more`](Self::await_more).
    pub fn wait_ready<T>(&mut self, condition: impl Fn() -> Result<T>) -> Result<T> {
        loop {
            match condition() {
                Ok(value) => return Ok(value),
                Err(missing) => self.check(&missing)?,
            }
            thread::sleep(POLL_INTERVAL);
        }
    }

    fn check(&mut self, missing: &Error) -> Result<()> {
        let name = &self.name;
        if let Some(status) = self.child.try_wait()? {
            bail!("{name} ended ({status}); {}", self.log.tail());
        }
        let length = self.log.text()?.len();
        self.stall.observe::<()>(Observation::Progress(length));
        let stalled = self
            .stall
            .check(&format_args!("{name} to be ready ({missing:#})"));
        stalled.with_context(|| self.log.tail())
    }

    /// Asks it to end, and waits until it has.
    ///
    /// # Errors
    /// It does not end, and its log does not grow any more; it is killed then.
    pub fn stop(mut self) -> Result<ExitStatus> {
        proc::signal(self.pid(), Signal::TERM)?;
        let (child, log) = (&mut self.child, &self.log);
        until_blocking(format!("{} to end", self.name), || {
            let length = log.text()?.len();
            let status = child.try_wait()?;
            Ok(status.map_or(Observation::Progress(length), Observation::Reached))
        })
    }

    /// Kills it and waits for the end, where the value stays.
    ///
    /// # Errors
    /// It does not end.
    pub(crate) fn end(&self) -> Result<()> {
        proc::signal(self.pid(), Signal::KILL)?;
        until_blocking(format!("{} to end", self.name), || {
            let ended = command_line(self.pid()).is_none();
            Ok(Observation::reached_if(ended, "it runs"))
        })
    }

    /// Kills it and waits for the end.
    ///
    /// # Errors
    /// It cannot be killed.
    pub fn kill(mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if !self.left {
            // Both fail only for a process that has ended already.
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// The command through setpriv of util-linux, which asks the kernel to kill it with its parent.
fn bound(command: &Command) -> Command {
    let mut bound = Command::new("setpriv");
    bound
        .args(["--pdeathsig", "KILL", "--", "/bin/sh", "-c", BECOME])
        .arg(std::process::id().to_string())
        .arg(command.get_program())
        .env_clear();
    for name in INHERITED {
        if let Some(value) = std::env::var_os(name) {
            bound.env(name, value);
        }
    }
    copy(command, bound)
}

/// Adds a command's arguments, environment and folder to another.
fn copy(from: &Command, mut to: Command) -> Command {
    to.args(from.get_args());
    for (name, value) in from.get_envs() {
        match value {
            Some(value) => to.env(name, value),
            None => to.env_remove(name),
        };
    }
    if let Some(folder) = from.get_current_dir() {
        to.current_dir(folder);
    }
    to
}

/// A command to spawn, and where the child goes.
type Order = (Command, Sender<io::Result<Child>>);

/// Spawns on a thread that never ends: the kernel kills a bound child when the thread that spawned
/// it ends, and a test's thread ends with the test.
fn spawn_on_lasting_thread(command: Command) -> io::Result<Child> {
    static ORDERS: OnceLock<Sender<Order>> = OnceLock::new();
    let orders = ORDERS.get_or_init(|| {
        let (orders, incoming) = channel::<Order>();
        thread::spawn(move || {
            for (mut command, done) in incoming {
                let _ = done.send(command.spawn());
            }
        });
        orders
    });
    let (done, child) = channel();
    let gone = || io::Error::other("the spawning thread has ended");
    orders.send((command, done)).map_err(|_| gone())?;
    child.recv().map_err(|_| gone())?
}

/// Starts a shell that removes a folder once this process has ended, however that happens, or once
/// the returned child's standard input is closed.
pub(crate) fn remove_at_end(folder: &Path) -> Result<Child> {
    const WAIT_AND_REMOVE: &str =
        r#"cat; for try in 1 2 3 4 5 6 7 8 9; do rm -rf -- "$0" && exit; sleep 1; done"#;
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", WAIT_AND_REMOVE]).arg(folder);
    shell.stdin(Stdio::piped()).process_group(0);
    let null = File::options().write(true).open("/dev/null")?;
    shell.stdout(null.try_clone()?).stderr(null);
    shell.spawn().context("/bin/sh cannot be run")
}

#[cfg(test)]
mod tests {
    use anyhow::ensure;

    use super::*;

    fn shell(script: &str, life: Life) -> (Process, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]).env("GIVEN", "given");
        let log = folder.path().join("log");
        let process = Process::spawn("shell", &command, &log, life).unwrap();
        (process, folder)
    }

    #[test]
    fn the_error_of_a_process_that_ends_early_has_its_log() {
        let (mut process, _folder) = shell("echo $GIVEN $CARGO_PKG_NAME; exit 3", Life::Bound);
        let missing = || -> Result<()> { bail!("nothing yet") };
        let error = process.wait_ready(missing).unwrap_err().to_string();
        assert!(
            error.starts_with("shell ended (exit status: 3); "),
            "{error}"
        );
        assert!(error.ends_with("\ngiven"), "the environment leaks: {error}");
    }

    #[test]
    fn a_dropped_process_is_killed_and_a_left_one_is_not() {
        for life in [Life::Bound, Life::Detached] {
            let (mut process, _folder) = shell("echo up; sleep 100", life);
            process
                .wait_ready(|| ensure_up(&process_log(&_folder)))
                .unwrap();
            let pid = process.pid();
            drop(process);
            assert_eq!(command_line(pid), None);
        }
        let (mut process, _folder) = shell("sleep 100", Life::Detached);
        process.leave();
        let pid = process.pid();
        drop(process);
        assert!(command_line(pid).is_some());
        proc::signal(pid, Signal::KILL).unwrap();
    }

    fn process_log(folder: &tempfile::TempDir) -> String {
        std::fs::read_to_string(folder.path().join("log")).unwrap_or_default()
    }

    fn ensure_up(log: &str) -> Result<()> {
        ensure!(log == "up\n", "not up: {log}");
        Ok(())
    }
}
