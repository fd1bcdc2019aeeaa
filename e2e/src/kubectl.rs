//! kubectl, as a person would use it.

use anyhow::{Context, Result, ensure};

use crate::Bed;
use crate::runtime::blocking;

impl Bed {
    /// Runs kubectl as the administrator and returns what it prints.
    ///
    /// # Errors
    /// It fails; the error has its output.
    pub async fn kubectl(&self, arguments: &[&str]) -> Result<String> {
        let mut command = self.plane().kubectl();
        command.args(arguments);
        let output = blocking(move || command.output().context("kubectl cannot be run")).await?;
        let errors = String::from_utf8_lossy(&output.stderr);
        ensure!(
            output.status.success(),
            "kubectl {}: {errors}",
            arguments.join(" ")
        );
        Ok(String::from_utf8(output.stdout)?)
    }
}
