//! `cargo xtask bench`: the benchmark is a program of its own, built for release.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use clap::{Args, ValueEnum};

/// What `cargo xtask bench` is told.
#[derive(Args, Clone, Debug)]
pub(crate) struct Bench {
    /// What is measured: without a word, Signet beside cert-manager and the ceiling.
    what: Option<What>,
    /// How often everything is measured; the report has the medians.
    #[arg(long, value_name = "NUMBER")]
    rounds: Option<usize>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum What {
    /// Keys that take 20 ms for a signature beside the software key.
    Keys,
}

/// Builds what is needed, runs the benchmark, and lets it print.
pub(crate) fn run(root: &Path, settings: &Bench) -> Result<()> {
    let mut cargo = crate::cargo(root);
    cargo.args(["run", "--release", "--package", "signet-bench", "--"]);
    if let Some(What::Keys) = settings.what {
        cargo.arg("keys");
    }
    if let Some(rounds) = settings.rounds {
        cargo.arg("--rounds").arg(rounds.to_string());
    }
    let status = cargo.status().context("cargo cannot be run")?;
    ensure!(status.success(), "the benchmark failed");
    Ok(())
}
