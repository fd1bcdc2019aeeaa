//! Signet from this checkout, on a cluster: its CRDs and its chart are applied with no replicas,
//! and the operator runs as a process beside it, under the chart's ServiceAccount.
//!
//! The cluster is the project's own control plane, or one that a user has. Either way the
//! operator has the rights that the chart gives it and no others.

mod build;
mod cluster;
mod operator;
mod tether;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::{Api, Client};
use serde::{Deserialize, Serialize};
use signet_controlplane::{Applied, apply_manifests, delete_manifests, kubeconfig};

pub use build::{Profile, checkout, operator_binary};
pub use cluster::Cluster;
pub use operator::{Life, Operator, OperatorOptions, command_line, stop_process};

/// The namespace that Signet is installed in.
pub const NAMESPACE: &str = "signet-system";
/// The ServiceAccount that the chart makes under the release name `signet`.
pub const SERVICE_ACCOUNT: &str = "signet";

/// Signet's objects on a cluster.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Installation {
    cluster: Cluster,
    applied: Vec<Applied>,
}

impl Installation {
    /// Applies the CRDs and the chart, with no replicas.
    pub async fn apply(cluster: Cluster) -> Result<Self> {
        let client = cluster.client().await?;
        let mut applied = apply_manifests(&client, NAMESPACE, &namespace()).await?;
        applied.extend(apply_manifests(&client, NAMESPACE, &crds()?).await?);
        applied.extend(apply_manifests(&client, NAMESPACE, &chart(&cluster)?).await?);
        service_account(&client).await?;
        Ok(Self { cluster, applied })
    }

    /// The cluster.
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// Writes a kubeconfig of the operator's ServiceAccount into `folder`.
    pub async fn operator_kubeconfig(&self, folder: &Path) -> Result<PathBuf> {
        let admin = self.cluster.kubeconfig();
        kubeconfig::for_service_account(admin, NAMESPACE, SERVICE_ACCOUNT, folder).await
    }

    /// Deletes what was created; what had been there before stays.
    pub async fn delete(&self) -> Result<()> {
        delete_manifests(&self.cluster.client().await?, &self.applied).await
    }
}

fn namespace() -> String {
    format!(
        "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: {NAMESPACE}\n  labels:\n    \
         pod-security.kubernetes.io/enforce: restricted\n"
    )
}

fn crds() -> Result<String> {
    let folder = checkout().join("crds");
    let mut files: Vec<_> = fs::read_dir(&folder)
        .with_context(|| format!("{} cannot be read", folder.display()))?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    files.sort();
    let texts: Result<Vec<_>, _> = files.iter().map(fs::read_to_string).collect();
    Ok(texts?.join("\n---\n"))
}

/// The chart without CRDs, which are applied from `crds/` as a GitOps user would.
fn chart(cluster: &Cluster) -> Result<String> {
    let home = tempfile::tempdir()?;
    let output = cluster
        .helm(home.path())
        .args(["template", "signet"])
        .arg(checkout().join("charts/signet"))
        .args(["--namespace", NAMESPACE])
        .args(["--set", "image.repository=not-published"])
        .args(["--set", "replicaCount=0", "--set", "crds.enabled=false"])
        .output()
        .context("Helm cannot be run")?;
    ensure!(
        output.status.success(),
        "Helm could not render the chart: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(String::from_utf8(output.stdout)?)
}

async fn service_account(client: &Client) -> Result<()> {
    let api: Api<ServiceAccount> = Api::namespaced(client.clone(), NAMESPACE);
    api.get(SERVICE_ACCOUNT)
        .await
        .context("the chart made no ServiceAccount signet")?;
    Ok(())
}
