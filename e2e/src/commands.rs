//! The commands of the program besides `signet run`, as a person would use them.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use anyhow::{Context, Result};
use serde_json::Value;
use signet_testbed::Proxy;
use signet_testbed::controlplane::kubeconfig;
use signet_testbed::installation::{Profile, operator_binary};

use crate::Bed;
use crate::runtime::blocking;

/// What a command printed, and its exit code.
#[derive(Clone, Debug)]
pub struct Printed {
    /// The exit code.
    pub code: i32,
    /// The standard output.
    pub text: String,
    /// The standard error.
    pub errors: String,
}

impl Printed {
    /// The standard output of a command with `-o json`.
    ///
    /// # Errors
    /// It is not JSON.
    pub fn json(&self) -> Result<Value> {
        serde_json::from_str(&self.text).with_context(|| format!("{self:?}"))
    }
}

impl Bed {
    /// Runs a command of the program as the administrator.
    ///
    /// # Errors
    /// It cannot be run.
    pub async fn signet(&self, arguments: &[&str]) -> Result<Printed> {
        self.signet_as(self.plane().kubeconfig(), arguments).await
    }

    /// Runs a command of the program as the user of a kubeconfig.
    ///
    /// # Errors
    /// It cannot be run.
    pub async fn signet_as(&self, kubeconfig: &Path, arguments: &[&str]) -> Result<Printed> {
        let mut command = Command::new(operator_binary(Profile::Dev)?);
        command.args(arguments).env("KUBECONFIG", kubeconfig);
        printed(command).await
    }

    /// Runs a command of the program as the user of a kubeconfig with a token, through a proxy.
    ///
    /// # Errors
    /// It cannot be run.
    pub async fn signet_through(
        &self,
        proxy: &Proxy,
        kubeconfig: &Path,
        arguments: &[&str],
    ) -> Result<Printed> {
        let name = format!("through-{}", proxy.port());
        let path = kubeconfig::through(kubeconfig, &name, &proxy.address(), proxy.ca_pem())?;
        self.signet_as(&path, arguments).await
    }

    /// Runs kubectl as the administrator, with a plugin: the program under this name.
    ///
    /// # Errors
    /// It cannot be run.
    pub async fn kubectl_with_plugin(&self, plugin: &str, arguments: &[&str]) -> Result<Printed> {
        let folder = tempfile::tempdir()?;
        let program = operator_binary(Profile::Dev)?;
        std::os::unix::fs::symlink(program, folder.path().join(plugin))?;
        let mut command = self.plane().kubectl();
        command.args(arguments).env("PATH", folder.path());
        printed(command).await
    }
}

async fn printed(mut command: Command) -> Result<Printed> {
    let run = move || {
        let output = command.stdin(Stdio::null()).output();
        output.with_context(|| format!("{command:?} cannot be run"))
    };
    let Output {
        status,
        stdout,
        stderr,
    } = blocking(run).await?;
    Ok(Printed {
        code: status.code().context("a signal ended it")?,
        text: String::from_utf8(stdout)?,
        errors: String::from_utf8(stderr)?,
    })
}
