//! The operator of this checkout, built before it is run so that it is never stale.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

/// How a program is built.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Profile {
    /// Fast to build.
    #[default]
    Dev,
    /// Fast to run.
    Release,
}

/// The root of this checkout.
pub fn checkout() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_owned()
}

/// Where Cargo puts what it builds here.
pub fn target() -> PathBuf {
    let chosen = ["CARGO_TARGET_DIR", "CARGO_BUILD_TARGET_DIR"]
        .into_iter()
        .find_map(|name| env::var_os(name).filter(|value| !value.is_empty()));
    // A relative one counts from where Cargo runs, which is the checkout.
    checkout().join(chosen.unwrap_or_else(|| "target".into()))
}

/// Builds the operator and returns where it is. By itself, so that no test's dependency adds a
/// feature to it, and once in the life of this process: a source that changes meanwhile must not
/// change the operator between two of its starts.
///
/// # Errors
/// Cargo failed; its error is on standard error.
pub fn operator_binary(profile: Profile) -> Result<PathBuf> {
    static BUILT: Mutex<Vec<Profile>> = Mutex::new(Vec::new());
    let mut built = BUILT.lock();
    let (flags, folder): (&[&str], _) = match profile {
        Profile::Dev => (&[], "debug"),
        Profile::Release => (&["--release"], "release"),
    };
    if !built.contains(&profile) {
        build(flags)?;
        built.push(profile);
    }
    Ok(target().join(folder).join("signet"))
}

/// It may take minutes, and Cargo reports its progress on standard error.
fn build(arguments: &[&str]) -> Result<()> {
    let status = cargo()
        .args(["build", "--package", "signet", "--bins"])
        .args(arguments)
        // Build scripts watch it, and a test that dates an image would have all built again.
        .env_remove("SOURCE_DATE_EPOCH")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status()
        .context("cannot run cargo")?;
    ensure!(status.success(), "cargo build --package signet failed");
    Ok(())
}

/// Cargo at the root of this checkout: the one that runs this process, if one does.
pub fn cargo() -> Command {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(checkout());
    cargo
}
