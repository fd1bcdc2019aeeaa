//! The operator as a local process.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

use anyhow::{Result, ensure};

use super::NAMESPACE;
use super::build::{Profile, operator_binary};
use crate::supervise::{Life, Process};
use crate::{http, ports};

/// How the operator is started.
#[derive(Clone, Debug)]
pub struct OperatorOptions {
    /// The credentials it runs with.
    pub kubeconfig: PathBuf,
    /// Where its log goes; a further start appends.
    pub log: PathBuf,
    /// How it is built.
    pub profile: Profile,
    /// Whether it lives on.
    pub life: Life,
    /// Further flags, after `signet run`.
    pub flags: Vec<String>,
}

/// An operator that runs. A bound one ends when the value is dropped.
#[derive(Debug)]
pub struct Operator {
    process: Process,
    admin: SocketAddr,
}

impl Operator {
    /// Builds and starts the operator, and waits until it is ready.
    ///
    /// # Errors
    /// It does not get ready. Then it runs no more, whatever its life was to be, and the error has
    /// the end of its log.
    pub async fn start(options: &OperatorOptions) -> Result<Self> {
        Self::start_with(options, &[]).await
    }

    /// As [`start`](Self::start), with further environment variables.
    ///
    /// # Errors
    /// Those of [`start`](Self::start).
    pub async fn start_with(
        options: &OperatorOptions,
        environment: &[(&str, &str)],
    ) -> Result<Self> {
        let mut operator = Self::spawn(options, environment).await?;
        while let Err(missing) = leads(operator.admin).await {
            operator.process.await_more(&missing).await?;
        }
        operator.leave(options.life);
        Ok(operator)
    }

    /// As [`start`](Self::start), without waiting until it is ready: it may be a standby.
    pub async fn start_unready(options: &OperatorOptions) -> Result<Self> {
        let mut operator = Self::spawn(options, &[]).await?;
        operator.leave(options.life);
        Ok(operator)
    }

    async fn spawn(options: &OperatorOptions, environment: &[(&str, &str)]) -> Result<Self> {
        let [port] = ports::free()?;
        let admin = http::loopback(port);
        let mut command = command(&operator_binary(options.profile)?, options, admin);
        // As the chart is installed; a flag takes precedence.
        command.env("SIGNET_ISSUER_KEY_CREATION", "true");
        command.envs(environment.iter().copied());
        let mut process = Process::spawn("the operator", &command, &options.log, options.life)?;
        while let Err(missing) = http::get(admin, "/livez").await {
            process.await_more(&missing).await?;
        }
        Ok(Self { process, admin })
    }

    fn leave(&mut self, life: Life) {
        if life == Life::Detached {
            self.process.leave();
        }
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Sends a GET request to the admin server; returns status code and body.
    pub async fn get(&self, path: &str) -> Result<(u16, String)> {
        http::get(self.admin, path).await
    }

    /// Stops it as Kubernetes would, and waits until it has ended.
    pub async fn stop(self) -> Result<ExitStatus> {
        tokio::task::spawn_blocking(|| self.process.stop()).await?
    }

    /// Ends it at once, as a node that fails would.
    pub fn kill(self) -> Result<()> {
        self.process.kill()
    }

    /// The value of a series of its metrics, if there is one: the name, with its labels if it has
    /// any.
    ///
    /// # Errors
    /// The admin server does not respond, or the value is not a number.
    pub async fn metric(&self, series: &str) -> Result<Option<f64>> {
        metric(self.admin, series).await
    }
}

/// One while the operator holds the Lease.
const LEADING: &str = "signet_leading";

async fn metric(admin: SocketAddr, series: &str) -> Result<Option<f64>> {
    let (_, metrics) = http::get(admin, "/metrics").await?;
    let value = |line: &str| line.strip_prefix(series)?.strip_prefix(' ').map(str::parse);
    Ok(metrics.lines().find_map(value).transpose()?)
}

async fn leads(admin: SocketAddr) -> Result<()> {
    http::check(admin, "/readyz").await?;
    ensure!(
        metric(admin, LEADING).await? == Some(1.0),
        "it does not hold the Lease"
    );
    Ok(())
}

fn command(binary: &Path, options: &OperatorOptions, admin: SocketAddr) -> Command {
    let mut command = Command::new(binary);
    command
        .arg("run")
        .arg("--kubeconfig")
        .arg(&options.kubeconfig)
        .arg(format!("--admin-address={admin}"))
        .args(["--cluster-resource-namespace", NAMESPACE])
        .args(["--leader-election-namespace", NAMESPACE])
        .args(["--log-format", "json"])
        .args(&options.flags)
        // The end of the log is shown when it fails, and must contain the error.
        .env("RUST_LIB_BACKTRACE", "0");
    command
}
