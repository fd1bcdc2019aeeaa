//! cargo-deny, installed once into the cache of the project's tools.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;
use signet_testbed::cache;

const VERSION: &str = "0.20.2";

/// What installs it, if it is not there yet.
pub(crate) fn installation(root: &Path) -> Result<Option<Command>> {
    let folder = folder()?;
    if program(&folder).is_file() {
        return Ok(None);
    }
    println!(
        "cargo-deny {VERSION} is not in the cache; it is built once, which takes some minutes"
    );
    let mut command = crate::cargo(root);
    command
        .args([
            "install",
            "cargo-deny",
            "--locked",
            "--no-default-features",
            "--version",
        ])
        .arg(format!("={VERSION}"))
        .arg("--root")
        .arg(folder);
    Ok(Some(command))
}

/// What checks the graph against deny.toml. Advisories are not in it: they change without us.
pub(crate) fn check(root: &Path) -> Result<Command> {
    let mut command = Command::new(program(&folder()?));
    command.current_dir(root);
    command.args([
        "--workspace",
        "check",
        "--hide-inclusion-graph",
        "bans",
        "licenses",
        "sources",
    ]);
    Ok(command)
}

fn program(folder: &Path) -> PathBuf {
    folder.join("bin/cargo-deny")
}

fn folder() -> Result<PathBuf> {
    Ok(cache::folder()?.join(format!("cargo-deny-{VERSION}")))
}
