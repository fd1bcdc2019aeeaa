//! The chart, rendered and linted by the real Helm.
#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

#[path = "chart/crds.rs"]
mod crds;
#[path = "chart/deployment.rs"]
mod deployment;
#[path = "chart/objects.rs"]
mod objects;
#[path = "chart/rbac.rs"]
mod rbac;
#[path = "chart/render.rs"]
mod render;
#[path = "chart/values.rs"]
mod values;
