//! The starter's side of a control plane: a handle on its keeper.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};

use crate::controlplane::keeper::protocol::{Order, Reply};
use crate::controlplane::pki::{self, TokenKey};
use crate::controlplane::state::{Tenancy, tenancy};
use crate::controlplane::{CertManagerOptions, Options, Pids, State, Toolchain, kubeconfig};

/// Names the keeper's binary where it does not lie beside the running program.
const KEEPER_VARIABLE: &str = "SIGNET_CONTROLPLANE_BIN";
/// The keeper kills its children after five seconds; this is long after that.
const STOP_DEADLINE: Duration = Duration::from_secs(30);

/// A running control plane.
///
/// One that was made by [`ControlPlane::start`] ends when the value is dropped, and also when the
/// process ends in any other way. What starts and stops processes blocks the calling thread; what
/// calls the API server is async.
#[derive(Debug)]
pub struct ControlPlane {
    state: State,
    tether: Option<Tether>,
}

/// The pipes to a keeper that lives no longer than they do.
#[derive(Debug)]
struct Tether {
    keeper: Child,
    /// `None` once it has been let go.
    orders: Option<ChildStdin>,
    replies: BufReader<ChildStdout>,
}

impl ControlPlane {
    /// Starts a control plane that ends with this value or this process, whichever ends first.
    ///
    /// Builds what is not in the cache yet (minutes, with progress on standard error), starts the
    /// servers and returns when cert-manager admits and its controller has filled its caches
    /// (seconds). On failure nothing is left, and the error has the last lines of the log of the
    /// process that failed.
    pub fn start(options: &Options) -> Result<Self> {
        let (tether, state) = Tether::spawn(options, true)?;
        Ok(Self {
            state,
            tether: Some(tether),
        })
    }

    /// Starts a control plane that outlives this process. It ends by [`ControlPlane::stop`], or
    /// when its keeper gets SIGTERM or SIGINT. `options.state` must be given, as that is how it
    /// is found again.
    pub fn start_detached(options: &Options) -> Result<Self> {
        ensure!(
            options.state.is_some(),
            "a detached control plane needs a state folder"
        );
        let (_, state) = Tether::spawn(options, false)?;
        Ok(Self {
            state,
            tether: None,
        })
    }

    /// Finds the control plane that runs in a state folder; `None` if none does.
    pub fn attach(folder: &Path) -> Result<Option<Self>> {
        if tenancy(folder)? != Tenancy::Kept {
            return Ok(None);
        }
        Ok(Some(Self {
            state: State::read(folder)?,
            tether: None,
        }))
    }

    /// Ends all processes and removes the state folder. Returns when both are gone.
    pub fn stop(mut self) -> Result<()> {
        match self.tether.take() {
            Some(mut tether) => tether.release(&self.state.folder),
            None => self.terminate(),
        }
    }

    /// Stops cert-manager's controller, if it runs, and starts it with other options. The webhook
    /// stays. Only for the process that started the control plane.
    pub fn restart_cert_manager(&mut self, options: &CertManagerOptions) -> Result<()> {
        self.order(&Order::StartCertManager(options.clone()))
    }

    /// Stops cert-manager's controller; the webhook stays. Only for the process that started the
    /// control plane.
    pub fn stop_cert_manager(&mut self) -> Result<()> {
        self.order(&Order::StopCertManager)
    }

    /// All that is known of it.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The process ids as of the start or of the last order.
    pub fn pids(&self) -> Pids {
        self.state.pids
    }

    /// The administrator's kubeconfig (group `system:masters`).
    pub fn kubeconfig(&self) -> &Path {
        &self.state.kubeconfig
    }

    /// The API server's audit log: one `audit.k8s.io/v1` Event at level Metadata per line, at
    /// stage ResponseComplete, and for a watch at ResponseStarted too. `None` if switched off.
    pub fn audit_log(&self) -> Option<&Path> {
        self.state.audit_log.as_deref()
    }

    /// The folder that has one log file per process.
    pub fn logs(&self) -> &Path {
        &self.state.logs
    }

    /// The file with the public key of ServiceAccounts' tokens, in PEM.
    pub fn service_account_key(&self) -> PathBuf {
        TokenKey::at(&pki::folder(&self.state.folder)).public
    }

    /// kubectl as the administrator, of the API server's own version.
    pub fn kubectl(&self) -> Command {
        self.as_administrator(Command::new(&self.state.kubectl))
    }

    /// Helm as the administrator. It reads no settings and plugins of the user's own.
    pub fn helm(&self) -> Command {
        let helm =
            crate::controlplane::binaries::helm_command(&self.state.helm, &self.state.folder);
        self.as_administrator(helm)
    }

    /// Both keep what they know of an API server under its address, for hours. Another control
    /// plane may have had this address before, so they must not share that with anyone.
    fn as_administrator(&self, mut command: Command) -> Command {
        command.env("KUBECONFIG", self.kubeconfig());
        command.env("KUBECACHEDIR", self.state.folder.join("kubectl-cache"));
        command
    }

