//! What came out, as a person would like to see it.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

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

/// Names, extensions and validity of every certificate in the Secret.
pub(super) fn certificates(files: &Files) -> Result<()> {
    for (number, certificate) in (1..).zip(blocks(&fs::read_to_string(&files.chain)?)) {
        heading(&match number {
            1 => "The certificate in the Secret default/web-tls (tls.crt)".to_owned(),
            _ => format!("Certificate {number} of its chain (tls.crt)"),
        });
        certificate_text(&certificate)?;
    }
    for root in blocks(&fs::read_to_string(&files.roots)?) {
        heading("The root that it chains to (ca.crt)");
        certificate_text(&root)?;
    }
    Ok(())
}

/// The PEM blocks of a text.
fn blocks(text: &str) -> Vec<String> {
    const END: &str = "-----END CERTIFICATE-----";
    let parts = text.split_inclusive(END);
    parts
        .filter(|part| part.ends_with(END))
        .map(|part| format!("{}\n", part.trim_start()))
        .collect()
}

fn certificate_text(pem: &str) -> Result<()> {
    let mut child = Command::new("openssl")
        .args(["x509", "-noout", "-subject", "-issuer", "-dates"])
        .args([
            "-ext",
            "subjectAltName,keyUsage,extendedKeyUsage,basicConstraints",
        ])
        .stdin(Stdio::piped())
        .spawn()
        .context("openssl cannot be run")?;
    if let Some(mut input) = child.stdin.take() {
        input.write_all(pem.as_bytes())?;
    }
    ensure!(
        child.wait()?.success(),
        "openssl cannot read what was issued"
    );
    Ok(())
}

/// OpenSSL's strict verdict.
pub(super) fn verification(files: &Files) -> Result<()> {
    heading("openssl verify -x509_strict -CAfile ca.crt -untrusted tls.crt tls.crt");
    let status = Command::new("openssl")
        .args(["verify", "-x509_strict", "-purpose", "sslserver", "-CAfile"])
        .arg(&files.roots)
        .arg("-untrusted")
        .arg(&files.chain)
        .arg(&files.chain)
        .status()
        .context("openssl cannot be run")?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pem_block_is_one_certificate() {
        let block = |body: &str| {
            format!("-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n")
        };
        for (text, expected) in [
            (String::new(), vec![]),
            (block("A"), vec![block("A")]),
            (block("A") + &block("B"), vec![block("A"), block("B")]),
            (
                block("A") + "\n\n" + &block("B") + "\n",
                vec![block("A"), block("B")],
            ),
        ] {
            assert_eq!(blocks(&text), expected, "{text}");
        }
    }
}
