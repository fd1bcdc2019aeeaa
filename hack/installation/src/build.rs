//! The programs of this checkout, built before they are run so that none is stale.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

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

/// Builds the operator, and the keeper that its life is tied to, and says where the operator is.
///
/// # Errors
/// Cargo failed; it has said why.
pub fn operator_binary(profile: Profile) -> Result<PathBuf> {
    build("signet", profile)?;
    build("signet-controlplane", Profile::Dev)?;
    Ok(program("signet", profile))
}

pub(crate) fn program(name: &str, profile: Profile) -> PathBuf {
    let folder = match profile {
        Profile::Dev => "debug",
        Profile::Release => "release",
    };
    target().join(folder).join(name)
}

fn target() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| checkout().join("target"), PathBuf::from)
}

fn build(package: &str, profile: Profile) -> Result<()> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let mut command = Command::new(cargo);
    command
        .current_dir(checkout())
        .args(["build", "--quiet", "--bins", "--package", package]);
    if profile == Profile::Release {
        command.arg("--release");
    }
    let status = command.status().context("cargo cannot be run")?;
    ensure!(status.success(), "cargo could not build {package}");
    Ok(())
}
