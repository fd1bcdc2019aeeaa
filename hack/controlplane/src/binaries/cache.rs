//! Where built programs lie, and under which name.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

use crate::progress::say;

/// The cache folder; made if it is not there.
pub(super) fn folder() -> Result<PathBuf> {
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

/// A short hash of the files of a Go module and of all else that decides what a build yields.
pub(super) fn key(module: &Path, ingredients: &[&str]) -> Result<String> {
    let mut files = Vec::new();
    for entry in fs::read_dir(module)? {
        let path = entry?.path();
        if path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    let mut hash = Sha256::new();
    let mut feed = |bytes: &[u8]| {
        hash.update(u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_be_bytes());
        hash.update(bytes);
    };
    for path in files {
        feed(path.file_name().unwrap_or_default().as_encoded_bytes());
        feed(&fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?);
    }
    ingredients
        .iter()
        .for_each(|ingredient| feed(ingredient.as_bytes()));
    Ok(hex::encode(&hash.finalize()[..8]))
}

/// Waits until no other process builds the same program. Holds until the file is dropped.
pub(super) fn lock(cache: &Path, name: &str) -> Result<File> {
    let path = cache.join(format!("{name}.lock"));
    let file = File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            say(format_args!("{name}: another process builds it, waiting"));
            file.lock()?;
        }
        Err(TryLockError::Error(error)) => return Err(error).context("cannot lock the cache"),
    }
    Ok(file)
}

/// Removes what a build left that did not end well. To be called under the lock.
pub(super) fn sweep(cache: &Path, prefix: &str) -> Result<()> {
    for entry in fs::read_dir(cache)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(prefix) {
            fs::remove_dir_all(entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_follows_every_ingredient() {
        let module = tempfile::tempdir().unwrap();
        fs::write(module.path().join("go.mod"), "module a\n").unwrap();
        let first = key(module.path(), &["go1.26", "-s -w"]).unwrap();
        assert_eq!(first, key(module.path(), &["go1.26", "-s -w"]).unwrap());
        assert_ne!(first, key(module.path(), &["go1.27", "-s -w"]).unwrap());
        assert_ne!(first, key(module.path(), &["go1.26-s", " -w"]).unwrap());
        fs::write(module.path().join("go.sum"), "").unwrap();
        assert_ne!(first, key(module.path(), &["go1.26", "-s -w"]).unwrap());
    }
}
