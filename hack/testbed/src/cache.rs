//! The cache of programs that are built or installed once.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

use crate::say;

/// The cache folder, `$SIGNET_CACHE`, else `$XDG_CACHE_HOME/signet`, else `~/.cache/signet`; made
/// if it is not there.
///
/// # Errors
/// There is no home folder, or the folder cannot be made.
pub fn folder() -> Result<PathBuf> {
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    let folder = if let Some(folder) = variable("SIGNET_CACHE") {
        PathBuf::from(folder)
    } else if let Some(folder) = variable("XDG_CACHE_HOME") {
        Path::new(&folder).join("signet")
    } else {
        let home = std::env::home_dir().context("there is no home folder; set SIGNET_CACHE")?;
        home.join(".cache/signet")
    };
    fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    folder
        .canonicalize()
        .with_context(|| format!("cannot use {}", folder.display()))
}

/// A short hash of all that decides what an entry holds.
pub fn key<'a>(ingredients: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut hash = Sha256::new();
    for ingredient in ingredients {
        let length = u64::try_from(ingredient.len()).unwrap_or(u64::MAX);
        hash.update(length.to_be_bytes());
        hash.update(ingredient);
    }
    hex::encode(&hash.finalize()[..8])
}

/// The folder `entry` of the cache; `fill` fills it if it is not there.
///
/// It is filled under another name and gets its own by a rename: what has the name is whole. A
/// lock for each `name` keeps two processes from doing the same work, and what an interrupted one
/// left is removed.
///
/// # Errors
/// It cannot be filled.
pub fn ensure(
    cache: &Path,
    name: &str,
    entry: &str,
    fill: impl FnOnce(&Path) -> Result<()>,
) -> Result<PathBuf> {
    let folder = cache.join(entry);
    if folder.is_dir() {
        return Ok(folder);
    }
    let _lock = lock(cache, name)?;
    if folder.is_dir() {
        return Ok(folder);
    }
    let prefix = format!(".{name}-");
    sweep(cache, &prefix)?;
    let fresh = tempfile::Builder::new().prefix(&prefix).tempdir_in(cache)?;
    fill(fresh.path())?;
    fs::rename(fresh.keep(), &folder)?;
    Ok(folder)
}

/// Waits until no other process fills the same entry. Holds until the file is dropped.
fn lock(cache: &Path, name: &str) -> Result<File> {
    let path = cache.join(format!("{name}.lock"));
    let file = File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            say(format_args!(
                "{name}: another process is building it, waiting"
            ));
            file.lock()?;
        }
        Err(TryLockError::Error(error)) => return Err(error).context("cannot lock the cache"),
    }
    Ok(file)
}

/// Removes unfinished entries. Requires the lock.
fn sweep(cache: &Path, prefix: &str) -> Result<()> {
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
        let key = |ingredients: &[&str]| key(ingredients.iter().map(|it| it.as_bytes()));
        assert_eq!(key(&["a", "b"]), key(&["a", "b"]));
        assert_ne!(key(&["a", "b"]), key(&["ab"]));
        assert_ne!(key(&["a", "b"]), key(&["a", "c"]));
    }

    #[test]
    fn an_entry_is_made_once_and_what_an_interrupted_one_left_is_removed() {
        let cache = tempfile::tempdir().unwrap();
        let cache = cache.path();
        for name in [".bao-1x", ".other-1"] {
            fs::create_dir(cache.join(name)).unwrap();
        }
        let make = || {
            ensure(cache, "bao", "bao-1", |folder| {
                Ok(fs::write(folder.join("program"), "made")?)
            })
        };
        let folder = make().unwrap();
        fs::write(folder.join("program"), "kept").unwrap();
        let again = make().unwrap();
        assert_eq!(fs::read_to_string(again.join("program")).unwrap(), "kept");
        assert!(!cache.join(".bao-1x").exists());
        assert!(cache.join(".other-1").exists());
        ensure(cache, "bao", "bao-2", |_| anyhow::bail!("no")).unwrap_err();
        assert!(!cache.join("bao-2").exists());
    }
}
