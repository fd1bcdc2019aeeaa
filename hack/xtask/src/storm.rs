//! `cargo xtask storm`: the long form of the tests in which servers are killed at random.

use anyhow::{Context, Result, ensure};
use clap::Args;
use signet_testbed::installation::cargo;

/// The arguments of `storm`.
#[derive(Args, Clone, Debug)]
#[command(disable_help_flag = true)]
pub(crate) struct Storm {
    /// Part of a test's name, such as `etcd`, or nothing.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

/// Runs the tests of the tier `e2e` in their long form.
pub(crate) fn run(settings: &Storm) -> Result<()> {
    let mut test = cargo();
    test.args(["test", "--workspace", "--test", "e2e", "--"]);
    let status = test
        .args(&settings.arguments)
        .env("SIGNET_STORM", "1")
        .status();
    let status = status.context("cargo cannot be run")?;
    ensure!(status.success(), "the storm failed");
    Ok(())
}
