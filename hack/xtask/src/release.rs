//! `cargo xtask release`: everything that users of a version download, in one folder.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use clap::Args;
use signet_testbed::installation::target;
use signet_testbed::run as output_of;

use crate::image::{Contents, Key, Origin, artifacts, gzip, sha256};
use crate::image::{Node, Tree};

/// The files with checksums, as `sha256sum --check` reads them, and with their signature.
const CHECKSUMS: &str = "SHA256SUMS";
const SIGNATURE: &str = "SHA256SUMS.sig";

/// The arguments of `release`.
#[derive(Args, Debug)]
pub(crate) struct Release {
    #[command(flatten)]
    contents: Contents,
    /// Sign the checksums with the P-256 key in this file (PKCS#8, PEM), for `cosign verify-blob
    /// --key`.
    #[arg(long, value_name = "FILE")]
    sign_key: Option<PathBuf>,
    /// The folder, which is replaced. Default: target/release-set.
    #[arg(long)]
    output: Option<PathBuf>,
}

/// Writes the folder and prints its path.
pub(crate) fn run(root: &Path, settings: &Release) -> Result<()> {
    // Wrong settings are reported before anything is built.
    let key = settings.sign_key.as_deref().map(Key::read).transpose()?;
    let folder = settings.output.clone();
    let folder = folder.unwrap_or_else(|| target().join("release-set"));
    check_replaceable(&folder)?;
    let mut files = files(root, &settings.contents)?;
    files.sort();
    let lines = files.iter().map(|(name, bytes)| {
        let digest = sha256(bytes);
        format!("{digest}  {name}\n")
    });
    let checksums: String = lines.collect();
    if let Some(key) = key {
        let signature = key.sign(checksums.as_bytes())?;
        files.push((SIGNATURE.to_owned(), signature.into_bytes()));
    }
    files.push((CHECKSUMS.to_owned(), checksums.into_bytes()));
    replace(&folder, &files)?;
    println!("{}", folder.display());
    Ok(())
}

/// Names and contents.
fn files(root: &Path, contents: &Contents) -> Result<Vec<(String, Vec<u8>)>> {
    let version = env!("CARGO_PKG_VERSION");
    let time = Origin::of(root)?.seconds()?;
    let artifacts = artifacts(root, contents)?;
    // Below the chart's name, as Helm has it.
    let chart = packed(root, "charts/signet", "signet", time)?;
    let samples = packed(
        root,
        "docs/samples",
        &format!("signet-samples-{version}"),
        time,
    )?;
    let mut files = artifacts.sboms;
    files.extend([
        artifacts.archive,
        (format!("signet-{version}.tgz"), chart),
        (format!("signet-crds-{version}.yaml"), crds(root)?),
        (format!("signet-samples-{version}.tar.gz"), samples),
    ]);
    Ok(files)
}

/// A compressed archive of the files of a folder that are in Git. Helm's own packages have the time
/// at which they were made.
fn packed(root: &Path, folder: &str, name: &str, time: u64) -> Result<Vec<u8>> {
    let mut tree = Tree::default();
    for path in listed(root, folder)? {
        let bytes = read(root, &path)?;
        let below = path.strip_prefix(folder).context("a file elsewhere")?;
        tree.insert(format!("{name}{below}"), Node::file(bytes, 0o644, time));
    }
    gzip(&tree.tar()?)
}

fn crds(root: &Path) -> Result<Vec<u8>> {
    let mut all = Vec::new();
    for path in listed(root, "crds")? {
        all.extend_from_slice(b"---\n");
        all.extend(read(root, &path)?);
    }
    Ok(all)
}

fn listed(root: &Path, folder: &str) -> Result<Vec<String>> {
    let mut git = Command::new("git");
    let text = output_of(git.arg("-C").arg(root).args(["ls-files", "--", folder]))?;
    let paths: Vec<_> = text.lines().map(str::to_owned).collect();
    ensure!(!paths.is_empty(), "{folder} has no files");
    Ok(paths)
}

fn read(root: &Path, path: &str) -> Result<Vec<u8>> {
    fs::read(root.join(path)).with_context(|| format!("cannot read {path}"))
}

/// A folder with other files is not a release, and stays.
fn check_replaceable(folder: &Path) -> Result<()> {
    if !folder.exists() || folder.join(CHECKSUMS).exists() {
        return Ok(());
    }
    let is_empty = fs::read_dir(folder)?.next().is_none();
    ensure!(
        is_empty,
        "{} is not empty, and not a release; choose another folder",
        folder.display()
    );
    Ok(())
}

fn replace(folder: &Path, files: &[(String, Vec<u8>)]) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    for (name, bytes) in files {
        fs::write(folder.join(name), bytes).with_context(|| format!("cannot write {name}"))?;
    }
    Ok(())
}
