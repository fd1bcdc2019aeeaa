//! The folder of a release, which the next one replaces.

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

/// The files with checksums, as `sha256sum --check` reads them, and with their signature.
pub(super) const CHECKSUMS: &str = "SHA256SUMS";
pub(super) const SIGNATURE: &str = "SHA256SUMS.sig";
/// What the name of each file with a checksum begins with.
const PREFIX: &str = "signet-";

/// Returns the files of the release that is in a folder; none if there is no folder, or it is empty.
///
/// # Errors
/// Something else is in the folder: it is not a release, or has files of a user.
pub(super) fn replaceable(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.with_context(|| format!("cannot read {}", folder.display()))?,
    };
    let own = of_release(folder)?;
    let mut paths = Vec::new();
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        let is_own = name.to_str().is_some_and(|name| own.contains(name));
        ensure!(
            is_own && entry.file_type()?.is_file(),
            "{} is not of a release; choose another folder, or an empty one",
            entry.path().display()
        );
        paths.push(entry.path());
    }
    Ok(paths)
}

/// The names of the files of a release, by its checksums.
fn of_release(folder: &Path) -> Result<BTreeSet<String>> {
    let path = folder.join(CHECKSUMS);
    let sums = match fs::read_to_string(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(BTreeSet::new()),
        sums => sums.with_context(|| format!("cannot read {}", path.display()))?,
    };
    let listed = sums
        .lines()
        .filter_map(|line| Some(line.split_once("  ")?.1));
    let listed = listed.filter(|name| name.starts_with(PREFIX));
    Ok(listed
        .chain([CHECKSUMS, SIGNATURE])
        .map(str::to_owned)
        .collect())
}

/// Writes a release. `files` are names and contents. The checksums come first and are removed last,
/// so that a folder that was not finished can be replaced.
///
/// # Errors
/// Those of [`replaceable`], or a file cannot be written.
pub(super) fn replace(folder: &Path, files: &[(String, Vec<u8>)]) -> Result<()> {
    let mut earlier = replaceable(folder)?;
    earlier.sort_by_key(|path| path.ends_with(CHECKSUMS));
    for path in earlier {
        fs::remove_file(&path).with_context(|| format!("cannot remove {}", path.display()))?;
    }
    fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let is_checksums = |(name, _): &&(String, Vec<u8>)| name == CHECKSUMS;
    let checksums = files.iter().filter(is_checksums);
    let others = files.iter().filter(|file| !is_checksums(file));
    for (name, bytes) in checksums.chain(others) {
        fs::write(folder.join(name), bytes).with_context(|| format!("cannot write {name}"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(names: &[&str]) -> Vec<(String, Vec<u8>)> {
        let sums: String = names.iter().map(|name| format!("00  {name}\n")).collect();
        let names = names.iter().map(|name| ((*name).to_owned(), Vec::new()));
        names
            .chain([
                (CHECKSUMS.to_owned(), sums.into_bytes()),
                (SIGNATURE.to_owned(), Vec::new()),
            ])
            .collect()
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<_> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_release_replaces_the_one_before() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("new/set");
        replace(&folder, &files(&["signet-1.tgz", "signet-1.oci.tar"])).unwrap();
        replace(&folder, &files(&["signet-2.tgz"])).unwrap();
        assert_eq!(names(&folder), [CHECKSUMS, SIGNATURE, "signet-2.tgz"]);
    }

    /// A folder of downloads, for example, whose checksums are of something else, or a release in
    /// which a user keeps files.
    #[test]
    fn what_is_not_of_a_release_stays() {
        for (listed, other) in [
            (&["signet-1.tgz"][..], "thesis.txt"),
            (&["debian.iso"], "debian.iso"),
            (&[], "signet-1.tgz"),
            (&["signet-1"], "signet-1/thesis.txt"),
            (&["signet-/../thesis.txt"], "thesis.txt"),
        ] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path();
            let sums: String = listed.iter().map(|name| format!("00  {name}\n")).collect();
            fs::write(path.join(CHECKSUMS), sums).unwrap();
            fs::create_dir_all(path.join(other).parent().unwrap()).unwrap();
            fs::write(path.join(other), "years of work").unwrap();
            let before = names(path);
            let error = replace(path, &files(&["signet-2.tgz"])).unwrap_err();
            assert!(error.to_string().contains("is not of a release"), "{error}");
            assert_eq!(names(path), before, "{other}");
            assert!(path.join(other).exists(), "{other}");
        }
    }
}
