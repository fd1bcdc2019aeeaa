//! CSRs by the OpenSSL program.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result, ensure};

pub(super) fn request(key_pem: &str, config: &str) -> Result<String> {
    let folder = tempfile::tempdir()?;
    let (key, configuration) = (folder.path().join("key.pem"), folder.path().join("req.cnf"));
    fs::write(&key, key_pem)?;
    fs::write(&configuration, config)?;
    let mut command = Command::new("openssl");
    command
        .args(["req", "-new", "-sha256", "-utf8", "-key"])
        .arg(&key);
    Ok(String::from_utf8(run(command
        .arg("-config")
        .arg(&configuration))?)?)
}

pub(super) fn outdated(arguments: &[&str]) -> Result<String> {
    let mut command = Command::new("openssl");
    command.args([
        "req",
        "-new",
        "-nodes",
        "-keyout",
        "/dev/null",
        "-subj",
        "/CN=old",
    ]);
    Ok(String::from_utf8(run(command.args(arguments))?)?)
}

/// The SubjectPublicKeyInfo in DER of a private key in PEM.
pub(super) fn public_key(key_pem: &str) -> Result<Vec<u8>> {
    let folder = tempfile::tempdir()?;
    let key = folder.path().join("key.pem");
    fs::write(&key, key_pem)?;
    run(Command::new("openssl")
        .args(["pkey", "-pubout", "-outform", "DER", "-in"])
        .arg(&key))
}

fn run(command: &mut Command) -> Result<Vec<u8>> {
    let output = command
        .output()
        .context("openssl cannot be run; install OpenSSL")?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command:?}: {errors}");
    Ok(output.stdout)
}
