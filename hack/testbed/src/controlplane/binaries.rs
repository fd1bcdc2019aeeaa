//! The programs of a control plane: built from the Go modules under `go/`, once for each pin.
//!
//! Every family of programs has a Go module of its own, as their dependencies would fight in one.
//! A module's `go.mod` is the one place where a version is written; it is read from there for the
//! version that the program is stamped with. Binaries are cached in `$SIGNET_CACHE`, else
//! `$XDG_CACHE_HOME/signet`, else `~/.cache/signet`, in a folder named by a hash of all that
//! goes into them.

mod build;

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cache;
use anyhow::{Context, Result};

use crate::controlplane::Options;

/// A program that can be built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    Etcd,
    KubeApiserver,
    KubeControllerManager,
    Kubectl,
    /// cert-manager's controller and webhook in one binary, with the CRDs and the chart of the
    /// same version beside it.
    CertManager,
    Helm,
}

impl Program {
    /// All of them, the slowest first.
    pub const ALL: [Self; 6] = [
        Self::KubeApiserver,
        Self::KubeControllerManager,
        Self::Kubectl,
        Self::CertManager,
        Self::Helm,
        Self::Etcd,
    ];

    /// The name of the binary.
    pub fn name(self) -> &'static str {
        match self {
            Self::Etcd => "etcd",
            Self::KubeApiserver => "kube-apiserver",
            Self::KubeControllerManager => "kube-controller-manager",
            Self::Kubectl => "kubectl",
            Self::CertManager => "cert-manager",
            Self::Helm => "helm",
        }
    }

    /// The folder of its Go module under `go/`.
    fn module(self) -> &'static str {
        match self {
            Self::Etcd => "etcd",
            Self::KubeApiserver | Self::KubeControllerManager | Self::Kubectl => "kubernetes",
            Self::CertManager => "cert-manager",
            Self::Helm => "helm",
        }
    }

    /// The Go package of its main function.
    fn package(self) -> &'static str {
        match self {
            Self::Etcd => "go.etcd.io/etcd/server/v3",
            Self::KubeApiserver => "k8s.io/kubernetes/cmd/kube-apiserver",
            Self::KubeControllerManager => "k8s.io/kubernetes/cmd/kube-controller-manager",
            Self::Kubectl => "k8s.io/kubernetes/cmd/kubectl",
            Self::CertManager => ".",
            Self::Helm => "helm.sh/helm/v4/cmd/helm",
        }
    }

    /// The Go module whose version is the program's.
    fn pin(self) -> &'static str {
        match self {
            Self::Etcd => "go.etcd.io/etcd/server/v3",
            Self::KubeApiserver | Self::KubeControllerManager | Self::Kubectl => {
                "k8s.io/kubernetes"
            }
            Self::CertManager => "github.com/cert-manager/cert-manager",
            Self::Helm => "helm.sh/helm/v4",
        }
    }

    /// The Go variables that hold the version, which an unstamped build leaves at a placeholder
    /// (kube-apiserver would tell its clients v0.0.0).
    fn stamps(self, version: &str) -> Vec<String> {
        match self {
            Self::Etcd => Vec::new(),
            Self::KubeApiserver | Self::KubeControllerManager | Self::Kubectl => {
                let mut numbers = version.trim_start_matches('v').split('.');
                let major = numbers.next().unwrap_or_default();
                let minor = numbers.next().unwrap_or_default();
                let variable = "k8s.io/component-base/version";
                vec![
                    format!("{variable}.gitVersion={version}"),
                    format!("{variable}.gitMajor={major}"),
                    format!("{variable}.gitMinor={minor}"),
                ]
            }
            Self::CertManager => {
                vec![format!(
                    "github.com/cert-manager/cert-manager/pkg/util.AppVersion={version}"
                )]
            }
            Self::Helm => vec![format!(
                "helm.sh/helm/v4/internal/version.version={version}"
            )],
        }
    }
}

/// Finds programs in the cache, and builds those that are not there.
#[derive(Clone, Debug)]
pub struct Toolchain {
    cache: PathBuf,
}

impl Toolchain {
    /// Fails with one sentence that says what to install if there is no Go.
    pub fn new() -> Result<Self> {
        build::check_go()?;
        Ok(Self {
            cache: cache::folder()?,
        })
    }

    /// The path of a program, built now if the cache does not have it. Says on standard error what
    /// it builds and how long that took.
    pub fn path(&self, program: Program) -> Result<PathBuf> {
        build::ensure(&self.cache, program)
            .with_context(|| format!("{} cannot be built", program.name()))
    }

    /// kubectl, of the API server's version.
    pub fn kubectl(&self) -> Result<PathBuf> {
        self.path(Program::Kubectl)
    }

    /// Helm.
    pub fn helm(&self) -> Result<PathBuf> {
        self.path(Program::Helm)
    }

    /// Everything, so that no later start has to build.
    pub fn build_all(&self) -> Result<()> {
        Program::ALL
            .into_iter()
            .try_for_each(|program| self.path(program).map(drop))
    }

    /// What a control plane with these options needs.
    pub(crate) fn build_for(&self, options: &Options) -> Result<()> {
        let needed = Program::ALL
            .into_iter()
            .filter(|program| *program != Program::CertManager || options.cert_manager.is_some());
        needed
            .into_iter()
            .try_for_each(|program| self.path(program).map(drop))
    }

    /// The folder of cert-manager's CRDs, one file each.
    pub(crate) fn cert_manager_crds(&self) -> Result<PathBuf> {
        Ok(self.path(Program::CertManager)?.with_file_name(build::CRDS))
    }

    /// The folder of cert-manager's own chart.
    pub(crate) fn cert_manager_chart(&self) -> Result<PathBuf> {
        Ok(self
            .path(Program::CertManager)?
            .with_file_name(build::CHART))
    }
}

/// Helm with its settings, plugins and caches under `home` instead of the user's own.
pub fn helm_command(helm: &Path, home: &Path) -> Command {
    let home = home.join("helm");
    let mut command = Command::new(helm);
    command
        .env("HELM_CACHE_HOME", home.join("cache"))
        .env("HELM_CONFIG_HOME", home.join("config"))
        .env("HELM_DATA_HOME", home.join("data"));
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kubernetes_is_stamped_with_major_and_minor() {
        let stamps = Program::Kubectl.stamps("v1.37.2").join(" ");
        assert_eq!(
            stamps,
            "k8s.io/component-base/version.gitVersion=v1.37.2 \
             k8s.io/component-base/version.gitMajor=1 \
             k8s.io/component-base/version.gitMinor=37"
        );
    }
}