    /// A client as the administrator.
    pub async fn client(&self) -> Result<kube::Client> {
        kubeconfig::client(self.kubeconfig()).await
    }

    /// Writes a new kubeconfig with a token of an existing ServiceAccount that is good for a year.
    /// Only its owner may read the file, which goes with the control plane.
    pub async fn kubeconfig_for_service_account(
        &self,
        namespace: &str,
        name: &str,
    ) -> Result<PathBuf> {
        let folder = kubeconfig::folder(&self.state.folder);
        kubeconfig::for_service_account(self.kubeconfig(), namespace, name, &folder).await
    }

    fn order(&mut self, order: &Order) -> Result<()> {
        let tether = self
            .tether
            .as_mut()
            .context("only the process that started it may do that")?;
        tether.order(order)?;
        self.state = tether.reply()?;
        Ok(())
    }

    /// Asks a keeper without a tether to end.
    fn terminate(&self) -> Result<()> {
        let folder = &self.state.folder;
        if tenancy(folder)? == Tenancy::Kept {
            let pid = i32::try_from(self.state.pids.keeper)
                .ok()
                .and_then(Pid::from_raw);
            kill_process(
                pid.context("the keeper's process id is damaged")?,
                Signal::TERM,
            )?;
        }
        let deadline = Instant::now() + STOP_DEADLINE;
        while tenancy(folder)? == Tenancy::Kept {
            ensure!(
                Instant::now() < deadline,
                "the keeper did not end; see {}",
                folder.display()
            );
            std::thread::sleep(Duration::from_millis(50));
        }
        remove(folder)
    }
}

impl Drop for ControlPlane {
    fn drop(&mut self) {
        if let Some(mut tether) = self.tether.take() {
            // There is nobody to tell; the next keeper removes what was left.
            let _ = tether.release(&self.state.folder);
        }
    }
}

impl Tether {
    /// Starts a keeper and waits until its control plane is ready.
    fn spawn(options: &Options, tethered: bool) -> Result<(Self, State)> {
        let binary = keeper_binary()?;
        // Here and not in the keeper, so that the one who waits sees what is being built.
        Toolchain::new()?.build_for(options)?;
        let mut command = Command::new(&binary);
        command
            .arg("serve")
            .args(["--options", &serde_json::to_string(options)?]);
        if !tethered {
            // A stream that stays open would hold up whoever reads the output of the starter.
            command.arg("--outlive-starter").stderr(Stdio::null());
        }
        let mut keeper = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {}", binary.display()))?;
        let orders = keeper.stdin.take();
        let replies = keeper
            .stdout
            .take()
            .context("the keeper's output is a pipe")?;
        let replies = BufReader::new(replies);
        let mut tether = Self {
            keeper,
            orders,
            replies,
        };
        match tether.reply() {
            Ok(state) => Ok((tether, state)),
            Err(error) => {
                // It says so first and clears up then.
                tether.keeper.wait()?;
                Err(error)
            }
        }
    }

    fn order(&mut self, order: &Order) -> Result<()> {
        let mut line = serde_json::to_string(order)?;
        line.push('\n');
        let pipe = self.orders.as_mut().context("the keeper was let go")?;
        pipe.write_all(line.as_bytes())
            .context("the keeper has ended")
    }

    fn reply(&mut self) -> Result<State> {
        let mut line = String::new();
        self.replies
            .read_line(&mut line)
            .context("cannot hear the keeper")?;
        if line.is_empty() {
            let status = self.keeper.wait()?;
            bail!("the keeper of the control plane ended without a word ({status})");
        }
        let reply: Reply = serde_json::from_str(&line).context("the keeper's reply is damaged")?;
        reply.map_err(|message| anyhow!(message))
    }

    /// Closes the pipe, which is all it takes, and waits for the end.
    fn release(&mut self, folder: &Path) -> Result<()> {
        drop(self.orders.take());
        self.keeper.wait().context("cannot wait for the keeper")?;
        remove(folder)
    }
}

/// The keeper removes its folder itself, unless it was killed.
fn remove(folder: &Path) -> Result<()> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", folder.display()))
        }
        _ => Ok(()),
    }
}

/// The keeper is a binary of this crate, beside the running program or, where that is a test,
/// one folder above.
fn keeper_binary() -> Result<PathBuf> {
    if let Some(path) = std::env::var_os(KEEPER_VARIABLE) {
        return Ok(path.into());
    }
    let program = std::env::current_exe().context("cannot tell where this program lies")?;
    let name = format!("controlplane{}", std::env::consts::EXE_SUFFIX);
    let folders = program.ancestors().skip(1).take(2);
    folders
        .map(|folder| folder.join(&name))
        .find(|path| path.is_file())
        .with_context(|| {
            format!(
                "{name} is not built: run `cargo build -p signet-testbed`, or set {KEEPER_VARIABLE}"
            )
        })
}
