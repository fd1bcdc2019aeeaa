//! Programs that end when this one is told to.

use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::signal::unix::{Signal as Stream, SignalKind, signal};

/// Runs programs one after the other.
pub(super) struct Children {
    interrupt: Stream,
    terminate: Stream,
    hangup: Stream,
    interrupted: bool,
}

impl Children {
    /// From now on a signal ends the program that runs, and not this one.
    pub(super) fn new() -> Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
            interrupted: false,
        })
    }

    /// Whether a signal came.
    pub(super) fn interrupted(&self) -> bool {
        self.interrupted
    }

    /// Runs a program, with its output going through.
    ///
    /// It gets a process group of its own: whatever way the signal came, its children get it too,
    /// and each of them once.
    pub(super) async fn run(&mut self, mut command: Command) -> Result<()> {
        let shown = shown(&command);
        println!("{shown}");
        command.stdin(Stdio::null()).process_group(0);
        let mut child = tokio::process::Command::from(command)
            .spawn()
            .with_context(|| format!("cannot run {shown}"))?;
        let group = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
        loop {
            let signal = tokio::select! {
                status = child.wait() => return self.judge(status?.success(), &shown),
                _ = self.interrupt.recv() => Signal::INT,
                _ = self.terminate.recv() => Signal::TERM,
                _ = self.hangup.recv() => Signal::HUP,
            };
            self.interrupted = true;
            if let Some(group) = group {
                // It may have ended just now.
                let _ = kill_process_group(group, signal);
            }
        }
    }

    fn judge(&self, success: bool, shown: &str) -> Result<()> {
        match (self.interrupted, success) {
            (true, _) => bail!("interrupted"),
            (false, true) => Ok(()),
            (false, false) => bail!("{shown} failed"),
        }
    }
}

/// The command as one would type it.
fn shown(command: &Command) -> String {
    let program = std::path::Path::new(command.get_program());
    let program = program.file_name().unwrap_or_default().to_string_lossy();
    let arguments = command
        .get_args()
        .map(|argument| argument.to_string_lossy());
    std::iter::once(program)
        .chain(arguments)
        .collect::<Vec<_>>()
        .join(" ")
}
