//! What is known of a running control plane, as the keeper writes it into its state folder.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

/// A running control plane: `state.json` in its folder.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct State {
    /// The state folder itself.
    pub folder: PathBuf,
    /// Where the API server listens, for example `https://127.0.0.1:23456`.
    pub server: String,
    /// The administrator's kubeconfig.
    pub kubeconfig: PathBuf,
    /// One file per process.
    pub logs: PathBuf,
    /// The API server's audit log, one JSON event per line; absent if it was switched off.
    pub audit_log: Option<PathBuf>,
    /// kubectl, of the API server's version.
    pub kubectl: PathBuf,
    /// The real Helm.
    pub helm: PathBuf,
    pub pids: Pids,
}

/// Process ids, for those who measure.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Pids {
    pub keeper: u32,
    pub etcd: u32,
    pub kube_apiserver: u32,
    pub kube_controller_manager: u32,
    /// `None` where cert-manager was left out.
    pub cert_manager_webhook: Option<u32>,
    /// `None` where cert-manager was left out or its controller has been stopped.
    pub cert_manager_controller: Option<u32>,
}

const STATE: &str = "state.json";
const LOCK: &str = "keeper.lock";

impl State {
    /// Reads what the keeper of `folder` wrote once it was ready.
    pub fn read(folder: &Path) -> Result<Self> {
        let path = folder.join(STATE);
        let text =
            std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        serde_json::from_slice(&text).with_context(|| format!("{} is damaged", path.display()))
    }

    /// Writes the file anew, so that a reader sees the old or the new one and never a part.
    pub(crate) fn write(&self) -> Result<()> {
        let path = self.folder.join(STATE);
        let new = path.with_extension("json.new");
        std::fs::write(&new, serde_json::to_vec_pretty(self)?)
            .and_then(|()| std::fs::rename(&new, &path))
            .with_context(|| format!("cannot write {}", path.display()))
    }
}

/// Takes the lock that says "a keeper is alive in this folder" and holds it as long as the
/// returned file is open: a process id alone could be another process by now.
///
/// The file gets its name only once it is locked, so that nobody takes a folder that is just
/// being made for a dead one.
pub(crate) fn lock(folder: &Path) -> Result<File> {
    let (path, new) = (folder.join(LOCK), folder.join("keeper.lock.new"));
    let file = File::create(&new).with_context(|| format!("cannot write {}", new.display()))?;
    file.lock().context("cannot lock the state folder")?;
    std::fs::rename(&new, &path).context("cannot lock the state folder")?;
    Ok(file)
}

/// Whether a keeper lives, has lived, or never lived in a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tenancy {
    Kept,
    Abandoned,
    Never,
}

/// Looks at the lock of a folder.
pub(crate) fn tenancy(folder: &Path) -> Result<Tenancy> {
    let file = match OpenOptions::new().write(true).open(folder.join(LOCK)) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Tenancy::Never),
        Err(error) => return Err(error).context("cannot open the lock of the state folder"),
    };
    match file.try_lock() {
        Ok(()) => Ok(Tenancy::Abandoned),
        Err(TryLockError::WouldBlock) => Ok(Tenancy::Kept),
        Err(TryLockError::Error(error)) => Err(error).context("cannot try the keeper's lock"),
    }
}
