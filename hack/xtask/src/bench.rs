//! `cargo xtask bench`: the benchmark is a program by itself, built for release.

use anyhow::{Context, Result, ensure};
use clap::Args;
use signet_testbed::installation::cargo;

/// The arguments of `bench`.
#[derive(Args, Clone, Debug)]
#[command(disable_help_flag = true)]
pub(crate) struct Bench {
    /// `keys`, `rules`, `backlog`, `memory`, or nothing for Signet beside cert-manager and the ceiling; `--rounds NUMBER`.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

/// Builds and runs the benchmark, and lets it print.
pub(crate) fn run(settings: &Bench) -> Result<()> {
    let mut cargo = cargo();
    cargo.args(["run", "--release", "--package", "signet-bench", "--"]);
    let status = cargo.args(&settings.arguments).status();
    let status = status.context("cargo cannot be run")?;
    ensure!(status.success(), "the benchmark failed");
    Ok(())
}
