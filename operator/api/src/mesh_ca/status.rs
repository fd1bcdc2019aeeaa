//! The status of a MeshCA: that of an issuer, and what the mesh has loaded.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::IssuerStatus;

/// The observed state of a MeshCA.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
// kstatus counts a new object as in progress until Signet has observed it.
#[schemars(extend("default" = { "observedGeneration": -1 }))]
pub struct MeshCAStatus {
    /// What it has in common with issuers.
    #[serde(flatten)]
    pub issuer: IssuerStatus,
    /// What the mesh has loaded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mesh: Option<MeshStatus>,
}

/// What a mesh has loaded of what Signet wrote for it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MeshStatus {
    /// The SHA-256 of each root that the mesh has loaded, in hex, in the order of its file. Of
    /// Istio, istiod reports them; of other meshes, they are those that were written longer than
    /// `spec.propagation` ago.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "atomic"))]
    pub loaded_roots: Vec<String>,
    /// What the next change of the mesh's objects waits for. `Restart` and `Activation` need a
    /// person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits_for: Option<MeshWait>,
    /// Since when it waits for that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits_since: Option<Time>,
}

/// What a MeshCA waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum MeshWait {
    /// The mesh has not loaded what was written last.
    Mesh,
    /// The certificates of workloads that were issued before the mesh loaded the next root have to
    /// expire.
    Leaves,
    /// A person has to restart the mesh, or to change a setting of it.
    Restart,
    /// A person has to name the next CA certificate in `spec.rotation.activate`.
    Activation,
}
