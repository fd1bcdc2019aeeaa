//! What a kubelet and the Deployment's controller do for istiod.

use std::path::Path;
use std::pin::pin;
use std::time::Duration;

use anyhow::{Context, Result};
use futures::StreamExt;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::PodTemplateSpec;
use kube::Api;
use kube::api::{Patch, PatchParams};
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::watch_object;
use serde_json::json;

use super::{ISTIOD, Istiod};
use crate::controlplane::{Cluster, Toolchain};

/// Between two looks at the volumes of a Pod. A kubelet has a minute.
const SYNC_INTERVAL: Duration = Duration::from_secs(2);

/// Runs istiod whenever a namespace has its Deployment, in its present form, and reports to the
/// Deployment's status that it runs, so that `kubectl rollout status` returns. Keeps its files up
/// to date. Calls `started` for every start. It never ends by itself.
///
/// # Errors
/// istiod does not get ready, or the Deployment cannot be watched.
pub async fn keep_running(
    cluster: &Cluster,
    toolchain: &Toolchain,
    namespace: &str,
    log: &Path,
    mut started: impl FnMut(&Istiod) -> Result<()>,
) -> Result<()> {
    let client = cluster.client().await?;
    let deployments: Api<Deployment> = Api::namespaced(client, namespace);
    let mut versions = pin!(watch_object(deployments.clone(), ISTIOD).default_backoff());
    let mut running: Option<(PodTemplateSpec, Istiod)> = None;
    loop {
        let version = tokio::select! {
            version = versions.next() => version.context("the watch has ended")?,
            () = tokio::time::sleep(SYNC_INTERVAL) => {
                if let Some((_, istiod)) = &running {
                    // As a kubelet, it tries again: an object may be missing for a moment.
                    let _ = istiod.sync_volumes().await;
                }
                continue;
            }
        };
        let Ok(found) = version else { continue };
        let Some(deployment) = found else {
            running = None;
            continue;
        };
        let template = deployment.spec.template.clone();
        if running.as_ref().is_none_or(|(of, _)| *of != template) {
            // The earlier one goes first; a rollout would start the later one first.
            drop(running.take());
            let istiod = Istiod::start(cluster, toolchain, namespace, log).await?;
            started(&istiod)?;
            running = Some((template, istiod));
        }
        report(&deployments, &deployment).await?;
    }
}

/// Writes the status of a Deployment whose Pod is available, unless it has it.
async fn report(deployments: &Api<Deployment>, deployment: &Deployment) -> Result<()> {
    let generation = deployment.metadata.generation;
    let status = deployment.status.as_ref();
    if status.is_some_and(|status| status.observed_generation == generation) {
        return Ok(());
    }
    let status = Patch::Merge(json!({ "status": {
        "observedGeneration": generation, "replicas": 1, "updatedReplicas": 1,
        "readyReplicas": 1, "availableReplicas": 1,
        "conditions": [{ "type": "Available", "status": "True" }],
    } }));
    let params = PatchParams::default();
    let patched = deployments.patch_status(ISTIOD, &params, &status).await;
    patched
        .map(drop)
        .context("the status of the Deployment cannot be written")
}
