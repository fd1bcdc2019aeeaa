//! `cargo xtask soak`: the soak is a program by itself.

use std::process::Command;

use anyhow::{Context, Result, ensure};
use clap::Args;
use signet_testbed::installation::{cargo, target};

/// The arguments of `soak`.
#[derive(Args, Clone, Debug)]
#[command(disable_help_flag = true)]
pub(crate) struct Soak {
    /// `--mesh istio`, `--short`, `--handshakes NUMBER`, `--rotations NUMBER`, `--rate NUMBER`, or
    /// nothing.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

/// Builds and runs the soak, and lets it print.
pub(crate) fn run(settings: &Soak) -> Result<()> {
    // For the whole workspace, so that it shares what the tests have built.
    let mut build = cargo();
    build.args(["build", "--workspace", "--bin", "signet-soak"]);
    let built = build.status().context("cargo cannot be run")?;
    ensure!(built.success(), "the soak cannot be built");
    let mut soak = Command::new(target().join("debug/signet-soak"));
    let status = soak.args(&settings.arguments).status();
    let status = status.context("the soak cannot be run")?;
    ensure!(status.success(), "the soak failed");
    Ok(())
}
