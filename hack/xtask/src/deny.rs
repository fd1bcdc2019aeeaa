//! cargo-deny, installed once into the cache of the project's tools.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

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

/// Beside the control plane's programs, by the same rule.
fn folder() -> Result<PathBuf> {
    let variable = |name| {
        env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    let cache = variable("SIGNET_CACHE")
        .or_else(|| Some(variable("XDG_CACHE_HOME")?.join("signet")))
        .or_else(|| Some(env::home_dir()?.join(".cache/signet")));
    let cache = cache.context("set SIGNET_CACHE, as there is no home folder")?;
    Ok(std::path::absolute(cache)?.join(format!("cargo-deny-{VERSION}")))
}
