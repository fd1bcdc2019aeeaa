//! `cargo xtask bench`: the benchmark is a program of its own, built for release.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use signet_installation::{build_programs, keeper};

/// Builds what is needed, runs the benchmark, and lets it print.
pub(crate) fn run(root: &Path) -> Result<()> {
    // The control plane's keeper is not measured, so it comes from the usual build.
    build_programs()?;
    let status = crate::cargo(root)
        .args(["run", "--release", "--package", "signet-bench"])
        .env("SIGNET_CONTROLPLANE_BIN", keeper())
        .status()
        .context("cargo cannot be run")?;
    ensure!(status.success(), "the benchmark failed");
    Ok(())
}
