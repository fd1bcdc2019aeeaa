//! The Pod that a Deployment describes, as far as istiod needs it.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{EnvVar, PodSpec, Volume};

/// The name of the Pod.
const POD_NAME: &str = "istiod-0";

/// The first container of a Deployment's Pods.
#[derive(Debug)]
pub(super) struct Pod {
    pub(super) account: String,
    pub(super) arguments: Vec<String>,
    pub(super) environment: BTreeMap<String, String>,
    /// Where volumes are mounted.
    pub(super) mounts: Vec<(String, Volume)>,
}

impl Pod {
    pub(super) fn of(deployment: &Deployment, namespace: &str) -> Result<Self> {
        let pod = deployment.spec.template.spec.as_ref();
        let pod = pod.context("the Deployment has no Pod template")?;
        let container = pod.containers.first().context("the Pod has no container")?;
        let account = pod.service_account_name.clone().unwrap_or_default();
        let variables = container.env.iter().flatten();
        let environment = variables
            .filter_map(|variable| {
                Some((variable.name.clone(), value(variable, namespace, &account)?))
            })
            .collect();
        let mounts = container.volume_mounts.iter().flatten();
        let mounts = mounts
            .filter_map(|mount| Some((mount.mount_path.clone(), volume(pod, &mount.name)?)))
            .collect();
        Ok(Self {
            arguments: container.args.clone().unwrap_or_default(),
            environment,
            mounts,
            account,
        })
    }
}

fn volume(pod: &PodSpec, name: &str) -> Option<Volume> {
    let mut volumes = pod.volumes.iter().flatten();
    volumes.find(|volume| volume.name == name).cloned()
}

/// The value of a variable; `None` for what only a kubelet knows, such as limits.
fn value(variable: &EnvVar, namespace: &str, account: &str) -> Option<String> {
    let Some(source) = &variable.value_from else {
        return Some(variable.value.clone().unwrap_or_default());
    };
    let field = source.field_ref.as_ref()?;
    let value = match field.field_path.as_str() {
        "metadata.name" => POD_NAME,
        "metadata.namespace" => namespace,
        "spec.serviceAccountName" => account,
        _ => return None,
    };
    Some(value.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn reads_what_a_kubelet_would_run() {
        let field = |path: &str| json!({ "fieldRef": { "fieldPath": path } });
        let deployment = json!({ "spec": { "selector": {}, "template": { "spec": {
            "serviceAccountName": "istiod",
            "containers": [{
                "name": "discovery",
                "args": ["discovery"],
                "env": [
                    { "name": "A", "value": "1" },
                    { "name": "NAMESPACE", "valueFrom": field("metadata.namespace") },
                    { "name": "LIMIT", "valueFrom": { "resourceFieldRef": { "resource": "limits.cpu" } } },
                ],
                "volumeMounts": [{ "name": "ca", "mountPath": "/etc/cacerts" }],
            }],
            "volumes": [{ "name": "ca", "secret": { "secretName": "cacerts" } }],
        } } } });
        let deployment: Deployment = serde_json::from_value(deployment).unwrap();
        let pod = Pod::of(&deployment, "mesh").unwrap();
        assert_eq!(pod.account, "istiod");
        assert_eq!(pod.arguments, ["discovery"]);
        let environment: Vec<_> = pod.environment.iter().collect();
        let expected =
            [("A", "1"), ("NAMESPACE", "mesh")].map(|(a, b)| (a.to_owned(), b.to_owned()));
        assert_eq!(
            environment,
            expected.iter().map(|(a, b)| (a, b)).collect::<Vec<_>>()
        );
        assert_eq!(pod.mounts[0].0, "/etc/cacerts");
    }
}
