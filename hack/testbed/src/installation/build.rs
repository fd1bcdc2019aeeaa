//! The programs of this checkout, built before they are run so that none is stale.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result, ensure};
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

/// Builds the operator and the keeper of control planes as the tests have them, in one go: two
/// builds would choose other features of what they share, and each undo the other.
///
/// They are built once in the life of this process: a source that is changed meanwhile must not
/// change the operator between two of its starts.
///
/// # Errors
/// Cargo failed; it has said why.
pub fn build_programs() -> Result<()> {
    static BUILT: Mutex<bool> = Mutex::new(false);
    once(&BUILT, || {
        build(&["--package", "signet", "--package", "signet-testbed"])
    })
}

/// Builds the operator, and the keeper that its life is tied to, and says where the operator is.
///
/// # Errors
/// Cargo failed; it has said why.
pub fn operator_binary(profile: Profile) -> Result<PathBuf> {
    static BUILT: Mutex<bool> = Mutex::new(false);
    build_programs()?;
    if profile == Profile::Release {
        once(&BUILT, || build(&["--release", "--package", "signet"]))?;
    }
    Ok(program("signet", profile))
}

/// Where the keeper is, once it is built.
pub fn keeper() -> PathBuf {
    program("controlplane", Profile::Dev)
}

fn program(name: &str, profile: Profile) -> PathBuf {
    let folder = match profile {
        Profile::Dev => "debug",
        Profile::Release => "release",
    };
    target().join(folder).join(name)
}

fn once(done: &Mutex<bool>, work: impl FnOnce() -> Result<()>) -> Result<()> {
    let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
    if !*done {
        work()?;
        *done = true;
    }
    Ok(())
}

/// It may take minutes, and Cargo says on standard error what it does.
fn build(arguments: &[&str]) -> Result<()> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let status = Command::new(cargo)
        .current_dir(checkout())
        .args(["build", "--bins"])
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status()
        .context("cargo cannot be run")?;
    ensure!(
        status.success(),
        "cargo build --bins {} failed",
        arguments.join(" ")
    );
    Ok(())
}
