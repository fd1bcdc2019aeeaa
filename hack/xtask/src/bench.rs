//! `cargo xtask bench`: the benchmark is a program of its own, built for release.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

/// Builds what is needed, runs the benchmark, and lets it print.
pub(crate) fn run(root: &Path) -> Result<()> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    // The control plane's keeper is not measured, so it comes from the usual build.
    let keeper = [
        "build",
        "--quiet",
        "--bins",
        "--package",
        "signet-controlplane",
    ];
    let keeper = Command::new(&cargo).current_dir(root).args(keeper).status();
    ensure!(
        keeper.context("cargo cannot be run")?.success(),
        "the keeper cannot be built"
    );
    let status = Command::new(&cargo)
        .current_dir(root)
        .args(["run", "--quiet", "--release", "--package", "signet-bench"])
        .env(
            "SIGNET_CONTROLPLANE_BIN",
            root.join("target/debug/controlplane"),
        )
        .status()?;
    ensure!(status.success(), "the benchmark failed");
    Ok(())
}
