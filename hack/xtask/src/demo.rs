//! `cargo xtask demo`: the main job, from nothing to a certificate that OpenSSL verifies.

mod aws_kms;
mod commands;
mod keep;
mod key;
mod pkcs11;
mod remote;
mod sample;
mod secrets;
mod servers;
mod show;
mod software;
mod vault;

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use clap::Args;

use crate::session::{Home, Session};
use crate::up::{self, Up};

pub(crate) use keep::{KeyServer, keep};
pub(crate) use key::Key;
pub(crate) use servers::end as end_key_servers;

/// How long cert-manager and Signet may take, on a busy machine.
const PATIENCE: &str = "--timeout=120s";

/// The flags of `demo`.
#[derive(Args, Clone, Debug)]
pub(crate) struct Demo {
    /// Where the CA's key is kept. For all but `software`, a key server is started, which ends
    /// with `down`.
    #[arg(long, value_enum, default_value_t)]
    key: Key,
    #[command(flatten)]
    pub(crate) up: Up,
}

/// What the demo has made, and shows.
struct Made {
    /// The arguments by which kubectl is told of the issuer.
    issuer: Vec<String>,
    /// Namespace and name of the certificate's Secret.
    secret: (String, String),
    /// What a person may try from here.
    next: Vec<String>,
}

/// Brings a cluster up, applies the samples, and shows what happened.
pub(crate) async fn run(root: PathBuf, home: Home, settings: Demo) -> Result<()> {
    let Demo { key, up } = settings;
    ensure!(
        !up.without_signet,
        "the demo needs Signet; leave --without-signet out"
    );
    ensure!(
        key == Key::Software || up.kubeconfig.is_none(),
        "a key server of the demo stands beside a cluster of the demo; leave --kubeconfig out"
    );
    find_openssl()?;
    let mut session = up::up(home.clone(), up).await?;
    let made = match key {
        Key::Software => software::make(&root, &home, &mut session).await?,
        _ => remote::make(&root, &home, &mut session, key).await?,
    };
    show::heading("The issuer, its CA, and the certificate");
    let issuer: Vec<_> = made.issuer.iter().map(String::as_str).collect();
    kubectl(&session, &[&["get"], &issuer[..]].concat())?;
    kubectl(&session, &[&["get"], &issuer[..], &["-o", READY]].concat())?;
    kubectl(&session, &["get", "cagenerations", "-A"])?;
    let (namespace, secret) = (made.secret.0.as_str(), made.secret.1.as_str());
    kubectl(
        &session,
        &["get", "certificates,certificaterequests", "-n", namespace],
    )?;
    let files = show::Files::read(&session, &home.folder, (namespace, secret))?;
    show::certificates(&files)?;
    show::verification(&files)?;
    if key != Key::Software {
        secrets::show_that_no_ca_key_is_there(&session, &files)?;
    }
    show::what_next(&session, &made.next);
    up::say_how_to_reach(&session);
    Ok(())
}

/// The condition Ready with its sentence.
const READY: &str = "go-template={{range .status.conditions}}{{if eq .type \"Ready\"}}Ready is \
                     {{.status}}, {{.reason}}: {{.message}}{{\"\\n\"}}{{end}}{{end}}";

/// Waits until an object is Ready. If it does not become so, shows why.
fn await_ready(session: &Session, object: &[String]) -> Result<()> {
    let object: Vec<_> = object.iter().map(String::as_str).collect();
    let wait = ["wait", "--for=condition=Ready", PATIENCE];
    let waited = kubectl(session, &[&wait, &object[..]].concat());
    if waited.is_err() {
        kubectl(session, &[&["get"], &object[..], &["-o", READY]].concat())?;
    }
    waited
}

fn find_openssl() -> Result<()> {
    match Command::new("openssl").arg("version").output() {
        Ok(version) if version.status.success() => Ok(()),
        _ => bail!(
            "the demo needs the openssl program; install OpenSSL (Debian: apt install openssl)"
        ),
    }
}

fn kubectl(session: &Session, arguments: &[&str]) -> Result<()> {
    let status = session
        .cluster
        .kubectl()
        .args(arguments)
        .status()
        .context("kubectl cannot be run")?;
    ensure!(
        status.success(),
        "kubectl {} failed; what is up stays up, and `cargo xtask down` ends it",
        arguments.join(" ")
    );
    Ok(())
}
