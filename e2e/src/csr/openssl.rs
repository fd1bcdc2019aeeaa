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

/// The same private key as PKCS#8. OpenSSL cannot read version 2 of it, which has the public key too,
/// so a key in this form is returned as it is.
pub(super) fn pkcs8(key_pem: &str) -> Result<String> {
    if key_pem.contains("-----BEGIN PRIVATE KEY-----") {
        return Ok(key_pem.to_owned());
    }
    let folder = tempfile::tempdir()?;
    let key = folder.path().join("key.pem");
    fs::write(&key, key_pem)?;
    let mut command = Command::new("openssl");
    command.args(["pkcs8", "-topk8", "-nocrypt", "-in"]);
    Ok(String::from_utf8(run(command.arg(&key))?)?)
}

/// A signature over a message with SHA-256, by ECDSA or RSA-PSS.
pub(super) fn sign(key_pem: &str, message: &[u8]) -> Result<Vec<u8>> {
    let folder = tempfile::tempdir()?;
    let (key, input) = (folder.path().join("key.pem"), folder.path().join("message"));
    fs::write(&key, key_pem)?;
    fs::write(&input, message)?;
    let shown = run(Command::new("openssl")
        .args(["pkey", "-noout", "-text", "-in"])
        .arg(&key))?;
    let text = String::from_utf8_lossy(&shown);
    let mut command = Command::new("openssl");
    command.args(["pkeyutl", "-sign", "-rawin", "-digest", "sha256", "-inkey"]);
    command.arg(&key).arg("-in").arg(&input);
    if text.contains("modulus") {
        let pss = ["rsa_padding_mode:pss", "rsa_pss_saltlen:max"];
        command.args(pss.iter().flat_map(|option| ["-pkeyopt", option]));
    }
    run(&mut command)
}

fn run(command: &mut Command) -> Result<Vec<u8>> {
    let output = command
        .output()
        .context("openssl cannot be run; install OpenSSL")?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command:?}: {errors}");
    Ok(output.stdout)
}
