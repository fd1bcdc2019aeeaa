//! `xtask keep`: the process that keeps one server of a session, from `up` or `demo` to `down`.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail, ensure};
use clap::{Args, ValueEnum};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use signet_testbed::controlplane::{ControlPlane, Options, Toolchain};
use signet_testbed::istio::{self, Istiod};
use signet_testbed::pki::write_private;
use signet_testbed::supervise::{Life, Process, command_line, running, stop_process};
use signet_testbed::{Ministack, OpenBao, Proxy, SoftHsm, packages};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

use crate::quote::quoted;
use crate::session::Home;

/// The part of the AWS CLI that the demo uses.
const AWS: &str = include_str!("keep/aws.py");
/// Written when the server is ready.
const FACTS: &str = "facts.json";
const POLL_INTERVAL: Duration = Duration::from_millis(200);

/// The arguments of `xtask keep`.
#[derive(Args, Clone, Debug)]
pub(crate) struct Keep {
    /// What to start.
    server: Server,
    /// The folder for the facts and the tools.
    #[arg(long)]
    folder: PathBuf,
}

/// A server of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Server {
    ControlPlane,
    Vault,
    AwsKms,
    Pkcs11,
    /// istiod, whenever the cluster of the session has its Deployment.
    Istiod,
}

impl Server {
    /// As on the command line and in the names of folders, and for users.
    fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::ControlPlane => ("control-plane", "the control plane"),
            Self::Vault => ("vault", "OpenBao"),
            Self::AwsKms => ("aws-kms", "the emulator of AWS KMS"),
            Self::Pkcs11 => ("pkcs11", "SoftHSM2"),
            Self::Istiod => ("istiod", "istiod"),
        }
    }

    /// Installs its packages, before its keeper starts: users see it, and the network may be slow.
    fn install(self) -> Result<()> {
        match self {
            Self::ControlPlane => Ok(()),
            Self::Istiod => Toolchain::new()?.istio_charts().map(drop),
            Self::Vault => packages::openbao().map(drop),
            Self::AwsKms => packages::ministack().map(drop),
            Self::Pkcs11 => packages::softhsm().map(drop),
        }
    }
}

/// What clients of a key server have to know.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct KeyServer {
    /// Its URL, or the path of its PKCS#11 module.
    pub(crate) address: String,
    /// The CA that its clients must trust; empty for a module.
    pub(crate) ca: String,
}

/// The namespace that istiod is installed in.
pub(crate) const ISTIO_NAMESPACE: &str = "istio-system";

/// What workloads have to know of istiod.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct IstiodFacts {
    /// Where it listens.
    pub(crate) address: String,
    /// The DNS name in its certificate.
    pub(crate) name: String,
}

/// The folder of a session's server.
pub(crate) fn folder(session: &Path, server: Server) -> PathBuf {
    session.join(server.names().0)
}

/// The facts of a session's server, which is started if the session has none.
pub(crate) async fn ensure<T: DeserializeOwned>(session: &Path, server: Server) -> Result<T> {
    let folder = folder(session, server);
    let facts = folder.join(FACTS);
    let (name, title) = server.names();
    if !folder.exists() {
        server.install()?;
        eprintln!("starting {title}");
        let begin = Instant::now();
        fs::create_dir_all(&folder)
            .with_context(|| format!("cannot create {}", folder.display()))?;
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["keep", name, "--folder"]).arg(&folder);
        let log = folder.join("log");
        let mut process = Process::spawn(title, &command, &log, Life::Detached)?;
        while !facts.exists() {
            process.await_more(&anyhow!("it is starting")).await?;
        }
        process.leave();
        eprintln!("{title}: ready in {} s", begin.elapsed().as_secs());
    }
    ensure!(
        !running("keep", &folder)?.is_empty(),
        "{title} of this session has ended; run `cargo xtask down`, then start again"
    );
    let text = fs::read_to_string(&facts)
        .with_context(|| format!("{title} did not start; run `cargo xtask down`"))?;
    Ok(serde_json::from_str(&text)?)
}

/// Ends the servers of a session.
pub(crate) async fn end_all(session: &Path) -> Result<()> {
    for pid in running("keep", session)? {
        stop_process(pid).await?;
    }
    Ok(())
}

/// Starts the server, writes its facts, and keeps it until SIGTERM.
pub(crate) async fn run(settings: Keep) -> Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = terminate.recv() => Ok(()),
        ended = keep(&settings) => ended,
    }
}

