//! Go's crypto/x509, by which Kubernetes, cert-manager and most meshes verify.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, ensure};
use tempfile::TempDir;

use crate::{Chain, program};

/// Needs the standard library only, so that nothing is downloaded.
const SOURCE: &str = include_str!("verify.go");

/// Checks a chain at a time since 1970, for each purpose of the certificate.
pub(crate) fn verify(chain: &Chain, at: Duration) -> Result<()> {
    let mut command = Command::new(built()?);
    command.arg(at.as_secs().to_string());
    program::verify(chain, command, "Go")
}

/// The program, which is built once in a process.
fn built() -> Result<PathBuf> {
    static PROGRAM: OnceLock<Result<(TempDir, PathBuf), String>> = OnceLock::new();
    let built = PROGRAM.get_or_init(|| build().map_err(|error| format!("{error:#}")));
    let (_, path) = built.as_ref().map_err(|error| anyhow!("{error}"))?;
    Ok(path.clone())
}

fn build() -> Result<(TempDir, PathBuf)> {
    let folder = TempDir::new()?;
    fs::write(folder.path().join("verify.go"), SOURCE)?;
    let path = folder.path().join("verify");
    let output = Command::new("go")
        .args(["build", "-o", "verify", "verify.go"])
        .env("GOFLAGS", "")
        .env("GOPROXY", "off")
        .current_dir(folder.path())
        .output()
        .context("go cannot be run; install Go")?;
    let text = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "go build: {text}");
    Ok((folder, path))
}
