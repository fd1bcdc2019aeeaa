//! Where installed packages lie, and under which name. The folder is the one in which
//! `hack/controlplane` keeps what it builds.

use std::fs::{self, File, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

/// The folder of a set of packages; `install` fills it if it is not in the cache.
///
/// It is filled under another name and gets its own by a rename: what has the name is whole. A
/// lock keeps two processes from doing the same work, and what an interrupted one left is removed.
pub(super) fn ensure(
    name: &str,
    ingredients: &[&str],
    install: impl FnOnce(&Path) -> Result<()>,
) -> Result<PathBuf> {
    let cache = folder()?;
    let folder = cache.join(format!("{name}-{}", key(ingredients)));
    if folder.is_dir() {
        return Ok(folder);
    }
    let _lock = lock(&cache, name)?;
    if folder.is_dir() {
        return Ok(folder);
    }
    let prefix = format!(".{name}-");
    sweep(&cache, &prefix)?;
    let fresh = tempfile::Builder::new()
        .prefix(&prefix)
        .tempdir_in(&cache)?;
    say(&format!("{name}: installing, once"));
    install(fresh.path()).with_context(|| format!("cannot install {name}"))?;
    fs::rename(fresh.keep(), &folder)?;
    Ok(folder)
}

/// The cache folder; made if it is not there.
fn folder() -> Result<PathBuf> {
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    let folder = if let Some(folder) = variable("SIGNET_CACHE") {
        PathBuf::from(folder)
    } else if let Some(folder) = variable("XDG_CACHE_HOME") {
        Path::new(&folder).join("signet")
    } else {
        let home = std::env::home_dir().context("set SIGNET_CACHE, as there is no home folder")?;
        home.join(".cache/signet")
    };
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    folder
        .canonicalize()
        .with_context(|| format!("cannot use {}", folder.display()))
}

/// A short hash of what decides what an installation yields.
fn key(ingredients: &[&str]) -> String {
    let mut hash = Sha256::new();
    for ingredient in ingredients {
        hash.update(ingredient.as_bytes());
        hash.update([0]);
    }
    hex::encode(&hash.finalize()[..8])
}

fn lock(cache: &Path, name: &str) -> Result<File> {
    let path = cache.join(format!("{name}.lock"));
    let file = File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            say(&format!("{name}: another process installs it, waiting"));
            file.lock()?;
        }
        Err(TryLockError::Error(error)) => return Err(error).context("cannot lock the cache"),
    }
    Ok(file)
}

fn sweep(cache: &Path, prefix: &str) -> Result<()> {
    for entry in fs::read_dir(cache)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(prefix) {
            fs::remove_dir_all(entry.path())?;
        }
    }
    Ok(())
}

/// Writes one line to standard error. A closed one is nobody who reads.
fn say(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_follows_every_ingredient() {
        assert_eq!(key(&["a", "b"]), key(&["a", "b"]));
        assert_ne!(key(&["a", "b"]), key(&["ab"]));
        assert_ne!(key(&["a", "b"]), key(&["a", "c"]));
    }

    #[test]
    fn what_an_interrupted_installation_left_is_removed() {
        let cache = tempfile::tempdir().unwrap();
        for name in [".bao-1x", "bao-1", ".other-1"] {
            fs::create_dir(cache.path().join(name)).unwrap();
        }
        sweep(cache.path(), ".bao-").unwrap();
        let mut left: Vec<_> = fs::read_dir(cache.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        left.sort();
        assert_eq!(left, [".other-1", "bao-1"]);
    }
}
