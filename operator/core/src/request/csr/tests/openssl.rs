//! Fixtures by the openssl binary, for what no Rust library makes.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a test makes its fixtures in a temporary folder"
)]

use std::fs;
use std::process::Command;

use tempfile::TempDir;

/// A temporary folder to run openssl in.
pub(super) struct OpenSsl(TempDir);

impl OpenSsl {
    pub(super) fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    /// Makes a private key with the arguments of `openssl genpkey`, and calls it so.
    pub(super) fn key(&self, name: &str, genpkey: &[&str]) {
        self.run(&[&["genpkey", "-out", name], genpkey].concat());
    }

    /// Makes a CSR in PEM for the key, with further arguments of `openssl req`.
    pub(super) fn csr(&self, key: &str, req: &[&str]) -> Vec<u8> {
        self.csr_with(key, "", req)
    }

    /// As [`Self::csr`], with the lines of an extension section.
    pub(super) fn csr_with(&self, key: &str, extensions: &str, req: &[&str]) -> Vec<u8> {
        let reqext = if extensions.is_empty() {
            ""
        } else {
            "req_extensions = ext"
        };
        let config = format!(
            "[req]\ndistinguished_name = dn\nprompt = no\nutf8 = yes\n{reqext}\n\
             [dn]\nCN = name\n[ext]\n{extensions}\n"
        );
        fs::write(self.0.path().join("req.cnf"), config).unwrap();
        let fixed = [
            "req", "-new", "-batch", "-config", "req.cnf", "-key", key, "-out", "csr.pem",
        ];
        self.run(&[&fixed, req].concat());
        fs::read(self.0.path().join("csr.pem")).unwrap()
    }

    /// Returns the SubjectPublicKeyInfo of a key, in DER.
    pub(super) fn public_key(&self, key: &str) -> Vec<u8> {
        self.run(&[
            "pkey", "-in", key, "-pubout", "-outform", "DER", "-out", "spki.der",
        ]);
        fs::read(self.0.path().join("spki.der")).unwrap()
    }

    /// Signs a message, with further arguments of `openssl pkeyutl`.
    pub(super) fn sign(&self, key: &str, message: &[u8], pkeyutl: &[&str]) -> Vec<u8> {
        fs::write(self.0.path().join("message"), message).unwrap();
        let fixed = [
            "pkeyutl",
            "-sign",
            "-rawin",
            "-in",
            "message",
            "-inkey",
            key,
            "-out",
            "signature",
        ];
        self.run(&[&fixed, pkeyutl].concat());
        fs::read(self.0.path().join("signature")).unwrap()
    }

    fn run(&self, args: &[&str]) {
        let output = Command::new("openssl")
            .args(args)
            .current_dir(self.0.path())
            .output();
        let output = output.expect("the openssl binary is needed to make fixtures");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success(),
            "openssl {}: {stderr}",
            args.join(" ")
        );
    }
}

pub(super) const P256: &[&str] = &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"];
pub(super) const RSA_2048: &[&str] = &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"];
