//! The operator as a local process.

use std::fs::File;
use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use crate::tether;
use anyhow::{Context, Result, bail};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::installation::NAMESPACE;
use crate::installation::build::{Profile, keeper, operator_binary};
use crate::installation::log::Log;
use crate::installation::process::{POLL_INTERVAL, STOP_DEADLINE, terminate};

/// How long the operator may take to get ready, on a busy machine.
const READY_DEADLINE: Duration = Duration::from_secs(60);
/// Whether the operator lives on when this process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// It ends with this process, however that ends.
    Tethered,
    /// It lives on.
    Detached,
}

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

/// An operator that runs. A tethered one ends when the value is dropped.
#[derive(Debug)]
pub struct Operator {
    process: Process,
    admin: SocketAddr,
    log: Log,
}

/// The process; it ends with this value until it is left to itself.
#[derive(Debug)]
struct Process {
    child: Child,
    left: bool,
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
        if let Err(error) = operator.wait_until_ready().await {
            bail!("{error:#}; {}", operator.log.tail());
        }
        operator.process.left = options.life == Life::Detached;
        Ok(operator)
    }

    /// As [`start`](Self::start), without waiting until it is ready: it may have to stand by.
    pub async fn start_unready(options: &OperatorOptions) -> Result<Self> {
        let mut operator = Self::spawn(options, &[]).await?;
        operator.process.left = options.life == Life::Detached;
        Ok(operator)
    }

    async fn spawn(options: &OperatorOptions, environment: &[(&str, &str)]) -> Result<Self> {
        let binary = operator_binary(options.profile)?;
        let (log, output) = Log::open(&options.log)?;
        let mut command = command(&binary, options);
        command.envs(environment.iter().copied());
        let child = match options.life {
            Life::Tethered => tether::spawn(tied(&command, output))?,
            Life::Detached => {
                command
                    .stdin(Stdio::null())
                    .stdout(Stdio::null())
                    .stderr(output);
                command.process_group(0).spawn()?
            }
        };
        let mut process = Process { child, left: false };
        let admin = admin_address(&mut process.child, &log).await?;
        Ok(Self {
            process,
            admin,
            log,
        })
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.process.child.id()
    }

    /// Where the admin server listens.
    pub fn admin(&self) -> SocketAddr {
        self.admin
    }

    /// Asks the admin server; status code and body.
    pub async fn get(&self, path: &str) -> Result<(u16, String)> {
        get(self.admin, path).await
    }

    /// Stops it as Kubernetes would, and waits until it has ended.
    pub async fn stop(mut self) -> Result<ExitStatus> {
        terminate(self.pid())?;
        let deadline = Instant::now() + STOP_DEADLINE;
        while Instant::now() < deadline {
            if let Some(status) = self.process.child.try_wait()? {
                return Ok(status);
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
        bail!("the operator did not stop in {} s", STOP_DEADLINE.as_secs())
    }

    /// Ends it at once, as a node that fails would.
    pub fn kill(mut self) -> Result<()> {
        self.process.child.kill()?;
        self.process.child.wait()?;
        Ok(())
    }

    /// Whether it holds the Lease. A replica that stands by is ready too.
    pub async fn is_leading(&self) -> Result<bool> {
        Ok(self.metric("signet_leading").await? == Some(1.0))
    }

    /// The value of a series of its metrics, if there is one: the name, with its labels if it has
    /// any.
    ///
    /// # Errors
    /// The admin server does not answer, or the value is no number.
    pub async fn metric(&self, series: &str) -> Result<Option<f64>> {
        let (_, metrics) = self.get("/metrics").await?;
        let value = |line: &str| line.strip_prefix(series)?.strip_prefix(' ').map(str::parse);
        Ok(metrics.lines().find_map(value).transpose()?)
    }

    async fn wait_until_ready(&mut self) -> Result<()> {
        let deadline = Instant::now() + READY_DEADLINE;
        let mut answer = String::new();
        while Instant::now() < deadline {
            match self.get("/readyz").await {
                Ok((200, _)) if self.is_leading().await? => return Ok(()),
                Ok((_, body)) => answer = body,
                Err(error) => answer = error.to_string(),
            }
            if let Some(status) = self.process.child.try_wait()? {
                bail!("the operator ended ({status})");
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
        bail!(
            "the operator is not ready after {} s: {answer}",
            READY_DEADLINE.as_secs()
        )
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if !self.left {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

fn command(binary: &Path, options: &OperatorOptions) -> Command {
    let mut command = Command::new(binary);
    command
        .arg("run")
        .arg("--kubeconfig")
        .arg(&options.kubeconfig)
        .args(["--admin-address", "127.0.0.1:0"])
        .args(["--cluster-resource-namespace", NAMESPACE])
        .args(["--leader-election-namespace", NAMESPACE])
        .args(["--log-format", "json"])
        .args(&options.flags)
        // The end of the log is shown when it fails, and has to say why.
        .env("RUST_LIB_BACKTRACE", "0");
    command
}

/// The admin server's address, when the operator has said it.
async fn admin_address(child: &mut Child, log: &Log) -> Result<SocketAddr> {
    let deadline = Instant::now() + READY_DEADLINE;
    while Instant::now() < deadline {
        if let Some(address) = log.admin_address()? {
            return Ok(address);
        }
        if let Some(status) = child.try_wait()? {
            bail!("the operator ended ({status}); {}", log.tail());
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
    bail!(
        "the operator does not say where its admin server listens; {}",
        log.tail()
    )
}

/// One HTTP/1.0 request, which a server answers and closes.
async fn get(address: SocketAddr, path: &str) -> Result<(u16, String)> {
    let mut stream = TcpStream::connect(address).await?;
    stream
        .write_all(format!("GET {path} HTTP/1.0\r\n\r\n").as_bytes())
        .await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    let (head, body) = answer.split_once("\r\n\r\n").context("no HTTP answer")?;
    let code = head.split(' ').nth(1).context("no HTTP status")?;
    Ok((code.parse()?, body.to_owned()))
}

/// The same command through the keeper, which ties its life to ours and then becomes it.
fn tied(command: &Command, log: File) -> Command {
    let mut tied = Command::new(keeper());
    tied.args(["child", "--parent"])
        .arg(std::process::id().to_string())
        .arg("--")
        .arg(command.get_program())
        .args(command.get_args())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log);
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => tied.env(name, value),
            None => tied.env_remove(name),
        };
    }
    tied
}
