//! The openssl binary, as an independent reader.

use std::fs;
use std::process::{Command, Output};

use signet_core::x509::algorithm::{KeyAlgorithm, SignatureAlgorithm};
use tempfile::TempDir;

/// A temporary folder to run openssl in.
pub(crate) struct OpenSsl(TempDir);

impl OpenSsl {
    pub(crate) fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    /// Runs a command line whose words are parted by spaces, and gives what it wrote to stdout.
    pub(crate) fn run(&self, line: &str) -> Vec<u8> {
        let output = self.output(line);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "openssl {line}: {stderr}");
        output.stdout
    }

    pub(crate) fn write(&self, name: &str, content: &[u8]) {
        fs::write(self.0.path().join(name), content).unwrap();
    }

    /// The SubjectPublicKeyInfo of a private key in PEM.
    pub(crate) fn public_key_der(&self, private_key: &[u8]) -> Vec<u8> {
        self.write("key.pem", private_key);
        self.run("pkey -in key.pem -pubout -outform DER")
    }

    /// Whether the signature verifies.
    pub(crate) fn verifies(
        &self,
        (key, spki_der): (KeyAlgorithm, &[u8]),
        algorithm: SignatureAlgorithm,
        message: &[u8],
        signature: &[u8],
    ) -> bool {
        self.write("key.der", spki_der);
        self.write("message", message);
        self.write("signature", signature);
        self.run("pkey -pubin -inform DER -in key.der -out public.pem");
        let line = match (key, digest(algorithm)) {
            (KeyAlgorithm::Ed25519, _) => {
                "pkeyutl -verify -rawin -pubin -inkey public.pem -in message -sigfile signature"
                    .to_owned()
            }
            (_, digest) => {
                format!("dgst -{digest} -verify public.pem -signature signature message")
            }
        };
        self.output(&line).status.success()
    }

    fn output(&self, line: &str) -> Output {
        let output = Command::new("openssl")
            .args(line.split(' '))
            .current_dir(self.0.path())
            .output();
        output.expect("the openssl binary is needed")
    }
}

fn digest(algorithm: SignatureAlgorithm) -> &'static str {
    match algorithm {
        SignatureAlgorithm::EcdsaSha256 | SignatureAlgorithm::RsaPkcs1Sha256 => "sha256",
        SignatureAlgorithm::EcdsaSha384 | SignatureAlgorithm::RsaPkcs1Sha384 => "sha384",
        SignatureAlgorithm::EcdsaSha512 | SignatureAlgorithm::RsaPkcs1Sha512 => "sha512",
        SignatureAlgorithm::Ed25519 => "",
    }
}
