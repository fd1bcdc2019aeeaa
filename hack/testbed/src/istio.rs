//! Istio's control plane, as a process beside a cluster, and the agents of workloads.
//!
//! Istio's own chart is applied, and istiod runs as its Deployment says: with its arguments, its
//! environment, its volumes and a token of its ServiceAccount. There is no kubelet, no sidecar and
//! no ztunnel. [`Istiod`] and [`keep_running`] do what a kubelet would do for istiod; an [`Agent`]
//! requests certificates as sidecars and ztunnel do.

mod agent;
mod install;
mod istiod;
mod kubelet;
mod pod;
pub(crate) mod volumes;

pub use agent::{Agent, AgentKey, AgentRequest, Connected, Workload};
pub use install::install;
pub use istiod::Istiod;
pub use kubelet::keep_running;

/// The name of istiod's Deployment and ServiceAccount in the chart, without a revision.
pub const ISTIOD: &str = "istiod";
/// The audience of the tokens with which workloads log in to istiod.
pub const TOKEN_AUDIENCE: &str = "istio-ca";
