//! What `up` left running, so that `demo` and `down` find it again.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use signet_controlplane::ControlPlane;
use signet_installation::{Cluster, Installation, command_line, stop_process};

/// A cluster with Signet in it, left running.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Session {
    /// The cluster.
    pub(crate) cluster: Cluster,
    /// The folder of the project's own control plane; none on a user's cluster.
    pub(crate) plane: Option<PathBuf>,
    /// Signet's objects, unless it was left out.
    pub(crate) installation: Option<Installation>,
    /// The operator's process id.
    pub(crate) operator: Option<u32>,
}

/// Where everything that `up` leaves is.
pub(crate) fn folder(root: &Path) -> PathBuf {
    root.join("target/up")
}

impl Session {
    /// The session of this checkout, if there is one.
    pub(crate) fn read(root: &Path) -> Result<Option<Self>> {
        let file = folder(root).join("session.json");
        if !file.exists() {
            return Ok(None);
        }
        let text = fs::read_to_string(&file)?;
        let session = serde_json::from_str(&text)
            .with_context(|| format!("{} cannot be read; remove it", file.display()))?;
        Ok(Some(session))
    }

    /// Writes it down.
    pub(crate) fn write(&self, root: &Path) -> Result<()> {
        fs::write(
            folder(root).join("session.json"),
            serde_json::to_string_pretty(self)?,
        )?;
        Ok(())
    }

    /// Whether everything that was started still runs.
    pub(crate) fn is_alive(&self) -> Result<bool> {
        let plane = match &self.plane {
            Some(folder) => ControlPlane::attach(folder)?.is_some(),
            None => true,
        };
        Ok(plane && self.operator.is_none_or(is_operator))
    }

    /// Ends what was started and removes what was applied.
    pub(crate) async fn end(self, root: &Path) -> Result<()> {
        if let Some(pid) = self.operator.filter(|pid| is_operator(*pid)) {
            stop_process(pid).await?;
        }
        match &self.plane {
            Some(folder) => {
                if let Some(plane) = ControlPlane::attach(folder)? {
                    plane.stop()?;
                }
            }
            None => {
                if let Some(installation) = &self.installation {
                    installation.delete().await?;
                }
            }
        }
        fs::remove_dir_all(folder(root)).context("what `up` left cannot be removed")
    }
}

/// Whether the process is an operator, and not another one that was given the number since.
fn is_operator(pid: u32) -> bool {
    command_line(pid).is_some_and(|line| line.contains("signet run --kubeconfig"))
}
