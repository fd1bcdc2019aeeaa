//! A real Kubernetes control plane with cert-manager in it, as plain processes on loopback.
//!
//! No container, no virtual machine, no mock: etcd, kube-apiserver, kube-controller-manager,
//! cert-manager's controller and its webhook are built from the Go modules under `go/`, which pin
//! their versions, and run as child processes. There is no kubelet and no scheduler: a Pod is
//! only an object here, and Signet's operator runs as a process beside it.
//!
//! ```no_run
//! # async fn example() -> anyhow::Result<()> {
//! use signet_testbed::controlplane::{ControlPlane, Options};
//!
//! let plane = ControlPlane::start(&Options::default()).await?;
//! plane.kubectl().args(["get", "namespaces"]).status()?;
//! let signet = plane.kubeconfig_for_service_account("signet-system", "signet").await?;
//! # Ok(()) }
//! ```
//!
//! # Processes and identities
//!
//! | process | identity towards the API server |
//! |---|---|
//! | etcd, kube-apiserver | none; they listen on loopback, on free ports |
//! | kube-controller-manager | client certificate `system:kube-controller-manager`; each controller in it under its own ServiceAccount |
//! | cert-manager's controller and webhook | the ServiceAccounts of cert-manager's chart, with exactly the chart's RBAC |
//! | users of [`ControlPlane::kubeconfig`] | client certificate in group `system:masters` |
//!
//! Nothing here expires within a year, so a control plane that is left up works the next day.
//! The API server writes an audit log ([`ControlPlane::audit_log`]) of every request
//! and its user.
//!
//! # Moving to another version
//!
//! Versions are written in the `go.mod` files under `go/` and nowhere else. Change one, run
//! `go mod tidy` beside it, and the next start builds what has changed. `k8s.io/kubernetes` also
//! requires that all of its `k8s.io` modules are replaced by the same release.
//!
//! # Modules
//!
//! [`binaries`] builds and caches the programs. [`ControlPlane`] is the life of a control plane
//! from the first process to the last; one module for each server says how that one is started.
//! [`manifests`] applies YAML, and [`kubeconfig`] writes credentials; both work on any cluster.

mod apiserver;
pub mod binaries;
mod cert_manager;
mod cluster;
mod control_plane;
mod controller_manager;
mod etcd;
pub mod kubeconfig;
pub mod manifests;
mod options;

pub use binaries::{Program, Toolchain};
pub use cluster::Cluster;
pub use control_plane::ControlPlane;
pub use manifests::{Applied, apply_manifests, apply_recorded, delete_manifests};
pub use options::{CertManagerOptions, Options};

/// The namespace that cert-manager is installed in, as its own chart recommends.
pub const CERT_MANAGER_NAMESPACE: &str = "cert-manager";
