//! The cluster to install on: the project's own control plane, or a user's.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;
use kube::Client;
use serde::{Deserialize, Serialize};
use signet_controlplane::{ControlPlane, Toolchain, kubeconfig};

/// A cluster, and the tools to reach it with.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Cluster {
    kubeconfig: PathBuf,
    kubectl: PathBuf,
    helm: PathBuf,
}

impl Cluster {
    /// The project's own control plane.
    pub fn own(plane: &ControlPlane) -> Self {
        let state = plane.state();
        Self {
            kubeconfig: state.kubeconfig.clone(),
            kubectl: state.kubectl.clone(),
            helm: state.helm.clone(),
        }
    }

    /// A cluster that the user has, with cert-manager in it. kubectl and Helm are the project's.
    pub fn of_user(kubeconfig: &Path) -> Result<Self> {
        let toolchain = Toolchain::new()?;
        Ok(Self {
            kubeconfig: std::path::absolute(kubeconfig)?,
            kubectl: toolchain.kubectl()?,
            helm: toolchain.helm()?,
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
        command
    }

    /// Helm as the administrator, without the settings and plugins of the user's own.
    /// It keeps its own files under `home`.
    pub(crate) fn helm(&self, home: &Path) -> Command {
        let mut command = signet_controlplane::binaries::helm_command(&self.helm, home);
        command.env("KUBECONFIG", &self.kubeconfig);
        command
    }
}
