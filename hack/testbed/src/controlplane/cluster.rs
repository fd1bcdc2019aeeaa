//! A cluster: the project's own control plane, or one that a user has.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;
use kube::Client;
use serde::{Deserialize, Serialize};

use super::binaries::helm_command;
use super::{Toolchain, kubeconfig};

/// A cluster, and the tools to reach it with.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Cluster {
    kubeconfig: PathBuf,
    kubectl: PathBuf,
    helm: PathBuf,
    /// What both tools keep, such as what kubectl knows of an API server. In its usual place kubectl
    /// keeps that under the server's address, which another control plane may have had before.
    home: PathBuf,
}

impl Cluster {
    /// With an administrator's kubeconfig. kubectl and Helm are the project's; what they keep goes
    /// into `home`.
    pub fn new(kubeconfig: &Path, home: &Path, toolchain: &Toolchain) -> Result<Self> {
        Ok(Self {
            kubeconfig: std::path::absolute(kubeconfig)?,
            kubectl: toolchain.kubectl()?,
            helm: toolchain.helm()?,
            home: home.to_owned(),
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
        command.env("KUBECACHEDIR", self.home.join("kubectl-cache"));
        command
    }

    /// Helm as the administrator, without the settings and plugins of the user's own.
    pub fn helm(&self) -> Command {
        let mut command = helm_command(&self.helm, &self.home);
        command.env("KUBECONFIG", &self.kubeconfig);
        command
    }
}
