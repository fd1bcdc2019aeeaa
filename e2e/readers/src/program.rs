//! A program that reads the leaf, the intermediates and the roots of a chain from three files.

use std::fs;
use std::process::Command;

use anyhow::{Result, ensure};
use tempfile::TempDir;

use crate::{Chain, openssl};

/// Checks a chain. The command has the arguments before the files; `who` begins the error.
pub(crate) fn verify(chain: &Chain, mut command: Command, who: &str) -> Result<()> {
    chain.leaf()?;
    let folder = TempDir::new()?;
    let (leaf, intermediates) = chain.certificates.split_at(1);
    for (name, certificates) in [
        ("leaf.pem", leaf),
        ("chain.pem", intermediates),
        ("roots.pem", &chain.roots[..]),
    ] {
        let path = folder.path().join(name);
        fs::write(&path, openssl::pem(certificates)?)?;
        command.arg(path);
    }
    let output = command.output()?;
    let text = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{who}: {text}");
    Ok(())
}
