//! `cargo xtask release`: everything that users of a version download, in one folder.

mod folder;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use clap::Args;
use signet_testbed::installation::target;
use signet_testbed::run as output_of;

use crate::image::{Contents, Key, Origin, artifacts, gzip, sha256};
use crate::image::{Node, Tree};
use folder::{CHECKSUMS, SIGNATURE};

/// The arguments of `release`.
#[derive(Args, Debug)]
pub(crate) struct Release {
    #[command(flatten)]
    contents: Contents,
    /// Sign the checksums with the P-256 key in this file (PKCS#8, PEM), for `cosign verify-blob
    /// --key`.
    #[arg(long, value_name = "FILE")]
    sign_key: Option<PathBuf>,
    /// Make it of a checkout with changes, too.
    #[arg(long)]
    allow_dirty: bool,
    /// The folder. A release in it is replaced. Default: target/release-set.
    #[arg(long)]
    output: Option<PathBuf>,
}

/// Writes the folder and prints its path.
pub(crate) fn run(root: &Path, settings: &Release) -> Result<()> {
    // Wrong settings are reported before anything is built.
    let key = settings.sign_key.as_deref().map(Key::read).transpose()?;
    let folder = settings.output.clone();
    let folder = folder.unwrap_or_else(|| target().join("release-set"));
    folder::replaceable(&folder)?;
    if !settings.allow_dirty {
        check_clean(root)?;
    }
    let before = Origin::of(root)?.revision;
    let mut files = files(root, &settings.contents.of_release())?;
    check_same(&before, &Origin::of(root)?.revision)?;
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
    folder::replace(&folder, &files)?;
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

/// What users download is made of a commit, which its label names.
fn check_clean(root: &Path) -> Result<()> {
    let revision = Origin::of(root)?.revision;
    ensure!(
        !revision.ends_with("-dirty"),
        "{revision}: a release is made of a commit; commit or undo the changes, or use --allow-dirty"
    );
    Ok(())
}

/// The files are read while the checkout may be worked on.
fn check_same(before: &str, after: &str) -> Result<()> {
    ensure!(
        before == after,
        "the checkout was at {before} when the release was begun, and is at {after} now; try again, and \
         change nothing meanwhile, or use a worktree of its own"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rejects_a_checkout_that_changes_meanwhile() {
        check_same("1a2b", "1a2b").unwrap();
        check_same("1a2b", "1a2b-dirty").unwrap_err();
    }

    #[test]
    fn rejects_a_checkout_with_changes() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let git = |arguments: &[&str]| {
            let mut git = Command::new("git");
            git.args(["-c", "user.name=test", "-c", "user.email=test@example.org"]);
            output_of(git.arg("-C").arg(root).args(arguments)).unwrap()
        };
        git(&["init", "--quiet"]);
        fs::write(root.join("file"), "committed").unwrap();
        git(&["add", "file"]);
        git(&["commit", "--quiet", "--no-gpg-sign", "--message=test"]);
        check_clean(root).unwrap();
        fs::write(root.join("file"), "changed").unwrap();
        let error = check_clean(root).unwrap_err();
        assert!(error.to_string().contains("--allow-dirty"), "{error}");
    }
}
