//! The state folder, and the lock that says that somebody lives in it.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

use crate::controlplane::state::{Tenancy, lock, tenancy};

const TEMPORARY_PREFIX: &str = "signet-controlplane-";

/// A state folder that this process lives in.
#[derive(Debug)]
pub(super) struct Home {
    pub(super) folder: PathBuf,
    _lock: File,
}

impl Home {
    /// Moves into the given folder, or into a new temporary one.
    pub(super) fn take(folder: Option<&Path>) -> Result<Self> {
        let folder = match folder {
            Some(folder) => clear(folder)?,
            None => {
                sweep();
                tempfile::Builder::new()
                    .prefix(TEMPORARY_PREFIX)
                    .tempdir()?
                    .keep()
            }
        };
        let lock = lock(&folder)?;
        for name in ["pki", "logs", "kubeconfigs"] {
            fs::create_dir(folder.join(name))?;
        }
        Ok(Self {
            folder,
            _lock: lock,
        })
    }

    /// Removes the folder. To be called when nobody writes into it any more.
    pub(super) fn leave(self) -> Result<()> {
        fs::remove_dir_all(&self.folder)
            .with_context(|| format!("cannot remove {}", self.folder.display()))
    }
}

/// Makes the folder empty and private, unless a control plane runs in it or it is something else.
fn clear(folder: &Path) -> Result<PathBuf> {
    match tenancy(folder)? {
        Tenancy::Kept => bail!("a control plane runs in {} already", folder.display()),
        Tenancy::Abandoned => fs::remove_dir_all(folder)?,
        Tenancy::Never => {}
    }
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let empty = fs::read_dir(folder)?.next().is_none();
    ensure!(
        empty,
        "{} is not empty, and is no state folder",
        folder.display()
    );
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700))?;
    Ok(folder.canonicalize()?)
}

/// Removes the temporary folders of keepers that were killed. What cannot be removed belongs to
/// somebody else.
fn sweep() {
    let entries = fs::read_dir(std::env::temp_dir())
        .into_iter()
        .flatten()
        .flatten();
    for entry in entries {
        let ours = entry
            .file_name()
            .to_string_lossy()
            .starts_with(TEMPORARY_PREFIX);
        if ours && tenancy(&entry.path()).is_ok_and(|tenancy| tenancy == Tenancy::Abandoned) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_has_one_tenant_and_can_be_taken_over_from_a_dead_one() {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("state");
        let first = Home::take(Some(&folder)).unwrap();
        assert_eq!(tenancy(&folder).unwrap(), Tenancy::Kept);
        let refusal = Home::take(Some(&folder)).unwrap_err().to_string();
        assert!(refusal.contains("runs in"), "{refusal}");

        drop(first);
        assert_eq!(tenancy(&folder).unwrap(), Tenancy::Abandoned);
        Home::take(Some(&folder)).unwrap().leave().unwrap();
        assert!(!folder.exists());
    }

    #[test]
    fn a_folder_of_something_else_is_left_alone() {
        let parent = tempfile::tempdir().unwrap();
        fs::write(parent.path().join("thesis.txt"), "years of work").unwrap();
        assert!(Home::take(Some(parent.path())).is_err());
        assert!(parent.path().join("thesis.txt").exists());
    }
}
