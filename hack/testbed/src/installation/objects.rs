//! What is applied: the namespace, the CRDs, and what Helm makes of the chart.

use std::fs;

use anyhow::{Context, Result};
use serde_json::Value;

use super::{NAMESPACE, checkout};
use crate::command::run;
use crate::controlplane::Cluster;

pub(crate) fn namespace() -> String {
    format!(
        "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: {NAMESPACE}\n  labels:\n    \
         pod-security.kubernetes.io/enforce: restricted\n"
    )
}

pub(crate) fn crds() -> Result<String> {
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
pub(crate) fn chart(cluster: &Cluster) -> Result<String> {
    let mut helm = cluster.helm();
    helm.args(["template", "signet"])
        .arg(checkout().join("charts/signet"))
        .args(["--namespace", NAMESPACE])
        .args(["--set", "image.repository=not-published"])
        .args(["--set", "replicaCount=0", "--set", "crds.enabled=false"])
        .args(["--set", "namespacedIssuers.createKeys=true"]);
    run(&mut helm).context("the chart does not render")
}

/// The objects of one template of the chart with a value set.
///
/// # Errors
/// The chart does not render.
pub fn render(cluster: &Cluster, template: &str, set: &str) -> Result<Vec<Value>> {
    let mut helm = cluster.helm();
    helm.args(["template", "signet"])
        .arg(checkout().join("charts/signet"))
        .args(["--namespace", NAMESPACE])
        .args(["--set", "image.repository=not-published", "--set", set])
        .args(["--show-only", &format!("templates/{template}")]);
    let rendered = run(&mut helm).context("the chart does not render")?;
    let objects: Vec<Value> = serde_saphyr::from_multiple(&rendered).context("invalid YAML")?;
    Ok(objects
        .into_iter()
        .filter(|object| !object.is_null())
        .collect())
}
