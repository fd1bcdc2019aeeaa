//! The programs of a control plane: built from the Go modules under `go/`, once for each pin.
//!
//! Every family of programs has its own Go module, as their dependencies would fight in one.
//! A module's `go.mod` is the one place where a version is written; it is read from there for the
//! version that the program is stamped with. Binaries are cached in a folder named by a hash of all
//! that goes into them.

mod build;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::Options;
use crate::cache;

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
    /// Istio's control plane, with its charts beside it.
    Istiod,
    /// Requests certificates from istiod, as the agents of workloads do.
    IstioAgent,
    Helm,
    /// Checks and tests alerts.
    Promtool,
    /// Reports the health of an object, as kstatus, Flux and Argo CD compute it.
    Kstatus,
    /// Verifies SVIDs with go-spiffe.
    GoSpiffe,
    /// SPIRE's server, and the command line for it.
    SpireServer,
    /// SPIRE's agent, and a workload's call to it.
    SpireAgent,
    /// Serves the keys of JWT-SVIDs, as OpenID Connect has them.
    SpireDiscovery,
    /// CNCF Distribution, a registry of images.
    Registry,
    /// Reads images in a registry.
    Crane,
    /// Verifies signatures of images.
    Cosign,
}

/// Where a program comes from.
#[derive(Clone, Copy, Debug)]
struct Source {
    /// The name of the binary.
    name: &'static str,
    /// The folder of its Go module under `go/`.
    module: &'static str,
    /// The Go package of its main function.
    package: &'static str,
    /// The Go module whose version is the program's.
    pin: &'static str,
    /// The Go variable that holds the version. An unstamped build leaves it at a placeholder
    /// (kube-apiserver would report v0.0.0 to its clients).
    version: Option<&'static str>,
    /// Build tags, separated by commas.
    tags: &'static str,
    /// Folders of the pinned module that are kept beside the binary, and under which names.
    folders: &'static [(&'static str, &'static str)],
}

/// Folders beside the binaries of cert-manager and istiod.
const CRDS: &str = "crds";
const CHART: &str = "chart";
const ISTIO_BASE: &str = "base";
const ISTIOD: &str = "istiod-chart";

impl Program {
    /// All of them, the slowest first.
    pub const ALL: [Self; 17] = [
        Self::SpireServer,
        Self::KubeApiserver,
        Self::Istiod,
        Self::Cosign,
        Self::KubeControllerManager,
        Self::Kubectl,
        Self::CertManager,
        Self::Helm,
        Self::Promtool,
        Self::Registry,
        Self::Etcd,
        Self::SpireAgent,
        Self::Kstatus,
        Self::IstioAgent,
        Self::SpireDiscovery,
        Self::Crane,
        Self::GoSpiffe,
    ];

    fn source(self) -> Source {
        let istio = |name, package, folders| Source {
            folders,
            ..plain(name, "istio", package, "istio.io/istio")
        };
        // A main package of this repository.
        let own = |name, pin| plain(name, name, ".", pin);
        match self {
            Self::Etcd => {
                let server = "go.etcd.io/etcd/server/v3";
                plain("etcd", "etcd", server, server)
            }
            Self::KubeApiserver => {
                kubernetes("kube-apiserver", "k8s.io/kubernetes/cmd/kube-apiserver")
            }
            Self::KubeControllerManager => kubernetes(
                "kube-controller-manager",
                "k8s.io/kubernetes/cmd/kube-controller-manager",
            ),
            Self::Kubectl => kubernetes("kubectl", "k8s.io/kubernetes/cmd/kubectl"),
            Self::CertManager => Source {
                name: "cert-manager",
                module: "cert-manager",
                package: ".",
                pin: "github.com/cert-manager/cert-manager",
                version: Some("github.com/cert-manager/cert-manager/pkg/util.AppVersion"),
                tags: "",
                folders: &[("deploy/crds", CRDS), ("deploy/charts/cert-manager", CHART)],
            },
            Self::Istiod => istio(
                "istiod",
                "istio.io/istio/pilot/cmd/pilot-discovery",
                &[
                    ("manifests/charts/base", ISTIO_BASE),
                    ("manifests/charts/istio-control/istio-discovery", ISTIOD),
                ],
            ),
            Self::IstioAgent => istio("istio-agent", ".", &[]),
            Self::Helm => Source {
                name: "helm",
                module: "helm",
                package: "helm.sh/helm/v4/cmd/helm",
                pin: "helm.sh/helm/v4",
                version: Some("helm.sh/helm/v4/internal/version.version"),
                tags: "",
                folders: &[],
            },
            Self::Promtool => Source {
                name: "promtool",
                module: "prometheus",
                package: "github.com/prometheus/prometheus/cmd/promtool",
                pin: "github.com/prometheus/prometheus",
                version: Some("github.com/prometheus/common/version.Version"),
                // Without the clients of all clouds, which find targets for a server.
                tags: "remove_all_sd",
                folders: &[],
            },
            Self::Registry => {
                let package = "github.com/distribution/distribution/v3/cmd/registry";
                let pin = "github.com/distribution/distribution/v3";
                plain("registry", "registry", package, pin)
            }
            Self::Crane => {
                let package = "github.com/google/go-containerregistry/cmd/crane";
                let pin = "github.com/google/go-containerregistry";
                plain("crane", "crane", package, pin)
            }
            Self::Cosign => {
                let package = "github.com/sigstore/cosign/v3/cmd/cosign";
                plain("cosign", "cosign", package, "github.com/sigstore/cosign/v3")
            }
            Self::Kstatus => own("kstatus", "sigs.k8s.io/cli-utils"),
            Self::GoSpiffe => own("go-spiffe", "github.com/spiffe/go-spiffe/v2"),
            Self::SpireServer => spire("spire-server", "github.com/spiffe/spire/cmd/spire-server"),
            Self::SpireAgent => spire("spire-agent", "github.com/spiffe/spire/cmd/spire-agent"),
            Self::SpireDiscovery => spire(
                "oidc-discovery-provider",
                "github.com/spiffe/spire/support/oidc-discovery-provider",
            ),
        }
    }
}

