//! `cargo xtask demo`: the main job, from nothing to a certificate that OpenSSL verifies.

mod show;

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::session::{Session, folder};
use crate::up::{self, Up};

/// The samples that the README shows.
const SAMPLES: &str = "docs/samples/quickstart.yaml";
/// How long cert-manager and Signet may take, on a busy machine.
const PATIENCE: &str = "--timeout=120s";

/// Brings a cluster up, applies the samples, and shows what happened.
pub(crate) async fn run(root: &Path, settings: &Up) -> Result<()> {
    ensure!(
        !settings.without_signet,
        "the demo needs Signet; leave --without-signet out"
    );
    find_openssl()?;
    let session = up::up(root, settings).await?;
    show::heading(&format!("kubectl apply -f {SAMPLES}"));
    kubectl(
        &session,
        &["apply", "-f", &root.join(SAMPLES).to_string_lossy()],
    )?;
    kubectl(
        &session,
        &[
            "wait",
            "--for=condition=Ready",
            PATIENCE,
            "clusterissuer.signet.dev/example",
        ],
    )?;
    kubectl(
        &session,
        &[
            "wait",
            "--for=condition=Ready",
            PATIENCE,
            "certificate/web",
            "-n",
            "default",
        ],
    )?;
    show::heading("The issuer, its CA, and the certificate");
    kubectl(&session, &["get", "clusterissuers.signet.dev"])?;
    kubectl(&session, &["get", "cagenerations", "-A"])?;
    kubectl(
        &session,
        &["get", "certificates,certificaterequests", "-n", "default"],
    )?;
    let files = show::Files::read(&session, &folder(root))?;
    show::certificate(&files)?;
    show::verification(&files)?;
    show::what_next(&session);
    up::say_how_to_reach(&session);
    Ok(())
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
    ensure!(status.success(), "kubectl {} failed", arguments.join(" "));
    Ok(())
}
