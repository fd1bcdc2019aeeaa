//! What came out, as a person would like to see it.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use super::commands::output;
use crate::session::Session;

/// The certificate's Secret, as files for OpenSSL.
pub(super) struct Files {
    /// Namespace and name.
    secret: String,
    /// Leaf first, then the intermediates.
    chain: PathBuf,
    /// The roots.
    roots: PathBuf,
}

impl Files {
    /// Reads a Secret, given as namespace and name.
    pub(super) fn read(session: &Session, folder: &Path, secret: (&str, &str)) -> Result<Self> {
        let files = Self {
            secret: format!("{}/{}", secret.0, secret.1),
            chain: folder.join("tls.crt"),
            roots: folder.join("ca.crt"),
        };
        fs::write(&files.chain, entry(session, secret, "tls.crt")?)?;
        fs::write(&files.roots, entry(session, secret, "ca.crt")?)?;
        Ok(files)
    }

    /// The certificate in PEM.
    pub(super) fn leaf(&self) -> Result<String> {
        let chain = blocks(&fs::read_to_string(&self.chain)?);
        chain.into_iter().next().context("tls.crt is empty")
    }

    /// The CAs above it in PEM.
    pub(super) fn authorities(&self) -> Result<Vec<String>> {
        let mut authorities = blocks(&fs::read_to_string(&self.chain)?).split_off(1);
        authorities.extend(blocks(&fs::read_to_string(&self.roots)?));
        Ok(authorities)
    }
}

fn entry(session: &Session, (namespace, name): (&str, &str), key: &str) -> Result<String> {
    let template = format!("go-template={{{{index .data \"{key}\" | base64decode}}}}");
    let mut kubectl = session.cluster.kubectl();
    kubectl.args(["get", "secret", name, "-n", namespace, "-o", &template]);
    output(&mut kubectl, "").with_context(|| format!("the Secret {name} cannot be read"))
}

pub(super) fn heading(text: &str) {
    println!("\n── {text}");
}

/// Names, extensions and validity of every certificate in the Secret.
pub(super) fn certificates(files: &Files) -> Result<()> {
    for (number, certificate) in (1..).zip(blocks(&fs::read_to_string(&files.chain)?)) {
        heading(&match number {
            1 => format!("The certificate in the Secret {} (tls.crt)", files.secret),
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
pub(super) fn what_next(session: &Session, lines: &[String]) {
    heading("What to try next");
    println!(
        "kubectl here is {}.",
        session.cluster.kubectl().get_program().to_string_lossy()
    );
    for line in lines {
        println!("  {line}");
    }
    println!("  cargo xtask down                                      ends all of this");
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