fn kubernetes(name: &'static str, package: &'static str) -> Source {
    Source {
        version: Some("k8s.io/component-base/version.gitVersion"),
        ..plain(name, "kubernetes", package, "k8s.io/kubernetes")
    }
}

/// Its source has its version.
fn spire(name: &'static str, package: &'static str) -> Source {
    plain(name, "spire", package, "github.com/spiffe/spire")
}

/// Without a version, tags and folders.
fn plain(
    name: &'static str,
    module: &'static str,
    package: &'static str,
    pin: &'static str,
) -> Source {
    Source {
        name,
        module,
        package,
        pin,
        version: None,
        tags: "",
        folders: &[],
    }
}

/// Finds programs in the cache, and builds those that are not there.
#[derive(Clone, Debug)]
pub struct Toolchain {
    cache: PathBuf,
}

impl Toolchain {
    /// Fails with a message that says what to install if there is no Go.
    pub fn new() -> Result<Self> {
        build::check_go()?;
        Ok(Self {
            cache: cache::folder()?,
        })
    }

    /// The path of a program, built now if the cache does not have it. Reports on standard error
    /// what it builds and how long that took.
    pub fn path(&self, program: Program) -> Result<PathBuf> {
        let source = program.source();
        build::ensure(&self.cache, &source)
            .with_context(|| format!("{} cannot be built", source.name))
    }

    /// kubectl, of the API server's version.
    pub fn kubectl(&self) -> Result<PathBuf> {
        self.path(Program::Kubectl)
    }

    /// Helm.
    pub fn helm(&self) -> Result<PathBuf> {
        self.path(Program::Helm)
    }

    /// Prometheus' tool for alerts.
    pub fn promtool(&self) -> Result<PathBuf> {
        self.path(Program::Promtool)
    }

    /// The program that reports the health of an object.
    pub fn kstatus(&self) -> Result<PathBuf> {
        self.path(Program::Kstatus)
    }

    /// The program that verifies SVIDs.
    pub fn go_spiffe(&self) -> Result<PathBuf> {
        self.path(Program::GoSpiffe)
    }

    /// The registry of images.
    pub fn registry(&self) -> Result<PathBuf> {
        self.path(Program::Registry)
    }

    /// The program that reads images in a registry.
    pub fn crane(&self) -> Result<PathBuf> {
        self.path(Program::Crane)
    }

    /// The program that verifies signatures of images.
    pub fn cosign(&self) -> Result<PathBuf> {
        self.path(Program::Cosign)
    }

    /// Istio's charts: of its CRDs, and of istiod.
    pub fn istio_charts(&self) -> Result<[PathBuf; 2]> {
        let istiod = self.path(Program::Istiod)?;
        Ok([ISTIO_BASE, ISTIOD].map(|name| istiod.with_file_name(name)))
    }

    /// What every control plane needs, so that no later start has to build.
    pub fn build_all(&self) -> Result<()> {
        self.build_for(&Options::default())?;
        self.kstatus()?;
        self.go_spiffe().map(drop)
    }

    /// What a control plane with these options needs.
    pub(crate) fn build_for(&self, options: &Options) -> Result<()> {
        let is_needed = |program: &Program| match program {
            Program::CertManager => options.cert_manager.is_some(),
            Program::Kstatus
            | Program::GoSpiffe
            | Program::Istiod
            | Program::IstioAgent
            | Program::Promtool
            | Program::Registry
            | Program::Crane
            | Program::Cosign
            | Program::SpireServer
            | Program::SpireAgent
            | Program::SpireDiscovery => false,
            _ => true,
        };
        let needed = Program::ALL.into_iter().filter(is_needed);
        needed
            .into_iter()
            .try_for_each(|program| self.path(program).map(drop))
    }

    /// The folder of cert-manager's CRDs, one file each.
    pub(crate) fn cert_manager_crds(&self) -> Result<PathBuf> {
        Ok(self.path(Program::CertManager)?.with_file_name(CRDS))
    }

    /// The folder of cert-manager's own chart.
    pub(crate) fn cert_manager_chart(&self) -> Result<PathBuf> {
        Ok(self.path(Program::CertManager)?.with_file_name(CHART))
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
