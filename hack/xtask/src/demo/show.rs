//! What came out, as a person would like to see it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::session::Session;

/// The certificate's Secret, as files for OpenSSL.
pub(super) struct Files {
    /// Leaf first, then the intermediates.
    chain: PathBuf,
    /// The roots.
    roots: PathBuf,
}

impl Files {
    pub(super) fn read(session: &Session, folder: &Path) -> Result<Self> {
        let files = Self {
            chain: folder.join("tls.crt"),
            roots: folder.join("ca.crt"),
        };
        fs::write(&files.chain, secret(session, "tls.crt")?)?;
        fs::write(&files.roots, secret(session, "ca.crt")?)?;
        Ok(files)
    }
}

fn secret(session: &Session, key: &str) -> Result<Vec<u8>> {
    let template = format!("go-template={{{{index .data \"{key}\" | base64decode}}}}");
    let output = session
        .cluster
        .kubectl()
        .args(["get", "secret", "web-tls", "-n", "default", "-o", &template])
        .output()?;
    ensure!(output.status.success(), "the Secret web-tls cannot be read");
    Ok(output.stdout)
}

pub(super) fn heading(text: &str) {
    println!("\n── {text}");
}

/// Names, SANs and validity of the leaf.
pub(super) fn certificate(files: &Files) -> Result<()> {
    heading("The certificate in the Secret default/web-tls");
    openssl(
        Command::new("openssl")
            .args(["x509", "-noout", "-subject", "-issuer", "-dates", "-in"])
            .arg(&files.chain)
            .args([
                "-ext",
                "subjectAltName,keyUsage,extendedKeyUsage,basicConstraints",
            ]),
    )?;
    heading("The root in its ca.crt");
    openssl(
        Command::new("openssl")
            .args(["x509", "-noout", "-subject", "-dates", "-in"])
            .arg(&files.roots)
            .args(["-ext", "subjectAltName,keyUsage,basicConstraints"]),
    )
}

/// OpenSSL's strict verdict.
pub(super) fn verification(files: &Files) -> Result<()> {
    heading("openssl verify -x509_strict -CAfile ca.crt -untrusted tls.crt tls.crt");
    openssl(
        Command::new("openssl")
            .args(["verify", "-x509_strict", "-purpose", "sslserver", "-CAfile"])
            .arg(&files.roots)
            .arg("-untrusted")
            .arg(&files.chain)
            .arg(&files.chain),
    )
}

fn openssl(command: &mut Command) -> Result<()> {
    let status = command.status().context("openssl cannot be run")?;
    ensure!(status.success(), "openssl did not accept what was issued");
    Ok(())
}

/// What a person may try from here.
pub(super) fn what_next(session: &Session) {
    heading("What to try next");
    println!(
        "kubectl here is {}.",
        session.cluster.kubectl().get_program().to_string_lossy()
    );
    for line in [
        "kubectl describe clusterissuers.signet.dev example    its conditions and events",
        "kubectl explain issuers.signet.dev.spec               the API, field by field",
        "kubectl get certificaterequests -o yaml               what Signet wrote, in one write",
        "change the URI in docs/samples/quickstart.yaml to another namespace, apply it, and see",
        "    it refused: kubectl describe certificaterequests",
        "cargo xtask down                                      ends all of this",
    ] {
        println!("  {line}");
    }
    println!("\nTo reach the cluster from your own shell:\n");
}
