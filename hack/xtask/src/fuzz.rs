//! `cargo xtask fuzz`: libFuzzer on the readers of untrusted input, built by the stable compiler.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use signet_testbed::installation::cargo;

/// What cargo-fuzz passes for libFuzzer's coverage. Without AddressSanitizer, which needs a
/// nightly compiler and which safe code does not need.
const RUSTFLAGS: &str = "--cfg fuzzing \
    -Cpasses=sancov-module \
    -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares \
    -Ccodegen-units=1 \
    -Cdebug-assertions";
/// The limit of a long run without flags, per target.
const DEFAULT_LIMIT: &str = "-max_total_time=300";

/// The arguments of `fuzz`.
#[derive(Args, Debug)]
pub(crate) struct Fuzz {
    /// A file of fuzz/targets, without its extension. Default: all of them.
    target: Option<String>,
    /// Run each target on a fixed number of inputs, the same each time, as `test` does.
    #[arg(long, conflicts_with = "flags")]
    short: bool,
    /// Flags of libFuzzer, such as -runs=1000000 or -max_total_time=3600, or a file to run once.
    /// Default: five minutes for each target.
    #[arg(last = true)]
    flags: Vec<String>,
}

/// Builds the targets and runs them until the flags end them or one has a finding.
pub(crate) fn run(root: &Path, settings: &Fuzz) -> Result<()> {
    let targets = match &settings.target {
        Some(target) => vec![target.clone()],
        None => targets(root)?,
    };
    let host = host()?;
    complete(build(root, &host))?;
    for target in targets {
        complete(if settings.short {
            short(root, &host, &target)?
        } else {
            long(root, &host, &target, &settings.flags)?
        })?;
    }
    Ok(())
}

/// Uses nothing of an earlier run, and keeps only findings.
fn short(root: &Path, host: &str, target: &str) -> Result<Command> {
    let scratch = output(root).join("short").join(target);
    if scratch.exists() {
        fs::remove_dir_all(&scratch)?;
    }
    let mut command = program(root, host, target, &scratch)?;
    command.arg(format!("-runs={}", short_runs(target)));
    command.args(["-seed=1", "-print_final_stats=1", "-verbosity=0"]);
    Ok(command)
}

/// About a quarter of a minute each.
fn short_runs(target: &str) -> u32 {
    match target {
        "chain" => 120_000,
        "request" => 400_000,
        "spiffe_id" => 3_000_000,
        _ => 1_000_000,
    }
}

/// Keeps what it finds in a separate corpus, from one run to the next.
fn long(root: &Path, host: &str, target: &str, flags: &[String]) -> Result<Command> {
    if flags.iter().any(|flag| !flag.starts_with('-')) {
        let mut command = Command::new(path(root, host, target)?);
        command.args(flags);
        return Ok(command);
    }
    let corpus = output(root).join("corpus").join(target);
    let mut command = program(root, host, target, &corpus)?;
    if flags.is_empty() {
        command.arg(DEFAULT_LIMIT);
    }
    command.args(flags);
    Ok(command)
}

/// A target with its seeds; what it adds to them goes to `corpus`.
fn program(root: &Path, host: &str, target: &str, corpus: &Path) -> Result<Command> {
    let findings = output(root).join("findings").join(target);
    fs::create_dir_all(corpus)?;
    fs::create_dir_all(&findings)?;
    let mut command = Command::new(path(root, host, target)?);
    command.current_dir(root);
    command.arg(format!("-artifact_prefix={}/", findings.display()));
    command
        .arg(corpus)
        .arg(root.join("fuzz/corpus").join(target));
    Ok(command)
}

fn path(root: &Path, host: &str, target: &str) -> Result<PathBuf> {
    let known = targets(root)?;
    ensure!(
        known.iter().any(|it| it == target),
        "fuzz target {target} does not exist; choose one of {}",
        known.join(", ")
    );
    Ok(output(root).join(host).join("release").join(target))
}

/// The target triple keeps the flags out of build scripts and procedural macros.
fn build(root: &Path, host: &str) -> Command {
    let mut cargo = cargo();
    cargo.args(["build", "--locked", "--release", "--bins", "--target", host]);
    cargo.args(["--manifest-path", "fuzz/Cargo.toml"]);
    cargo.arg("--target-dir").arg(output(root));
    cargo.env("RUSTFLAGS", RUSTFLAGS);
    cargo
}

fn output(root: &Path) -> PathBuf {
    root.join("fuzz/target")
}

fn targets(root: &Path) -> Result<Vec<String>> {
    let folder = root.join("fuzz/targets");
    let mut targets = Vec::new();
    for entry in
        fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))?
    {
        let path = entry?.path();
        targets.extend(
            path.file_stem()
                .map(|name| name.to_string_lossy().into_owned()),
        );
    }
    targets.sort();
    Ok(targets)
}

fn host() -> Result<String> {
    let text = signet_testbed::run(Command::new("rustc").arg("-vV"))?;
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("rustc does not print its host")?.to_owned())
}

fn complete(mut command: Command) -> Result<()> {
    let program = command.get_program().to_string_lossy().into_owned();
    let status = command
        .status()
        .with_context(|| format!("cannot run {program}"))?;
    if !status.success() {
        bail!("{program} failed; run a finding again with: cargo xtask fuzz TARGET -- FILE");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use signet_testbed::installation::checkout;

    use super::*;

    #[test]
    fn every_target_is_built_and_has_seeds() {
        let root = checkout();
        let manifest = fs::read_to_string(root.join("fuzz/Cargo.toml")).unwrap();
        let targets = targets(&root).unwrap();
        assert!(!targets.is_empty());
        for target in targets {
            assert!(
                manifest.contains(&format!("path = \"targets/{target}.rs\"")),
                "{target}"
            );
            let mut seeds = fs::read_dir(root.join("fuzz/corpus").join(&target)).unwrap();
            assert!(seeds.next().is_some(), "{target}");
        }
    }

    /// What is fuzzed is what the product is built from.
    #[test]
    fn the_lock_file_has_the_versions_of_the_product() {
        let root = checkout();
        let packages = |path: &str| {
            let lock = fs::read_to_string(root.join(path)).unwrap();
            let entries = lock.split("[[package]]").skip(1);
            let lines = entries.map(|entry| entry.trim().lines().take(2).collect::<Vec<_>>());
            let pairs = lines.map(|pair| (pair[0].to_owned(), pair[1].to_owned()));
            pairs.collect::<Vec<_>>()
        };
        let product = packages("Cargo.lock");
        for (name, version) in packages("fuzz/Cargo.lock") {
            let mut versions = product.iter().filter(|(it, _)| *it == name).peekable();
            let known = versions.peek().is_some();
            assert!(
                !known || versions.any(|(_, it)| *it == version),
                "{name} {version}: run cargo update --precise in fuzz/"
            );
        }
    }

    #[test]
    fn rejects_a_target_that_does_not_exist() {
        let error = path(&checkout(), "host", "crs").unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("fuzz target crs does not exist; choose one of")
        );
    }
}
