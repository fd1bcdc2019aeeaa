//! Mutual TLS between two holders of certificates, by the OpenSSL program.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, Command};

use crate::csr::{Csr, pem};
use crate::verify::{Certificate, Issued};

/// The server returns lines reversed, and ends the connection at this one.
const LINES: &str = "hello\nCLOSE\n";
const REVERSED: &str = "olleh";

/// A certificate with its key.
#[derive(Clone, Copy, Debug)]
pub struct Holder<'a> {
    /// The certificate, with the chain that is sent.
    pub issued: &'a Issued,
    /// The CSR that has the key.
    pub csr: &'a Csr,
}

/// Connects two holders, each of which requires a certificate under these roots of the other one.
///
/// # Errors
/// One rejects the other one.
pub async fn mutual_tls(client: Holder<'_>, server: Holder<'_>, roots: &str) -> Result<()> {
    let folder = tempfile::tempdir()?;
    fs::write(folder.path().join("roots.pem"), roots)?;
    let mut listening = start(server.command(&folder, "s_server")?.args([
        "-accept",
        "127.0.0.1:0",
        "-naccept",
        "1",
        "-Verify",
        "8",
        "-rev",
    ]))?;
    let address = address(&mut listening).await?;
    let mut command = client.command(&folder, "s_client")?;
    let mut connecting = start(command.args(["-connect", &address, "-verify", "8", "-quiet"]))?;
    let mut input = connecting.stdin.take().context("it has an input")?;
    input.write_all(LINES.as_bytes()).await?;
    let output = connecting.wait_with_output().await?;
    let answer = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success() && answer.trim() == REVERSED,
        "the client received {answer:?}: {errors}"
    );
    Ok(())
}

impl Holder<'_> {
    /// One side of the connection. The role is a command of OpenSSL.
    fn command(&self, folder: &TempDir, role: &str) -> Result<Command> {
        let path = |name: &str| folder.path().join(format!("{role}.{name}.pem"));
        fs::write(path("leaf"), certificates(&[&self.issued.leaf]))?;
        fs::write(path("key"), self.csr.key().serialize_pem())?;
        let mut command = Command::new("openssl");
        command
            .args([role, "-tls1_3", "-verify_return_error", "-CAfile"])
            .arg(folder.path().join("roots.pem"));
        with_file(&mut command, "-cert", &path("leaf"));
        with_file(&mut command, "-key", &path("key"));
        if !self.issued.intermediates.is_empty() {
            let above: Vec<_> = self.issued.intermediates.iter().collect();
            fs::write(path("chain"), certificates(&above))?;
            with_file(&mut command, "-cert_chain", &path("chain"));
        }
        Ok(command)
    }
}

fn with_file(command: &mut Command, option: &str, path: &Path) {
    command.arg(option).arg(path);
}

fn certificates(of: &[&Certificate]) -> String {
    of.iter().map(|one| pem("CERTIFICATE", one.der())).collect()
}

fn start(command: &mut Command) -> Result<Child> {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .context("openssl cannot be run; install OpenSSL")
}

/// Where a server listens.
async fn address(server: &mut Child) -> Result<String> {
    let output = server.stdout.take().context("it has an output")?;
    let mut lines = BufReader::new(output).lines();
    while let Some(line) = lines.next_line().await? {
        if let Some(address) = line.strip_prefix("ACCEPT ") {
            return Ok(address.to_owned());
        }
    }
    anyhow::bail!("openssl s_server has ended")
}
