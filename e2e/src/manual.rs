//! A person with an offline root, who follows the page on `certificate.manual`.

use anyhow::{Result, ensure};
use signet_testbed::installation::NAMESPACE;

use crate::shell::Shell;
use crate::{IssuerRef, TestNamespace};

const PAGE: &str = include_str!("../../docs/sources/manual.md");
/// The name of the ConfigMap in the page.
const CONFIG_MAP: &str = "signet-ca-chain";

/// A folder with an offline root, and the commands of the page.
#[derive(Debug)]
pub struct Person {
    shell: Shell,
    commands: Vec<String>,
}

impl Person {
    /// Creates the root with OpenSSL. In the commands, the issuer, its ConfigMap and the namespace
    /// have other names.
    ///
    /// # Errors
    /// OpenSSL cannot be run, or the page has another form.
    pub async fn new(test: &TestNamespace, issuer: &IssuerRef, config_map: &str) -> Result<Self> {
        let lines = PAGE.lines().filter_map(|line| line.strip_prefix("    "));
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
        let shell = Shell::new(test.bed())?;
        let person = Self { shell, commands };
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
        self.shell.run(command).await
    }
}
