//! What `up` left running, so that `demo` and `down` find it again.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result};
use clap::Args;
use serde::{Deserialize, Serialize};
use signet_testbed::controlplane::Cluster;
use signet_testbed::installation::{Installation, target};
use signet_testbed::supervise::{running, stop_process};
use signet_testbed::wait::{Observation, until};

use crate::keep::{self, Server};

/// Where a session is.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct State {
    /// The folder of the session, for more than one side by side.
    #[arg(long = "state", value_name = "FOLDER", hide = true)]
    folder: Option<PathBuf>,
}

impl State {
    /// The folder in which everything is that `up` leaves.
    pub(crate) fn home(&self) -> Result<Home> {
        let folder = self.folder.clone().unwrap_or_else(|| target().join("up"));
        Ok(Home {
            folder: std::path::absolute(folder)?,
            started: Arc::default(),
        })
    }
}

/// The folder of a session, as one run of `up` or `demo` sees it.
#[derive(Clone, Debug)]
pub(crate) struct Home {
    pub(crate) folder: PathBuf,
    started: Arc<AtomicBool>,
}

impl Home {
    /// The folder of a session that another process has started.
    pub(crate) fn of(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            started: Arc::default(),
        }
    }

    /// Makes the folder. From here on what is in it was started by this run.
    pub(crate) fn begin(&self) -> Result<()> {
        self.started.store(true, Ordering::SeqCst);
        fs::create_dir_all(&self.folder)
            .with_context(|| format!("cannot create {}", self.folder.display()))
    }

    /// Ends what this run has started. A session that was there before stays.
    pub(crate) async fn undo(&self) -> Result<()> {
        if self.started.load(Ordering::SeqCst) {
            self.end().await
        } else {
            eprintln!("the cluster from before keeps running; `cargo xtask down` stops it");
            Ok(())
        }
    }

    /// Ends all processes and removes all objects, also those that the session does not record.
    pub(crate) async fn end(&self) -> Result<()> {
        for pid in running("run", &self.folder)? {
            stop_process(pid).await?;
        }
        if let Some(Session {
            own: false,
            installation: Some(installation),
            ..
        }) = self.session()?
        {
            installation.delete().await?;
        }
        keep::end_all(&self.folder).await?;
        self.remove()
            .await
            .context("cannot remove what `up` created")
    }

    /// Removes the folder. Servers whose keeper was killed may still be ending, and write into it.
    async fn remove(&self) -> Result<()> {
        let remove = async || {
            let error = fs::remove_dir_all(&self.folder).err();
            let error = error.map_or_else(String::new, |it| it.to_string());
            Ok(Observation::reached_if(!self.folder.exists(), error))
        };
        until(format!("{} to be removed", self.folder.display()), remove).await
    }

    /// The session that is here, if there is one.
    pub(crate) fn session(&self) -> Result<Option<Session>> {
        let file = self.file();
        if !file.exists() {
            return Ok(None);
        }
        let text = fs::read_to_string(&file)?;
        let session = serde_json::from_str(&text)
            .with_context(|| format!("{} cannot be read; remove it", file.display()))?;
        Ok(Some(session))
    }

    /// Writes it, as a whole or not at all.
    pub(crate) fn write(&self, session: &Session) -> Result<()> {
        let (file, new) = (self.file(), self.folder.join("session.json.new"));
        fs::write(&new, serde_json::to_string_pretty(session)?)
            .and_then(|()| fs::rename(&new, &file))
            .with_context(|| format!("cannot write {}", file.display()))
    }

    fn file(&self) -> PathBuf {
        self.folder.join("session.json")
    }
}

/// A cluster with Signet in it, left running.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Session {
    /// The cluster.
    pub(crate) cluster: Cluster,
    /// Whether it is the project's own control plane, and not a user's cluster.
    pub(crate) own: bool,
    /// Signet's objects, unless it was left out.
    pub(crate) installation: Option<Installation>,
    /// The operator's credentials, once it has some.
    pub(crate) operator: Option<PathBuf>,
    /// Further flags of the operator.
    #[serde(default)]
    pub(crate) flags: Vec<String>,
}

impl Session {
    /// Whether its cluster may still exist; always true for a user's cluster.
    pub(crate) fn has_cluster(&self, home: &Home) -> Result<bool> {
        let plane = keep::folder(&home.folder, Server::ControlPlane);
        Ok(!self.own || !running("keep", &plane)?.is_empty())
    }

    /// Whether everything that it is to have is there, and runs.
    pub(crate) fn is_up(&self, home: &Home) -> Result<bool> {
        let Some(installation) = &self.installation else {
            return Ok(true);
        };
        Ok(installation.is_complete() && !running("run", &home.folder)?.is_empty())
    }

    /// Signet's objects, which the demo needs.
    pub(crate) fn with_signet(&self) -> Result<Installation> {
        self.installation.clone().context(
            "the demo needs Signet, but the cluster was started with --without-signet; run `cargo \
             xtask down` first",
        )
    }

    /// Records every change of the installation.
    pub(crate) fn recorder(&mut self, home: &Home) -> impl FnMut(&Installation) -> Result<()> {
        |installation| {
            self.installation = Some(installation.clone());
            home.write(self)
        }
    }

    /// Whether it is on this cluster of a user.
    pub(crate) fn is_of(&self, kubeconfig: &Path) -> Result<bool> {
        Ok(!self.own && self.cluster.kubeconfig() == std::path::absolute(kubeconfig)?)
    }
}