async fn keep(settings: &Keep) -> Result<()> {
    let folder = settings.folder.clone();
    match settings.server {
        Server::ControlPlane => keep_control_plane(&folder).await,
        Server::Istiod => keep_istiod(&folder).await,
        server => {
            let (started, ready) = oneshot::channel();
            // Not a task: the runtime would wait for it when the signal comes before it is done.
            thread::spawn(move || started.send(start_key_server(&folder, server)));
            let _kept = ready.await.context("the start was interrupted")??;
            std::future::pending().await
        }
    }
}

/// Ends with an error when one of the servers does.
async fn keep_control_plane(folder: &Path) -> Result<()> {
    let options = Options {
        folder: Some(folder.join("plane")),
        ..Options::default()
    };
    let plane = ControlPlane::start(&options).await?;
    write_facts(folder, plane.cluster())?;
    loop {
        let mut processes = plane.processes();
        if let Some(ended) = processes.find(|it| command_line(it.pid()).is_none()) {
            bail!("{} ended", ended.name());
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

/// Does what a kubelet would do for istiod in the session's cluster.
async fn keep_istiod(folder: &Path) -> Result<()> {
    let session = folder.parent().context("a session has a folder")?;
    let session = Home::of(session).session()?;
    let cluster = session.context("there is no session")?.cluster;
    let log = folder.join("istiod.log");
    let started = |istiod: &Istiod| {
        let (address, name) = (istiod.address(), istiod.server_name());
        write_facts(folder, &IstiodFacts { address, name })
    };
    let toolchain = Toolchain::new()?;
    istio::keep_running(&cluster, &toolchain, ISTIO_NAMESPACE, &log, started).await
}

/// A server that ends with its value.
type Kept = Box<dyn Send>;

fn start_key_server(folder: &Path, server: Server) -> Result<Kept> {
    let (kept, address, ca): (Kept, _, _) = match server {
        Server::ControlPlane | Server::Istiod => bail!("not a key server"),
        Server::Vault => {
            let bao = OpenBao::start()?;
            write_tool(&folder.join("bao"), &bao.command(bao.root_token()))?;
            let (address, ca) = (bao.address(), bao.ca_pem().to_owned());
            (Box::new(bao), address, ca)
        }
        Server::AwsKms => {
            let emulator = Ministack::start_with_iam()?;
            let script = folder.join("aws.py");
            write_private(&script, AWS)?;
            let mut aws = emulator.command();
            aws.arg(script).arg(emulator.endpoint());
            write_tool(&folder.join("aws"), &aws)?;
            // Signet requires https, which the emulator does not serve.
            let tls = Proxy::https(&emulator.endpoint(), None)?;
            let (address, ca) = (tls.address(), tls.ca_pem().to_owned());
            (Box::new((emulator, tls)), address, ca)
        }
        Server::Pkcs11 => {
            let tokens = SoftHsm::new()?;
            // It would look for the module where its package puts it.
            let mut util = tokens.command("softhsm2-util");
            util.arg("--module").arg(tokens.plain_module());
            write_tool(&folder.join("softhsm2-util"), &util)?;
            write_tool(&folder.join("pkcs11-tool"), &tokens.command("pkcs11-tool"))?;
            let address = tokens.module().display().to_string();
            (Box::new(tokens), address, String::new())
        }
    };
    write_facts(folder, &KeyServer { address, ca })?;
    Ok(kept)
}

fn write_facts(folder: &Path, facts: &impl Serialize) -> Result<()> {
    let new = folder.join("facts.new");
    write_private(&new, &serde_json::to_string(facts)?)?;
    Ok(fs::rename(new, folder.join(FACTS))?)
}

/// A program that becomes `command`, with further arguments. It keeps its folder, as the files that
/// users name are relative to it.
pub(crate) fn write_tool(path: &Path, command: &Command) -> Result<()> {
    let word = |text: &std::ffi::OsStr| quoted(Path::new(text));
    let mut line = "#!/bin/sh\nexec env".to_owned();
    for (name, value) in command.get_envs() {
        if let Some(value) = value {
            line += &format!(" {}={}", word(name), word(value));
        }
    }
    line += &format!(" {}", word(command.get_program()));
    for argument in command.get_args() {
        line += &format!(" {}", word(argument));
    }
    write_private(path, &(line + " \"$@\"\n"))?;
    Ok(fs::set_permissions(
        path,
        fs::Permissions::from_mode(0o700),
    )?)
}
