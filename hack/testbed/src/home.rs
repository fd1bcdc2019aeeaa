//! The folder of a server while it runs.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Child;

use anyhow::{Context, Result, ensure};

use crate::supervise::remove_at_end;

/// A private folder. A temporary one is removed when this is dropped or when the process ends,
/// however that happens.
#[derive(Debug)]
pub(crate) struct Home {
    folder: PathBuf,
    /// Removes the folder; `None` for a folder that its user removes.
    remover: Option<Child>,
}

impl Home {
    /// A new folder below the system's temporary one.
    pub(crate) fn temporary() -> Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("signet-testbed-")
            .tempdir()?
            .keep();
        let remover = Some(remove_at_end(&folder)?);
        Ok(Self { folder, remover })
    }

    /// A given folder, which must be empty, if it exists.
    pub(crate) fn at(folder: &Path) -> Result<Self> {
        fs::create_dir_all(folder)
            .with_context(|| format!("cannot create {}", folder.display()))?;
        let empty = fs::read_dir(folder)?.next().is_none();
        ensure!(empty, "{} is not empty", folder.display());
        fs::set_permissions(folder, fs::Permissions::from_mode(0o700))?;
        let folder = folder.canonicalize()?;
        Ok(Self {
            folder,
            remover: None,
        })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.folder
    }

    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        if let Some(remover) = &mut self.remover {
            drop(remover.stdin.take());
            let _ = remover.wait();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_temporary_folder_goes_with_its_value() {
        let home = Home::temporary().unwrap();
        let folder = home.path().to_owned();
        fs::write(home.join("file"), "text").unwrap();
        drop(home);
        assert!(!folder.exists());
    }

    #[test]
    fn rejects_a_folder_that_is_not_empty() {
        let parent = tempfile::tempdir().unwrap();
        fs::write(parent.path().join("thesis.txt"), "years of work").unwrap();
        assert!(Home::at(parent.path()).is_err());
        assert!(parent.path().join("thesis.txt").exists());
    }
}
