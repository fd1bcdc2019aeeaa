//! One server: a child process with a log file.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::tether;
use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};

/// How long a server may take to end by itself.
const GRACE: Duration = Duration::from_secs(10);
/// How long a server may take to get ready, on a busy machine.
const READY_DEADLINE: Duration = Duration::from_secs(120);
const POLL_INTERVAL: Duration = Duration::from_millis(25);
/// What is shown of a log when its server fails.
const SHOWN_LINES: usize = 20;

/// Becomes the program, unless the process that wanted it died before the kernel was asked to
/// end the program with it. Its `$0` is the process id of the one that wanted it.
const BECOME: &str = r#"[ "$PPID" = "$0" ] || exit 1; exec "$@""#;

/// A server that runs. Dropping it kills it.
#[derive(Debug)]
pub(crate) struct Process {
    name: &'static str,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts a program; what it prints goes to a log that a restart continues.
    pub(crate) fn spawn(name: &'static str, command: &Command, log: &Path) -> Result<Self> {
        let output = File::options().create(true).append(true).open(log)?;
        let child = tether::spawn(tied(command, &output)?)
            .with_context(|| format!("cannot start {name}: is setpriv of util-linux there?"))?;
        Ok(Self {
            name,
            child,
            log: log.to_owned(),
        })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits until the condition holds; `Err` of it says what is missing. Fails when the process
    /// ends or takes too long.
    pub(crate) fn ready<T>(&mut self, condition: impl Fn() -> Result<T>) -> Result<T> {
        let deadline = Instant::now() + READY_DEADLINE;
        loop {
            let missing = match condition() {
                Ok(value) => return Ok(value),
                Err(missing) => missing,
            };
            if let Some(status) = self.child.try_wait()? {
                bail!(
                    "{} ended ({status}); its log ends with\n{}",
                    self.name,
                    self.log_tail()
                );
            }
            ensure!(
                Instant::now() < deadline,
                "{} is not ready: {missing:#}\n{}",
                self.name,
                self.log_tail()
            );
            thread::sleep(POLL_INTERVAL);
        }
    }

    /// Asks the process to end, kills it after a grace time, and waits for the end.
    pub(crate) fn stop(mut self, signal: Signal) -> Result<()> {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        if let Some(pid) = pid {
            // It may end by itself at this moment, which is just as well.
            let _ = kill_process(pid, signal);
        }
        let deadline = Instant::now() + GRACE;
        while self.child.try_wait()?.is_none() {
            if Instant::now() > deadline {
                break;
            }
            thread::sleep(POLL_INTERVAL);
        }
        Ok(())
    }

    fn log_tail(&self) -> String {
        let Ok(text) = std::fs::read(&self.log) else {
            return String::new();
        };
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<_> = text.lines().collect();
        lines[lines.len().saturating_sub(SHOWN_LINES)..].join("\n")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail only for a process that has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The same command through setpriv of util-linux, which asks the kernel to kill it with its
/// parent and then becomes it. Its output goes to `log`. What is not set in the command's
/// environment, the child has not, except for `PATH`.
fn tied(command: &Command, log: &File) -> io::Result<Command> {
    let mut tied = Command::new("setpriv");
    tied.args(["--pdeathsig", "KILL", "--", "/bin/sh", "-c", BECOME])
        .arg(std::process::id().to_string())
        .arg(command.get_program())
        .args(command.get_args())
        .env_clear()
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log.try_clone()?);
    if let Some(path) = std::env::var_os("PATH") {
        tied.env("PATH", path);
    }
    for (name, value) in command.get_envs() {
        if let Some(value) = value {
            tied.env(name, value);
        }
    }
    if let Some(folder) = command.get_current_dir() {
        tied.current_dir(folder);
    }
    Ok(tied)
}
