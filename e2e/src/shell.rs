//! A shell in a folder of its own, with kubectl, as a person would use it.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use signet_testbed::wait::MAX_TEST;
use tempfile::TempDir;

use crate::Bed;
use crate::runtime::blocking;

pub(crate) const REPOSITORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
const SAMPLES: [&str; 2] = ["docs/samples", "docs/meshes"];

/// Replaces texts, in their order.
pub(crate) fn vary(text: String, variant: &[(&str, &str)]) -> String {
    let replace = |text: String, (from, to): &(&str, &str)| text.replace(from, to);
    variant.iter().fold(text, replace)
}

/// A folder, and how kubectl is called in it.
#[derive(Debug)]
pub struct Shell {
    folder: TempDir,
    preamble: String,
}

impl Shell {
    /// Returns a shell whose kubectl is the administrator's.
    ///
    /// # Errors
    /// There is no folder for it.
    pub fn new(bed: &Bed) -> Result<Self> {
        let command = bed.plane().kubectl();
        let environment: String = command
            .get_envs()
            .filter_map(|(name, value)| Some((name.to_str()?, value?.to_str()?)))
            .map(|(name, value)| format!("export {name}='{value}'\n"))
            .collect();
        let program = command.get_program().to_string_lossy();
        Ok(Self {
            folder: tempfile::tempdir()?,
            preamble: format!("set -eu\n{environment}kubectl() {{ '{program}' \"$@\"; }}\n"),
        })
    }

    /// The folder that commands run in.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Puts the samples of the docs where a clone of the repository has them. `variant` replaces
    /// texts of them.
    ///
    /// # Errors
    /// They cannot be copied.
    pub fn put_samples(&self, variant: &[(&str, &str)]) -> Result<()> {
        for folder in SAMPLES {
            let samples = self.folder().join(folder);
            fs::create_dir_all(&samples)?;
            for entry in fs::read_dir(Path::new(REPOSITORY).join(folder))? {
                let entry = entry?;
                let sample = vary(fs::read_to_string(entry.path())?, variant);
                fs::write(samples.join(entry.file_name()), sample)?;
            }
        }
        Ok(())
    }

    /// Applies YAML.
    ///
    /// # Errors
    /// kubectl fails.
    pub async fn apply(&self, yaml: &str) -> Result<()> {
        fs::write(self.folder().join("object.yaml"), yaml)?;
        self.run("kubectl apply -f object.yaml").await.map(drop)
    }

    /// Lets commands call this one by a name, with its environment.
    #[must_use]
    pub fn with(mut self, name: &str, command: &Command) -> Self {
        let environment = command.get_envs();
        let environment = environment.filter_map(|(name, value)| Some((name.to_str()?, value?)));
        let environment: String = environment
            .map(|(name, value)| format!("{name}='{}' ", value.to_string_lossy()))
            .collect();
        let words = std::iter::once(command.get_program()).chain(command.get_args());
        let words: String = words
            .map(|word| format!("'{}' ", word.to_string_lossy()))
            .collect();
        self.preamble += &format!("{name}() {{ env {environment}{words}\"$@\"; }}\n");
        self
    }

    /// Puts a program on the path of commands, under its own name. It may run on after a command, but
    /// not longer than a test may take.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn with_program(mut self, program: &Path) -> Result<Self> {
        let folder = self.folder().join("programs");
        fs::create_dir_all(&folder)?;
        let name = program.file_name().context("a program has a name")?;
        let (script, limit) = (folder.join(name), MAX_TEST.as_secs());
        let text = format!(
            "#!/bin/sh\nexec timeout -k 30 {limit} '{}' \"$@\"\n",
            program.display()
        );
        fs::write(&script, text)?;
        fs::set_permissions(&script, Permissions::from_mode(0o755))?;
        self.preamble += &format!("export PATH='{}':\"$PATH\"\n", folder.display());
        Ok(self)
    }

    /// Runs commands and returns what they print.
    ///
    /// # Errors
    /// One fails; the error has its output.
    pub async fn run(&self, commands: &str) -> Result<String> {
        let script = format!("{}{commands}\n", self.preamble);
        let folder = self.folder().to_owned();
        let output = blocking(move || {
            let mut shell = Command::new("sh");
            Ok(shell.arg("-c").arg(&script).current_dir(folder).output()?)
        })
        .await?;
        let errors = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{commands}: {errors}");
        Ok(String::from_utf8(output.stdout)?)
    }
}
