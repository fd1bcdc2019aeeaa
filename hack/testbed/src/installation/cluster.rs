//! The cluster to install on: the project's own control plane, or a user's.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;
use kube::Client;
use serde::{Deserialize, Serialize};

use crate::controlplane::{ControlPlane, Toolchain, kubeconfig};

/// A cluster, and the tools to reach it with.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Cluster {
    kubeconfig: PathBuf,
    kubectl: PathBuf,
    helm: PathBuf,
    /// kubectl keeps here what it knows of the API server. In its usual place that stands under
    /// the server's address, which another control plane may have had before.
    cache: PathBuf,
}

impl Cluster {
    /// The project's own control plane.
    pub fn own(plane: &ControlPlane) -> Self {
        Self {
            kubeconfig: plane.kubeconfig().to_owned(),
            kubectl: plane.tools().kubectl.clone(),
            helm: plane.tools().helm.clone(),
            cache: plane.folder().join("kubectl-cache"),
        }
    }

    /// A cluster that the user has, with cert-manager in it. kubectl and Helm are the project's;
    /// what they keep goes into `folder`.
    pub fn of_user(kubeconfig: &Path, folder: &Path) -> Result<Self> {
        let toolchain = Toolchain::new()?;
        Ok(Self {
            kubeconfig: std::path::absolute(kubeconfig)?,
            kubectl: toolchain.kubectl()?,
            helm: toolchain.helm()?,
            cache: folder.join("kubectl-cache"),
        })
    }

    /// The administrator's kubeconfig.
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// A client as the administrator.
    pub async fn client(&self) -> Result<Client> {
        kubeconfig::client(&self.kubeconfig).await
    }

    /// kubectl as the administrator.
    pub fn kubectl(&self) -> Command {
        let mut command = Command::new(&self.kubectl);
        command.env("KUBECONFIG", &self.kubeconfig);
        command.env("KUBECACHEDIR", &self.cache);
        command
    }

    /// Helm as the administrator, without the settings and plugins of the user's own.
    /// It keeps its own files under `home`.
    pub(crate) fn helm(&self, home: &Path) -> Command {
        let mut command = crate::controlplane::binaries::helm_command(&self.helm, home);
        command.env("KUBECONFIG", &self.kubeconfig);
        command
    }
}
