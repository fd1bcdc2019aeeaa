//! The folder of one server while it runs.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Once;

use anyhow::{Context, Result};
use tempfile::TempDir;

const PREFIX: &str = "signet-keyservers-";
/// Guards making and sweeping, so that no folder is swept between its making and its locking.
const GUARD: &str = "signet-keyservers.lock";
const LOCK: &str = "lock";

/// A temporary folder that goes when this is dropped. What a killed process left is removed by the
/// next one.
#[derive(Debug)]
pub(crate) struct Home {
    folder: TempDir,
    /// Held as long as the process lives, which tells others that the folder is in use.
    _lock: File,
}

impl Home {
    pub(crate) fn new() -> Result<Self> {
        static SWEPT: Once = Once::new();
        let parent = std::env::temp_dir();
        let guard = guard(&parent)?;
        guard.lock()?;
        SWEPT.call_once(|| sweep(&parent));
        let folder = tempfile::Builder::new()
            .prefix(PREFIX)
            .tempdir_in(&parent)?;
        let lock = File::create(folder.path().join(LOCK))?;
        lock.lock()?;
        Ok(Self {
            folder,
            _lock: lock,
        })
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }
}

/// The guard may belong to another user, and a lock needs no more than reading.
fn guard(parent: &Path) -> Result<File> {
    let path = parent.join(GUARD);
    File::open(&path)
        .or_else(|_| File::create(&path))
        .with_context(|| format!("cannot use {}", path.display()))
}

/// Removes the folders whose process is gone. What cannot be removed is somebody else's.
fn sweep(parent: &Path) {
    let Ok(entries) = fs::read_dir(parent) else {
        return;
    };
    for entry in entries.flatten() {
        let ours = entry.file_name().to_string_lossy().starts_with(PREFIX);
        let lock = ours
            .then(|| File::open(entry.path().join(LOCK)).ok())
            .flatten();
        if lock.is_some_and(|lock| lock.try_lock().is_ok()) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}
