//! go-spiffe, SPIFFE's reference implementation, which reads files as a workload does.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use anyhow::{Context, Result, anyhow, bail, ensure};
use jiff::Timestamp;
use signet_testbed::controlplane::Toolchain;

/// An X509-SVID as a workload holds it.
#[derive(Clone, Copy)]
#[allow(missing_debug_implementations, reason = "it holds a key")]
pub struct Svid<'a> {
    /// The leaf and the intermediates, in PEM.
    pub chain: &'a str,
    /// The private key: PKCS#8 in PEM.
    pub key: &'a str,
    /// The trust domain of the workload.
    pub trust_domain: &'a str,
}

impl Svid<'_> {
    /// Returns the SPIFFE ID that go-spiffe verifies under a bundle, all of whose roots it has to
    /// load.
    ///
    /// # Errors
    /// go-spiffe rejects the SVID or the bundle.
    pub fn verify(&self, bundle: &str, at: Timestamp) -> Result<String> {
        let folder = tempfile::tempdir()?;
        let mut command = Command::new(program()?);
        command.args([&at.as_second().to_string(), self.trust_domain]);
        for (name, content) in [
            ("svid.pem", self.chain),
            ("key.pem", self.key),
            ("bundle.pem", bundle),
        ] {
            let path = folder.path().join(name);
            fs::write(&path, content)?;
            command.arg(path);
        }
        let text = run(&mut command)?;
        let (id, roots) = text.trim().split_once(' ').context("an ID and a number")?;
        let all = bundle.matches("-----BEGIN ").count();
        ensure!(
            roots == all.to_string(),
            "go-spiffe: {roots} roots of {all}"
        );
        Ok(id.to_owned())
    }
}

/// Returns the SPIFFE ID of a JWT-SVID for an audience, which go-spiffe verifies by these keys of a
/// trust domain, a JWK Set.
///
/// # Errors
/// go-spiffe rejects the token or the keys.
pub fn verify_jwt(token: &str, trust_domain: &str, audience: &str, keys: &str) -> Result<String> {
    let folder = tempfile::tempdir()?;
    let mut command = Command::new(program()?);
    command.args(["jwt", trust_domain, audience]);
    for (name, content) in [("token", token), ("keys.json", keys)] {
        let path = folder.path().join(name);
        fs::write(&path, content)?;
        command.arg(path);
    }
    Ok(run(&mut command)?.trim().to_owned())
}

fn run(command: &mut Command) -> Result<String> {
    let output = command.output()?;
    if !output.status.success() {
        let errors = String::from_utf8_lossy(&output.stderr);
        bail!("go-spiffe: {}", errors.trim());
    }
    Ok(String::from_utf8(output.stdout)?)
}

/// The program, which is looked up once in a process.
fn program() -> Result<&'static PathBuf> {
    static PROGRAM: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let build = || Toolchain::new()?.go_spiffe();
    let built = PROGRAM.get_or_init(|| build().map_err(|error| format!("{error:#}")));
    built.as_ref().map_err(|error| anyhow!("{error}"))
}
