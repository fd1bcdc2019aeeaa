//! The MeshCA, and then istiod, in the order of the page about them.

use anyhow::{Context, Result};
use kube::{Api, Client};
use serde_json::json;
use signet_api::conditions::{READY, find, is_true};
use signet_api::{IssuerResource, MeshCA};
use signet_testbed::controlplane::{Program, Toolchain, apply_manifests};
use signet_testbed::istio::{self, Agent, Istiod};
use signet_testbed::wait::{Observation, until};

use super::objects::{MESH_CA, Names, TRUST_DOMAIN, manifest};
use super::workloads::{ACCOUNTS, Workloads};
use super::{MeshScenario, MeshSizes};
use crate::bed::Bed;

/// A mesh that runs.
pub(super) struct Mesh {
    pub(super) client: Client,
    pub(super) names: Names,
    pub(super) istiod: Istiod,
    pub(super) workloads: Workloads,
}

impl Mesh {
    /// Creates the MeshCA, and starts istiod once there is a CA for it.
    pub(super) async fn start(
        bed: &Bed,
        scenario: MeshScenario,
        sizes: &MeshSizes,
    ) -> Result<Self> {
        let (toolchain, agent) = tokio::task::spawn_blocking(programs).await??;
        let (names, client) = (Names::of(scenario), bed.client.clone());
        let accounts = ACCOUNTS.map(|(account, _)| account.to_owned());
        let yaml = manifest(&names, sizes, &accounts)?;
        apply_manifests(&client, &names.namespace, &yaml).await?;
        let mesh_cas: Api<MeshCA> = Api::namespaced(client.clone(), &names.namespace);
        await_ready(&mesh_cas).await?;
        let cluster = bed.cluster();
        let values = json!({
            "env": {
                "ISTIO_MULTIROOT_MESH": "true",
                "MAX_WORKLOAD_CERT_TTL": format!("{}s", sizes.pace.leaf.as_secs()),
            },
            "meshConfig": {
                "trustDomain": TRUST_DOMAIN,
                // Several istiods would overwrite each other's root in every namespace.
                "discoverySelectors": [{ "matchExpressions": [{
                    "key": "kubernetes.io/metadata.name", "operator": "In",
                    "values": [names.namespace, names.workloads],
                }] }],
            },
        });
        istio::install(cluster, &toolchain, &names.namespace, &values.to_string()).await?;
        let log = bed.log(scenario.name());
        let istiod = Istiod::start(cluster, &toolchain, &names.namespace, &log).await?;
        Ok(Self {
            workloads: Workloads {
                client: client.clone(),
                agent,
                names: names.clone(),
                istiod: (istiod.address(), istiod.server_name()),
                lifetime: sizes.pace.leaf,
            },
            client,
            names,
            istiod,
        })
    }
}

/// Builds istiod and the agent: minutes, where they are not cached yet.
fn programs() -> Result<(Toolchain, Agent)> {
    let toolchain = Toolchain::new()?;
    toolchain.istio_charts()?;
    toolchain.path(Program::Istiod)?;
    let agent = Agent::new(&toolchain)?;
    Ok((toolchain, agent))
}

async fn await_ready(mesh_cas: &Api<MeshCA>) -> Result<()> {
    let observe = async || {
        let found = mesh_cas.get(MESH_CA).await.context("there is a MeshCA")?;
        let status = found.issuer_status().cloned().unwrap_or_default();
        let conditions = &status.conditions;
        let ready = find(conditions, READY).map(|ready| ready.message.clone());
        let message = ready.unwrap_or_default();
        Ok(Observation::reached_if(is_true(conditions, READY), message))
    };
    until("the MeshCA to be ready", observe).await
}
