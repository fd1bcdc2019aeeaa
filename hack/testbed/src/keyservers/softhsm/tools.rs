//! What an administrator of a token does, by SoftHSM2's and OpenSC's tools. They go past the
//! shim, so faults do not reach them.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use parking_lot::Mutex;

use super::{SoftHsm, spki};
use crate::command::run;

/// Held while a tool runs. While one writes into a token, another may not find the token at all:
/// "No slot with token named …".
static TOOL: Mutex<()> = Mutex::new(());

impl SoftHsm {
    /// Makes a token.
    pub fn init_token(&self, label: &str, so_pin: &str, pin: &str) -> Result<()> {
        let names = ["--label", label, "--so-pin", so_pin, "--pin", pin];
        self.softhsm2_util(&[&["--init-token", "--free"], &names[..]].concat())?;
        Ok(())
    }

    /// The serial number of a token.
    pub fn serial(&self, label: &str) -> Result<String> {
        let text = self.softhsm2_util(&["--show-slots"])?;
        let mut serial = "";
        for line in text.lines() {
            match line.trim().split_once(':') {
                Some(("Serial number", value)) => serial = value.trim(),
                Some(("Label", value)) if value.trim() == label => return Ok(serial.to_owned()),
                _ => {}
            }
        }
        bail!("no token {label}")
    }

    /// Changes the user's PIN.
    pub fn change_pin(&self, token: &str, old: &str, new: &str) -> Result<()> {
        self.pkcs11_tool(token, old, &["--change-pin", "--new-pin", new])?;
        Ok(())
    }

    /// Makes a key pair under a label and an id in hexadecimal digits. The type is OpenSC's:
    /// `EC:prime256v1`, `EC:secp384r1`, `EC:secp521r1`, `EC:edwards25519`, `rsa:2048`, `rsa:3072`
    /// or `rsa:4096`.
    pub fn make_key(
        &self,
        token: &str,
        pin: &str,
        key_type: &str,
        label: &str,
        id: &str,
    ) -> Result<()> {
        let key = ["--keypairgen", "--key-type", key_type];
        let names = ["--label", label, "--id", id];
        self.pkcs11_tool(token, pin, &[&key, &names[..]].concat())?;
        Ok(())
    }

    /// Deletes both halves of a key pair.
    pub fn delete_key(&self, token: &str, pin: &str, label: &str) -> Result<()> {
        for half in ["privkey", "pubkey"] {
            let object = ["--delete-object", "--type", half, "--label", label];
            self.pkcs11_tool(token, pin, &object)?;
        }
        Ok(())
    }

    /// Gives both halves of a key pair another label.
    pub fn relabel(&self, token: &str, pin: &str, old: &str, new: &str) -> Result<()> {
        let mut command = self.tool(&self.relabel);
        command.arg(self.plain_module());
        run(command.args([token, pin, old, new]))?;
        Ok(())
    }

    /// The public half of a key pair: a SubjectPublicKeyInfo in DER.
    pub fn public_key(&self, token: &str, pin: &str, label: &str) -> Result<Vec<u8>> {
        let objects = self.pkcs11_tool(token, pin, &["--list-objects", "--type", "pubkey"])?;
        let named = |object: &&str| spki::field(object, "label").is_some_and(|it| it == label);
        let object = objects.split("Public Key Object").find(named);
        if let Some(public) = spki::elliptic(object.with_context(|| format!("no key {label}"))?)? {
            return Ok(public);
        }
        let file = self.home.join("public.der");
        let path = file.display().to_string();
        let object = ["--read-object", "--type", "pubkey", "--label", label];
        self.pkcs11_tool(
            token,
            pin,
            &[&object[..], &["--output-file", &path]].concat(),
        )?;
        Ok(fs::read(file)?)
    }

    /// OpenSC's pkcs11-tool, logged in to a token; what it prints.
    pub fn pkcs11_tool(&self, token: &str, pin: &str, arguments: &[&str]) -> Result<String> {
        let mut command = self.command("pkcs11-tool");
        command.arg("--module").arg(self.plain_module());
        command.args(["--token-label", token, "--login", "--pin", pin]);
        let _alone = TOOL.lock();
        run(command.args(arguments))
    }

    /// A tool of SoftHSM2 or OpenSC for these tokens, such as `softhsm2-util`, without
    /// arguments. It needs the module, [`Self::plain_module`].
    pub fn command(&self, tool: &str) -> Command {
        self.tool(&self.package.tool(tool))
    }

    fn softhsm2_util(&self, arguments: &[&str]) -> Result<String> {
        let mut command = self.command("softhsm2-util");
        command.arg("--module").arg(self.plain_module());
        let _alone = TOOL.lock();
        run(command.args(arguments))
    }

    fn tool(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        let (name, value) = self.environment();
        command
            .env(name, value)
            .env("LD_LIBRARY_PATH", &self.package.libraries);
        command
    }
}
