//! Programs that are run to their end.

use std::process::Command;

use anyhow::{Context, Result, bail};

/// Lines of standard error that an error has.
const SHOWN_LINES: usize = 20;

/// Runs a command, and returns its standard output.
///
/// # Errors
/// It cannot be run, or it fails. The error has the end of its standard error.
pub fn run(command: &mut Command) -> Result<String> {
    let name = command.get_program().to_owned();
    let output = command
        .output()
        .with_context(|| format!("cannot run {}", name.display()))?;
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stderr);
        let lines: Vec<_> = text.lines().collect();
        let end = lines[lines.len().saturating_sub(SHOWN_LINES)..].join("\n");
        bail!("{} failed:\n{end}", name.display());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
