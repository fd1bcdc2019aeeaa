//! `xtask key-server`: the process that keeps a key server of the demo, from `demo` to `down`.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use anyhow::{Context, Result, bail};
use clap::Args;
use serde::{Deserialize, Serialize};
use signet_testbed::{Ministack, OpenBao, Proxy, SoftHsm};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

use super::key::Key;
use crate::up::quoted;

/// A person's tools, for this server; `aws` is as much of the AWS CLI as the demo uses.
const AWS: &str = include_str!("aws.py");
/// Written when the server is ready.
pub(super) const FACTS: &str = "facts.json";

/// What `xtask key-server` is told.
#[derive(Args, Clone, Debug)]
pub(crate) struct KeyServer {
    /// Where the facts and the tools are written.
    #[arg(long)]
    folder: PathBuf,
    /// What to start.
    #[arg(long)]
    key: Key,
}

/// What is to be known of a key server that runs.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Facts {
    /// Its URL, or the path of its PKCS#11 module.
    pub(super) address: String,
    /// The CA that its clients must trust; none for a module.
    pub(super) ca: Option<String>,
}

/// The servers. Each ends with its value, and with the process.
enum Server {
    OpenBao(OpenBao),
    Kms { emulator: Ministack, tls: Proxy },
    SoftHsm(SoftHsm),
}

/// Starts the server, says where it is, and keeps it until SIGTERM.
pub(crate) async fn keep(settings: KeyServer) -> Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let (started, server) = oneshot::channel();
    // A thread and no task: nobody waits for it if the signal comes before it is done.
    thread::spawn(move || started.send(prepare(&settings)));
    tokio::select! {
        _ = terminate.recv() => {}
        server = server => {
            let _server = server.context("the key server's start broke off")??;
            terminate.recv().await;
        }
    }
    Ok(())
}

fn prepare(settings: &KeyServer) -> Result<Box<Server>> {
    let folder = &settings.folder;
    let server = Box::new(Server::start(settings.key)?);
    server.write_tools(folder)?;
    let facts = serde_json::to_string(&server.facts())?;
    let new = folder.join("facts.new");
    write(&new, &facts, 0o600)?;
    fs::rename(new, folder.join(FACTS))?;
    Ok(server)
}

impl Server {
    fn start(key: Key) -> Result<Self> {
        Ok(match key {
            Key::Software => bail!("a key in a Secret needs no server"),
            Key::Vault => Self::OpenBao(OpenBao::start()?),
            Key::AwsKms => {
                let emulator = Ministack::start_with_iam()?;
                // Signet speaks https alone, and the emulator does not.
                let tls = Proxy::https(&emulator.endpoint(), None)?;
                Self::Kms { emulator, tls }
            }
            Key::Pkcs11 => Self::SoftHsm(SoftHsm::new()?),
        })
    }

    fn facts(&self) -> Facts {
        match self {
            Self::OpenBao(server) => Facts {
                address: server.address(),
                ca: Some(server.ca_pem().to_owned()),
            },
            Self::Kms { tls, .. } => Facts {
                address: tls.address(),
                ca: Some(tls.ca_pem().to_owned()),
            },
            Self::SoftHsm(tokens) => Facts {
                address: tokens.module().display().to_string(),
                ca: None,
            },
        }
    }

    /// The server's own tools, as programs in `folder` that need no further settings.
    fn write_tools(&self, folder: &Path) -> Result<()> {
        match self {
            Self::OpenBao(server) => {
                write_tool(&folder.join("bao"), &server.command(server.root_token()))
            }
            Self::Kms { emulator, .. } => {
                let script = folder.join("aws.py");
                write(&script, AWS, 0o600)?;
                let mut aws = emulator.command();
                aws.arg(script).arg(emulator.endpoint());
                write_tool(&folder.join("aws"), &aws)
            }
            Self::SoftHsm(tokens) => {
                // It would look for the module where its package puts it.
                let mut util = tokens.command("softhsm2-util");
                util.arg("--module").arg(tokens.plain_module());
                write_tool(&folder.join("softhsm2-util"), &util)?;
                write_tool(&folder.join("pkcs11-tool"), &tokens.command("pkcs11-tool"))
            }
        }
    }
}

/// A program that becomes `command`, with further arguments.
fn write_tool(path: &Path, command: &Command) -> Result<()> {
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
    write(path, &(line + " \"$@\"\n"), 0o700)
}

/// Writes a file that only its owner may read: some hold what the demo logs in with.
fn write(path: &Path, text: &str, mode: u32) -> Result<()> {
    let mut options = OpenOptions::new();
    let file = options.write(true).create(true).truncate(true).mode(mode);
    file.open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .with_context(|| format!("cannot write {}", path.display()))
}
