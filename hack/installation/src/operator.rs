//! The operator as a local process.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::build::{Profile, operator_binary, program};
use crate::{NAMESPACE, tether};

/// How long the operator may take to get ready, on a busy machine.
const READY_DEADLINE: Duration = Duration::from_secs(60);
/// How long it may take to stop: longer than its own patience with work in flight.
const STOP_DEADLINE: Duration = Duration::from_secs(40);
const POLL_INTERVAL: Duration = Duration::from_millis(50);

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
    child: Child,
    admin: SocketAddr,
    life: Life,
}

impl Operator {
    /// Builds and starts the operator, and waits until it is ready.
    pub async fn start(options: &OperatorOptions) -> Result<Self> {
        let operator = Self::start_unready(options).await?;
        operator.wait_until_ready(&options.log).await?;
        Ok(operator)
    }

    /// As [`start`](Self::start), without waiting until it is ready: it may have to stand by.
    pub async fn start_unready(options: &OperatorOptions) -> Result<Self> {
        let binary = operator_binary(options.profile)?;
        let log = File::options()
            .create(true)
            .append(true)
            .open(&options.log)?;
        let before = log.metadata()?.len();
        let mut command = command(&binary, options);
        let mut child = match options.life {
            Life::Tethered => tether::spawn(&program("controlplane", Profile::Dev), &command, log)?,
            Life::Detached => {
                command
                    .stdin(Stdio::null())
                    .stdout(Stdio::null())
                    .stderr(log);
                command.process_group(0).spawn()?
            }
        };
        let admin = match admin_address(&mut child, &options.log, before).await {
            Ok(admin) => admin,
            Err(error) => {
                let _ = child.kill();
                return Err(error);
            }
        };
        Ok(Self {
            child,
            admin,
            life: options.life,
        })
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
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
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
        bail!("the operator did not stop in {} s", STOP_DEADLINE.as_secs())
    }

    /// Ends it at once, as a node that fails would.
    pub fn kill(mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Whether it holds the Lease. A replica that stands by is ready too.
    pub async fn is_leading(&self) -> Result<bool> {
        let (_, metrics) = self.get("/metrics").await?;
        Ok(metrics.lines().any(|line| line == "signet_leading 1"))
    }

    async fn wait_until_ready(&self, log: &Path) -> Result<()> {
        let deadline = Instant::now() + READY_DEADLINE;
        let mut answer = String::new();
        while Instant::now() < deadline {
            match self.get("/readyz").await {
                Ok((200, _)) if self.is_leading().await? => return Ok(()),
                Ok((_, body)) => answer = body,
                Err(error) => answer = error.to_string(),
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
        bail!(
            "the operator is not ready: {answer}; its log is {}",
            log.display()
        )
    }
}

impl Drop for Operator {
    fn drop(&mut self) {
        if self.life == Life::Tethered {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// Stops an operator that another process started, and waits until it has ended.
///
/// # Errors
/// It does not stop.
pub async fn stop_process(pid: u32) -> Result<()> {
    terminate(pid)?;
    let deadline = Instant::now() + STOP_DEADLINE;
    while Instant::now() < deadline {
        if command_line(pid).is_none() {
            return Ok(());
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
    bail!("the operator did not stop in {} s", STOP_DEADLINE.as_secs())
}

/// The command line of a process that runs; none if it has ended, also if nobody has reaped it.
pub fn command_line(pid: u32) -> Option<String> {
    let listed = Command::new("ps")
        .args(["-o", "stat=,args=", "-p", &pid.to_string()])
        .output();
    let listed = String::from_utf8(listed.ok()?.stdout).ok()?;
    let line = listed.trim();
    (!line.is_empty() && !line.starts_with('Z')).then(|| line.to_owned())
}

fn terminate(pid: u32) -> Result<()> {
    Ok(kill_process(process(pid)?, Signal::TERM)?)
}

fn process(pid: u32) -> Result<Pid> {
    Pid::from_raw(pid.try_into()?).context("there is no process 0")
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
        .args(&options.flags);
    command
}

/// The admin server's address, from the log after what was there `before`.
async fn admin_address(child: &mut Child, log: &Path, before: u64) -> Result<SocketAddr> {
    let deadline = Instant::now() + READY_DEADLINE;
    while Instant::now() < deadline {
        if let Some(address) = logged_address(log, before)? {
            return Ok(address);
        }
        if let Some(status) = child.try_wait()? {
            bail!(
                "the operator ended ({status}); see its log, {}",
                log.display()
            );
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
    bail!(
        "the operator does not say where its admin server listens; see {}",
        log.display()
    )
}

fn logged_address(log: &Path, before: u64) -> Result<Option<SocketAddr>> {
    use std::io::{Seek, SeekFrom};
    let mut file = File::open(log)?;
    file.seek(SeekFrom::Start(before))?;
    for line in BufReader::new(file).lines() {
        let Ok(entry) = serde_json::from_str::<serde_json::Value>(&line?) else {
            continue;
        };
        if entry["message"] == "the admin server listens" {
            let address = entry["address"]
                .as_str()
                .context("the log has no address")?;
            return Ok(Some(address.parse()?));
        }
    }
    Ok(None)
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
