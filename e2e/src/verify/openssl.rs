//! What OpenSSL says.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use const_oid::ObjectIdentifier;
use const_oid::db::rfc5280::{ID_KP_CLIENT_AUTH, ID_KP_EMAIL_PROTECTION, ID_KP_SERVER_AUTH};

use super::{Certificate, Issued};
use crate::csr::pem;

/// `openssl verify -x509_strict` as of the time of issue, once for each purpose that the
/// certificate names and OpenSSL knows, and once without.
pub(super) fn verify(issued: &Issued) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let write = |name: &str, certificates: &[Certificate]| -> Result<_> {
        let path = folder.path().join(name);
        let blocks = certificates.iter().map(|one| pem("CERTIFICATE", one.der()));
        fs::write(&path, blocks.collect::<String>())?;
        Ok(path)
    };
    let leaf = write("leaf.pem", std::slice::from_ref(&issued.leaf))?;
    let chain = write("chain.pem", &issued.intermediates)?;
    let roots = write("roots.pem", &issued.roots)?;
    let usages = issued.leaf.extended_key_usage()?;
    let answered = issued.expected.answered.as_second().to_string();
    for purpose in purposes(&usages) {
        let mut command = Command::new("openssl");
        command.args([
            "verify",
            "-x509_strict",
            "-purpose",
            purpose,
            "-attime",
            &answered,
            "-no-CApath",
            "-no-CAstore",
        ]);
        if !issued.intermediates.is_empty() {
            command.arg("-untrusted").arg(&chain);
        }
        // Where no self-signed root is known, the highest certificate is the anchor (A2-14).
        if issued.roots.iter().any(|root| !root.is_self_signed()) {
            command.arg("-partial_chain");
        }
        run(command.arg("-CAfile").arg(&roots), &leaf)
            .with_context(|| format!("for the purpose {purpose}"))?;
    }
    Ok(())
}

fn purposes(usages: &[ObjectIdentifier]) -> Vec<&'static str> {
    let mut purposes = vec!["any"];
    for (usage, purpose) in [
        (ID_KP_SERVER_AUTH, "sslserver"),
        (ID_KP_CLIENT_AUTH, "sslclient"),
        (ID_KP_EMAIL_PROTECTION, "smimesign"),
    ] {
        if usages.contains(&usage) {
            purposes.push(purpose);
        }
    }
    purposes
}

fn run(command: &mut Command, leaf: &Path) -> Result<()> {
    let output = command
        .arg(leaf)
        .output()
        .context("openssl cannot be run; install OpenSSL")?;
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    ensure!(output.status.success(), "openssl verify: {said}");
    Ok(())
}
