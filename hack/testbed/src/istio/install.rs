//! Istio's chart on a cluster.

use std::fs;

use anyhow::{Context, Result};

use crate::command::run;
use crate::controlplane::manifests::{apply_objects, kind, parse};
use crate::controlplane::{Cluster, Toolchain};

/// The kinds of the chart that need a kubelet, or that call a Service whose Pods are not there.
const LEFT_OUT: [&str; 6] = [
    "HorizontalPodAutoscaler",
    "MutatingWebhookConfiguration",
    "PodDisruptionBudget",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
    "ValidatingWebhookConfiguration",
];

/// Applies istiod's chart with these values (YAML) into an existing namespace, without what needs
/// a kubelet.
///
/// # Errors
/// It does not render, or the API server rejects an object.
pub async fn install(
    cluster: &Cluster,
    toolchain: &Toolchain,
    namespace: &str,
    values: &str,
) -> Result<()> {
    let [_, chart] = toolchain.istio_charts()?;
    let file = tempfile::NamedTempFile::new()?;
    fs::write(file.path(), values)?;
    let mut helm = cluster.helm();
    helm.args(["template", "istiod"]).arg(chart);
    helm.args(["--namespace", namespace, "--values"])
        .arg(file.path());
    helm.args(["--set", &format!("global.istioNamespace={namespace}")]);
    let rendered = run(&mut helm).context("istiod's chart does not render")?;
    let mut objects = parse(&rendered)?;
    objects.retain(|object| !LEFT_OUT.contains(&kind(object)));
    apply_objects(&cluster.client().await?, namespace, &objects).await
}
