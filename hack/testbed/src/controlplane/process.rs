//! One server: a child process with a log file.

use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, Signal, getppid, kill_process};
use tokio::process::{Child, Command};

/// How long a server may take to end by itself.
const GRACE: Duration = Duration::from_secs(5);
/// How long a server may take to get ready, on a busy machine.
const READY_DEADLINE: Duration = Duration::from_secs(120);
const POLL_INTERVAL: Duration = Duration::from_millis(50);
/// What is shown of a log when its server fails.
const SHOWN_LINES: usize = 20;

/// A server that runs.
#[derive(Debug)]
pub(crate) struct Server {
    name: &'static str,
    child: Child,
    log: PathBuf,
}

impl Server {
    /// Starts a program; what it prints goes to `LOGS/NAME.log`, which a restart continues.
    ///
    /// Must be called on the keeper's main thread: the kernel kills the child when the thread
    /// that made it ends, and that one ends with the keeper.
    pub(crate) fn spawn(
        name: &'static str,
        program: &Path,
        arguments: &[String],
        logs: &Path,
    ) -> Result<Self> {
        let log = logs.join(format!("{name}.log"));
        let output = File::options().create(true).append(true).open(&log)?;
        let mut command = wrapper()?;
        command
            .arg("--")
            .arg(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .kill_on_drop(true);
        // Some servers take settings from the environment (etcd reads every ETCD_ variable).
        command.env_clear();
        command.envs(
            std::env::vars_os()
                .filter(|(name, _)| ["PATH", "HOME", "TMPDIR"].iter().any(|kept| name == kept)),
        );
        let child = command
            .spawn()
            .with_context(|| format!("cannot start {name}"))?;
        Ok(Self { name, child, log })
    }

    /// The process id; zero once it has ended.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id().unwrap_or_default()
    }

    /// Waits until the condition holds; `None` from it means yes, else it says what is missing.
    /// Fails when the process ends or takes too long.
    pub(crate) async fn ready(
        &mut self,
        condition: impl AsyncFn() -> Option<String>,
    ) -> Result<()> {
        let deadline = Instant::now() + READY_DEADLINE;
        while let Some(missing) = condition().await {
            if let Some(status) = self.child.try_wait()? {
                bail!(
                    "{} ended ({status}); its log ends with\n{}",
                    self.name,
                    self.log_tail()
                );
            }
            let (name, tail) = (self.name, || self.log_tail());
            ensure!(
                Instant::now() < deadline,
                "{name} is not ready: {missing}\n{}",
                tail()
            );
            tokio::time::sleep(POLL_INTERVAL).await;
        }
        Ok(())
    }

    /// Resolves when the process ends, with words on how.
    pub(crate) async fn ended(&mut self) -> String {
        let status = match self.child.wait().await {
            Ok(status) => status.to_string(),
            Err(error) => error.to_string(),
        };
        format!(
            "{} ended ({status}); its log ends with\n{}",
            self.name,
            self.log_tail()
        )
    }

    /// Asks the process to end.
    pub(crate) fn terminate(&self) {
        let pid = self
            .child
            .id()
            .and_then(|pid| i32::try_from(pid).ok())
            .and_then(Pid::from_raw);
        if let Some(pid) = pid {
            // It may end by itself at this moment, which is just as well.
            let _ = kill_process(pid, Signal::TERM);
        }
    }

    /// Asks the process to end, kills it after a grace time, and waits for the end.
    pub(crate) async fn stop(mut self) -> Result<()> {
        self.terminate();
        if tokio::time::timeout(GRACE, self.child.wait())
            .await
            .is_err()
        {
            self.child
                .kill()
                .await
                .with_context(|| format!("cannot kill {}", self.name))?;
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

/// This binary, as `controlplane child`.
fn wrapper() -> Result<Command> {
    // On Linux, found even if the file has been replaced by a newer build meanwhile.
    let this = Path::new("/proc/self/exe");
    let this = if this.exists() {
        this.to_owned()
    } else {
        std::env::current_exe()?
    };
    let mut command = Command::new(this);
    command
        .arg("child")
        .arg("--parent")
        .arg(std::process::id().to_string());
    Ok(command)
}

/// What `controlplane child` does: becomes the given program, after it has asked the kernel to
/// kill it when the keeper dies, however that happens. Returns only if that fails.
pub fn become_child(parent: u32, command: &[std::ffi::OsString]) -> Result<()> {
    let (program, arguments) = command.split_first().context("no program given")?;
    #[cfg(target_os = "linux")]
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    // The keeper may have died before the line above, and then there is no signal to come.
    let alive = getppid().is_some_and(|pid| u32::try_from(pid.as_raw_pid()).ok() == Some(parent));
    ensure!(alive, "the keeper has ended");
    let error = std::process::Command::new(program).args(arguments).exec();
    Err(error).with_context(|| format!("cannot run {}", Path::new(program).display()))
}
