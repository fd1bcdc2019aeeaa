//! The OpenSSL program.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, ensure};
use const_oid::db::rfc5912::{
    ECDSA_WITH_SHA_256, ECDSA_WITH_SHA_384, ECDSA_WITH_SHA_512, SHA_256_WITH_RSA_ENCRYPTION,
    SHA_384_WITH_RSA_ENCRYPTION, SHA_512_WITH_RSA_ENCRYPTION,
};
use der::Decode;
use der::pem::LineEnding;
use spki::AlgorithmIdentifierRef;
use tempfile::TempDir;

use crate::Chain;

/// Checks a chain with `openssl verify -x509_strict`, at a time since 1970.
pub(crate) fn verify(chain: &Chain, at: Duration, purpose: Option<&str>) -> Result<()> {
    let folder = TempDir::new()?;
    let write = |name: &str, certificates: &[Vec<u8>]| -> Result<_> {
        let path = folder.path().join(name);
        fs::write(&path, pem(certificates)?)?;
        Ok(path)
    };
    let mut command = Command::new("openssl");
    command
        .args(["verify", "-x509_strict", "-no-CApath", "-no-CAstore"])
        .args(["-attime", &at.as_secs().to_string()])
        .arg("-CAfile")
        .arg(write("roots.pem", &chain.roots)?);
    if let Some(purpose) = purpose {
        command.args(["-purpose", purpose]);
    }
    if chain.is_partial()? {
        command.arg("-partial_chain");
    }
    if let intermediates @ [_, ..] = &chain.certificates[1..] {
        command.arg("-untrusted");
        command.arg(write("chain.pem", intermediates)?);
    }
    let leaf = write("leaf.pem", &[chain.leaf()?.to_vec()])?;
    let output = command.arg(leaf).output();
    let output = output.context("openssl cannot be run; install OpenSSL")?;
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text);
    ensure!(
        output.status.success(),
        "openssl verify for {}: {text}",
        purpose.unwrap_or("any purpose")
    );
    Ok(())
}

pub(crate) fn pem(certificates: &[Vec<u8>]) -> Result<String> {
    let block = |der: &Vec<u8>| der::pem::encode_string("CERTIFICATE", LineEnding::LF, der);
    let blocks: Result<_, _> = certificates.iter().map(block).collect();
    blocks.map_err(|error| anyhow!("{error}"))
}

/// A temporary folder to run openssl in.
#[derive(Debug)]
pub struct OpenSsl(TempDir);

impl Default for OpenSsl {
    fn default() -> Self {
        Self::new()
    }
}

impl OpenSsl {
    /// An empty folder.
    ///
    /// # Panics
    /// It cannot be made.
    pub fn new() -> Self {
        Self(TempDir::new().expect("a temporary folder can be made"))
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Runs a command line whose words are separated by spaces; its standard output.
    ///
    /// # Panics
    /// It fails.
    #[track_caller]
    pub fn run(&self, line: &str) -> Vec<u8> {
        let output = self.output(line);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "openssl {line}: {errors}");
        output.stdout
    }

    /// Whether a command line succeeds.
    ///
    /// # Panics
    /// OpenSSL cannot be run.
    pub fn succeeds(&self, line: &str) -> bool {
        self.output(line).status.success()
    }

    /// Writes a file.
    ///
    /// # Panics
    /// It cannot be written.
    pub fn write(&self, name: &str, content: &[u8]) {
        fs::write(self.path().join(name), content).expect("the folder can be written to");
    }

    /// The SubjectPublicKeyInfo of a private key in PEM.
    ///
    /// # Panics
    /// It is not one.
    pub fn public_key_der(&self, private_key: &[u8]) -> Vec<u8> {
        self.write("key.pem", private_key);
        self.run("pkey -in key.pem -pubout -outform DER")
    }

    /// Whether a signature verifies under a SubjectPublicKeyInfo, by an AlgorithmIdentifier.
    ///
    /// # Panics
    /// The key or the algorithm cannot be read.
    pub fn verifies(
        &self,
        spki_der: &[u8],
        algorithm_der: &[u8],
        message: &[u8],
        signature: &[u8],
    ) -> bool {
        self.write("key.der", spki_der);
        self.write("message", message);
        self.write("signature", signature);
        self.run("pkey -pubin -inform DER -in key.der -out public.pem");
        let line = match digest(algorithm_der) {
            None => "pkeyutl -verify -rawin -pubin -inkey public.pem -in message \
                     -sigfile signature"
                .to_owned(),
            Some(digest) => {
                format!("dgst -{digest} -verify public.pem -signature signature message")
            }
        };
        self.succeeds(&line)
    }

    fn output(&self, line: &str) -> Output {
        let output = Command::new("openssl")
            .args(line.split(' '))
            .current_dir(self.path())
            .output();
        output.expect("openssl can be run; install OpenSSL")
    }
}

/// OpenSSL's name of the hash; Ed25519 has its own.
fn digest(algorithm_der: &[u8]) -> Option<&'static str> {
    let algorithm = AlgorithmIdentifierRef::from_der(algorithm_der);
    match algorithm.expect("an AlgorithmIdentifier").oid {
        ECDSA_WITH_SHA_256 | SHA_256_WITH_RSA_ENCRYPTION => Some("sha256"),
        ECDSA_WITH_SHA_384 | SHA_384_WITH_RSA_ENCRYPTION => Some("sha384"),
        ECDSA_WITH_SHA_512 | SHA_512_WITH_RSA_ENCRYPTION => Some("sha512"),
        _ => None,
    }
}
