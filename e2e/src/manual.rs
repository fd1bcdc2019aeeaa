//! A person with an offline root, who follows the page on `certificate.manual`.

use std::process::Command;

use anyhow::{Context, Result, ensure};
use signet_testbed::installation::NAMESPACE;
use tempfile::TempDir;

use crate::runtime::blocking;
use crate::{IssuerRef, TestNamespace};

const PAGE: &str = include_str!("../../docs/issuers.md");
/// The name of the ConfigMap in the page.
const CONFIG_MAP: &str = "signet-ca-chain";

/// A folder with an offline root, and the commands of the page.
#[derive(Debug)]
pub struct Person {
    folder: TempDir,
    commands: Vec<String>,
    /// The shell's beginning: how kubectl is called.
    kubectl: String,
}

impl Person {
    /// Creates the root with OpenSSL. In the commands, the issuer, its ConfigMap and the namespace
    /// have other names.
    ///
    /// # Errors
    /// OpenSSL cannot be run, or the page has another form.
    pub async fn new(test: &TestNamespace, issuer: &IssuerRef, config_map: &str) -> Result<Self> {
        let section = PAGE
            .split_once("### `manual`")
            .context("the page has `manual`")?
            .1;
        let section = section.split_once("\n### ").context("it ends")?.0;
        let lines = section.lines().filter_map(|line| line.strip_prefix("    "));
        let is_command = |line: &&str| line.starts_with("kubectl ") || line.starts_with("openssl ");
        let own = |line: &str| {
            line.replace(
                "issuers.signet.dev corp ",
                &format!("issuers.signet.dev {} ", issuer.name),
            )
            .replace(CONFIG_MAP, config_map)
            .replace("signet-system", NAMESPACE)
        };
        let commands: Vec<_> = lines.filter(is_command).map(own).collect();
        ensure!(
            commands.len() == 6,
            "the page has other commands: {commands:?}"
        );
        let command = test.bed().plane().kubectl();
        let environment: String = command
            .get_envs()
            .filter_map(|(name, value)| Some((name.to_str()?, value?.to_str()?)))
            .map(|(name, value)| format!("export {name}='{value}'\n"))
            .collect();
        let program = command.get_program().to_string_lossy();
        let person = Self {
            folder: tempfile::tempdir()?,
            commands,
            kubectl: format!("set -eu\n{environment}kubectl() {{ '{program}' \"$@\"; }}\n"),
        };
        person
            .run(
                "openssl req -x509 -newkey rsa:2048 -nodes -keyout root.key -out root.pem -days 3650 \
                 -subj '/CN=Offline Root' -addext basicConstraints=critical,CA:TRUE \
                 -addext keyUsage=critical,keyCertSign,cRLSign",
            )
            .await?;
        Ok(person)
    }

    /// Gets the CSR from the status, compares its fingerprints and signs it.
    ///
    /// # Errors
    /// A command fails.
    pub async fn sign(&self) -> Result<String> {
        let [get, digest, key_id, sign, ..] = self.commands.as_slice() else {
            unreachable!("there are six")
        };
        let mut output = String::new();
        for command in [get, digest, key_id, sign] {
            output += &self.run(command).await?;
        }
        Ok(output)
    }

    /// Signs the same CSR again.
    ///
    /// # Errors
    /// The command fails.
    pub async fn sign_again(&self) -> Result<()> {
        self.run(&self.commands[3]).await.map(drop)
    }

    /// Puts the chain into the ConfigMap for the first time.
    ///
    /// # Errors
    /// The command fails.
    pub async fn put(&self) -> Result<()> {
        self.run(&self.commands[4]).await.map(drop)
    }

    /// Replaces the chain in the ConfigMap.
    ///
    /// # Errors
    /// The command fails.
    pub async fn replace(&self) -> Result<()> {
        self.run(&self.commands[5]).await.map(drop)
    }

    /// Runs a command in the folder.
    ///
    /// # Errors
    /// It fails.
    pub async fn run(&self, command: &str) -> Result<String> {
        let script = format!("{}{command}\n", self.kubectl);
        let folder = self.folder.path().to_owned();
        let output = blocking(move || {
            let mut shell = Command::new("sh");
            Ok(shell.arg("-c").arg(&script).current_dir(folder).output()?)
        })
        .await?;
        let errors = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{command}: {errors}");
        Ok(String::from_utf8(output.stdout)?)
    }
}
