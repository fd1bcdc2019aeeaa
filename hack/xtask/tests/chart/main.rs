//! The chart, rendered and linted by the real Helm.
#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

mod additions;
mod crds;
mod deployment;
mod keys;
mod monitoring;
mod network_policy;
mod objects;
mod rbac;
mod render;
mod subchart;
mod values;
mod without_rbac;
